/** One file of a session that is written: bytes from where it wants them, then their digest. */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { parseControl } from "../protocol/control.ts";
import { FileInfo } from "../protocol/file-services.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import type { Channel } from "../stream/channel.ts";
import type { Digest } from "./file-reading.ts";
import { joinBytes } from "./line-reader.ts";
import { createOutcome } from "./outcome.ts";
import { fileFault } from "./wire-faults.ts";

export interface WriteRequest {
  readonly path: string;
  /** Names what is copied: bytes of an earlier attempt with the same key are gone on with. */
  readonly key: string;
  readonly size: number;
  readonly mode: number;
  /** Without it the moment at which it is written. */
  readonly mtimeMs?: number;
  /** Begins at 0, whatever an earlier attempt left. */
  readonly anew?: boolean;
}

export interface FileWriting {
  /** From which offset bytes are wanted, and the SHA-256 of those before. */
  readonly opened: Promise<{ readonly from: number; readonly prefix: string }>;
  /** Copies the bytes; false means to wait with `whenSent`. */
  write(bytes: Uint8Array): boolean;
  whenSent(): Promise<void>;
  /** Tells what all bytes should be. Resolves when the file is in its place. */
  finish(digest: Digest): Promise<FileInfo>;
  cancel(): void;
  readonly closed: boolean;
  /** As `finish`, for those who did not get so far. */
  readonly done: Promise<FileInfo>;
}

export function openWriting(channel: Channel, request: WriteRequest): FileWriting {
  const { path, key, size, mode, mtimeMs, anew = false } = request;
  const opened = createOutcome<{ from: number; prefix: string }>();
  const done = createOutcome<FileInfo>();
  const answer: Uint8Array[] = [];
  const stream = channel.open(
    {
      kind: "file.write",
      path,
      key,
      anew,
      size,
      mode,
      ...(mtimeMs !== undefined && { mtimeMs }),
      rxMax: limits.CONTROL_BYTES_MAX,
    },
    {
      onOpen: ({ from = 0, prefix = "" }) => opened.resolve({ from, prefix }),
      onBytes: (bytes) => void answer.push(bytes),
      onEnd: () => {
        try {
          done.resolve(parseControl(FileInfo, joinBytes(answer)));
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          done.reject(new HubError("ProtocolBroken", `file.write: ${error.message}`));
        }
      },
      onClosed: (end) => {
        if (end.kind !== "reset") return;
        const error = fileFault(end.reset);
        opened.reject(error);
        done.reject(error);
      },
    },
  );
  return {
    opened: opened.promise,
    done: done.promise,
    get closed() {
      return stream.closed;
    },
    write: (bytes) => stream.write(bytes),
    whenSent: () => stream.whenSent(),
    finish: ({ sha256, bytes }) => {
      stream.ctl({ type: "digest", sha256, bytes });
      stream.end();
      return done.promise;
    },
    cancel: () => stream.reset("CANCELLED", "cancelled by the client"),
  };
}
