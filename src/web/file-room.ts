/**
 * The files of one session as the page needs them: look at a directory or at the beginning of a
 * file, fetch a file, put one there. Dials with the first question and keeps the channel until
 * `close`. What is too much for a page is refused with the command that carries it; whole files
 * are in memory here, and judged by their SHA-256.
 */
import { bytesText } from "../base/bytes-text.ts";
import { HubError } from "../base/hub-error.ts";
import type { Api } from "../client/api.ts";
import type { FileInfo, SessionChannel, SessionFiles } from "../client/index.ts";
import { openPageLink, type PageLink } from "./page-link.ts";

/** Nobody reads more of a list; the first by name, and the rest by a narrower path. */
export const ENTRIES_MAX = 500;
/** Some screens of text. */
const HEAD_BYTES = 64 * 1024;
/** A tab holds a file several times while it is judged and saved. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;

/** What stands at a path; a symlink to it counts as itself. */
export type Looked =
  | {
      readonly kind: "directory";
      readonly path: string;
      readonly entries: readonly FileInfo[];
      /** More are in it than `entries`. */
      readonly more: boolean;
    }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly info: FileInfo;
      /** Null when it is not text. */
      readonly head: string | null;
      /** `head` is all of it. */
      readonly whole: boolean;
    };

/** All of it rejects with HubError. */
export interface FileRoom {
  look(path: string): Promise<Looked>;
  fetch(path: string): Promise<Uint8Array>;
  has(path: string): Promise<boolean>;
  put(path: string, bytes: Uint8Array): Promise<FileInfo>;
  /** Refuses what is too much, before it is read. */
  checkSize(name: string, bytes: number): void;
  close(): void;
}

export function openFileRoom({ api, session }: { readonly api: Api; readonly session: string }) {
  let reached: Promise<{ readonly link: PageLink; readonly channel: SessionChannel }> | null = null;
  const leave = (): void => {
    // Whoever asked has heard that it was not reached; then there is nothing to leave.
    reached?.then(({ link }) => link.leave()).catch(() => undefined);
    reached = null;
  };
  const reach = async () => {
    const link = await openPageLink(api, session);
    try {
      const channel = await link.hub.attach(session);
      // What ended is dialled anew by the next question.
      void channel.closed.then(leave);
      return { link, channel };
    } catch (error) {
      link.leave();
      reached = null;
      throw error;
    }
  };
  const files = async (): Promise<SessionFiles> => {
    reached ??= reach();
    return (await reached).channel.files;
  };
  const room: FileRoom = {
    look: async (path) => lookAt(await files(), path),
    async fetch(path) {
      const there = await files();
      checkSize(path, (await there.stat(path)).size);
      return there.readAll(path);
    },
    async has(path) {
      const there = await files();
      return there.stat(path, { follow: false }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof HubError && error.code === "FileMissing") return false;
          throw error;
        },
      );
    },
    put: async (path, bytes) => (await files()).writeAll(path, bytes),
    checkSize,
    close: leave,
  };
  return room;
}

function checkSize(name: string, bytes: number): void {
  if (!isSecureContext) {
    const why = "a browser checks no SHA-256 on a page that came by plain http from elsewhere";
    throw new HubError("FileRefused", why, {
      hint: "Open the hub by https, or use `holdfast cp`.",
    });
  }
  if (bytes <= WHOLE_BYTES_MAX) return;
  const most = bytesText(WHOLE_BYTES_MAX);
  const said = `${name} has ${bytesText(bytes)}: the page carries files up to ${most}`;
  throw new HubError("FileRefused", said, { hint: "Use `holdfast cp`, which carries any size." });
}

async function lookAt(files: SessionFiles, path: string): Promise<Looked> {
  const { path: absolute } = await files.stat(path);
  // First comes the directory itself; one entry too many tells that there are more.
  const [itself, ...entries] = await files.list(absolute, { max: ENTRIES_MAX + 2 });
  if (itself === undefined) throw new HubError("ProtocolBroken", `${path}: an empty list`);
  if (itself.kind === "directory") {
    const more = entries.length > ENTRIES_MAX;
    return { kind: "directory", path: absolute, entries: entries.slice(0, ENTRIES_MAX), more };
  }
  const { bytes, whole } = await readHead(files, absolute);
  return { kind: "file", path: absolute, info: itself, head: textOf(bytes, whole), whole };
}

async function readHead(files: SessionFiles, path: string) {
  const bytes = new Uint8Array(HEAD_BYTES);
  let length = 0;
  let whole = true;
  const reading = files.read({
    path,
    onData: (part) => {
      const fits = part.subarray(0, HEAD_BYTES - length);
      bytes.set(fits, length);
      length += fits.length;
      if (fits.length === part.length || !whole) return;
      whole = false;
      reading.cancel();
    },
  });
  await reading.done.catch((error: unknown) => {
    // The rest was not wanted.
    if (whole) throw error;
  });
  return { bytes: bytes.subarray(0, length), whole };
}

/** UTF-8 without NUL is text; a letter that the cut went through is none's fault. */
export function textOf(bytes: Uint8Array, whole: boolean): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}

/** Below a directory with an absolute path. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith("/") ? `${directory}${name}` : `${directory}/${name}`;
}

/** The directory that a path is in; null at the root. */
export function parentOf(path: string): string | null {
  if (path === "/") return null;
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
