/**
 * The files of a session. Whole contents go here as streams from an offset on; what they are on
 * this side (a file, a buffer, a page) is the caller's. Runs in a browser.
 */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { parseControl } from "../protocol/control.ts";
import { FileChange, FileInfo, type FileQuestion } from "../protocol/file-services.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { OpenRequest } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import { askOnce } from "./ask-once.ts";
import { openReading, type FileReading, type ReadRequest } from "./file-reading.ts";
import { openWriting, type FileWriting, type WriteRequest } from "./file-writing.ts";
import { joinBytes, LineReader } from "./line-reader.ts";
import { createOutcome } from "./outcome.ts";
import { fileFault } from "./wire-faults.ts";

/** What a Linux kernel takes. */
const PATH_BYTES_MAX = 4_096;
const NEW_FILE_MODE = 0o644;

export interface FileWatch extends AsyncDisposable {
  /** Resolves when changes are watched from now on. Rejects with HubError. */
  readonly opened: Promise<void>;
  close(): void;
  /** Resolves, never rejects, with the reason: null when it ended by itself or by `close`. */
  readonly closed: Promise<HubError | null>;
}

/** All of it throws and rejects with HubError: FileMissing, FileRefused, FileKindWrong … */
export class SessionFiles {
  readonly #channel: () => Channel;

  /** `channel` throws when the channel has ended. */
  constructor(channel: () => Channel) {
    this.#channel = channel;
  }

  stat(path: string, options: { readonly follow?: boolean } = {}): Promise<FileInfo> {
    return this.#ask({ do: "stat", path, follow: true, ...options });
  }

  /** With `parents` those that miss are made, and one that is there is no fault. */
  mkdir(
    path: string,
    options: { readonly parents?: boolean; readonly mode?: number } = {},
  ): Promise<FileInfo> {
    return this.#ask({ do: "mkdir", path, parents: false, ...options });
  }

  remove(path: string, options: { readonly recursive?: boolean } = {}): Promise<FileInfo> {
    return this.#ask({ do: "remove", path, recursive: false, ...options });
  }

  rename(path: string, to: string): Promise<FileInfo> {
    return this.#ask({ do: "rename", path, to });
  }

  symlink(path: string, target: string): Promise<FileInfo> {
    return this.#ask({ do: "symlink", path, target });
  }

  set(
    path: string,
    values: { readonly mode?: number; readonly mtimeMs?: number },
  ): Promise<FileInfo> {
    return this.#ask({ do: "set", path, ...values });
  }

  /**
   * What is at a path, first of all itself (with an empty path), then what is in it; with `deep`
   * all that is below, a directory before what is in it. Symlinks are not followed. With `max`
   * the first so many, in the order of names, and the rest is not sent.
   */
  list(
    path: string,
    { deep = false, max = Infinity }: { readonly deep?: boolean; readonly max?: number } = {},
  ): Promise<readonly FileInfo[]> {
    const infos: FileInfo[] = [];
    const rxMax = limits.FILE_WINDOW_BYTES;
    const list = this.#lines({ kind: "file.list", path: checked(path), deep, rxMax }, (line) => {
      if (infos.length < max) infos.push(parseControl(FileInfo, line));
      else list.close();
    });
    return list.closed.then((error) => {
      if (error !== null) throw error;
      return infos;
    });
  }

  /** A whole file, right by SHA-256. @throws HubError FileCorrupt, too */
  async readAll(path: string): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const { sha256 } = await this.read({ path, onData: (bytes) => void parts.push(bytes) }).done;
    const whole = joinBytes(parts);
    if ((await sha256Of(whole)) === sha256) return whole;
    throw new HubError("FileCorrupt", `${path}: other bytes came than were read`);
  }

  /** Writes a whole file, or nothing of it: it is there when this resolves. */
  async writeAll(
    path: string,
    bytes: Uint8Array,
    { mode = NEW_FILE_MODE, mtimeMs }: { readonly mode?: number; readonly mtimeMs?: number } = {},
  ): Promise<FileInfo> {
    const sha256 = await sha256Of(bytes);
    const time = mtimeMs === undefined ? {} : { mtimeMs };
    const size = bytes.length;
    const writing = this.write({ path, key: sha256, size, mode, ...time });
    const { from } = await writing.opened;
    writing.write(bytes.subarray(from));
    return writing.finish({ sha256, bytes: size });
  }

  /** Begins to read a file, from an offset if one is given. */
  read(request: ReadRequest): FileReading {
    return openReading(this.#channel(), { ...request, path: checked(request.path) });
  }

  /** Begins to write a file: it is there, whole, when `finish` resolves, and not before. */
  write(request: WriteRequest): FileWriting {
    return openWriting(this.#channel(), { ...request, path: checked(request.path) });
  }

  /** Hears of changes from the moment at which `opened` resolves. */
  watch(
    path: string,
    options: { readonly deep?: boolean; readonly onChange: (change: FileChange) => void },
  ): FileWatch {
    const { deep = false, onChange } = options;
    const rxMax = limits.STREAM_WINDOW_BYTES;
    return this.#lines({ kind: "file.watch", path: checked(path), deep, rxMax }, (line) =>
      onChange(parseControl(FileChange, line)),
    );
  }

  #ask(question: FileQuestion): Promise<FileInfo> {
    try {
      checked(question.path);
      if ("to" in question) checked(question.to);
      if ("target" in question) checked(question.target);
      const read = (json: Uint8Array) => parseControl(FileInfo, json);
      return askOnce(this.#channel(), { kind: "file.ask", question }, read, fileFault);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #lines(request: OpenRequest, take: (line: Uint8Array) => void): FileWatch {
    const opened = createOutcome<void>();
    const closed = createOutcome<HubError | null>();
    const lines = new LineReader();
    let wanted = false;
    const stream = this.#channel().open(request, {
      onOpen: () => opened.resolve(),
      onBytes: (bytes) => {
        try {
          lines.push(bytes, take);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          closed.resolve(new HubError("ProtocolBroken", `${request.kind}: ${error.message}`));
          stream.reset("PROTOCOL", error.message);
        }
      },
      onEnd: () => {
        stream.end();
        closed.resolve(null);
      },
      onClosed: (end) => {
        const error = end.kind === "reset" && !wanted ? fileFault(end.reset) : null;
        opened.reject(error ?? new HubError("LinkLost", `${request.kind} was closed`));
        closed.resolve(error);
      },
    });
    const close = (): void => {
      wanted = true;
      stream.reset("CANCELLED", "closed by the client");
    };
    const dispose = async (): Promise<void> => close();
    const { promise } = closed;
    return { opened: opened.promise, closed: promise, close, [Symbol.asyncDispose]: dispose };
  }
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @throws HubError for what cannot be a path anywhere. */
function checked(path: string): string {
  if (path.includes("\0")) throw new HubError("BadRequest", "a path cannot have a NUL in it");
  const { length } = new TextEncoder().encode(path);
  if (length <= PATH_BYTES_MAX) return path;
  throw new HubError("BadRequest", `a path of ${length} bytes: ${PATH_BYTES_MAX} at most`);
}
