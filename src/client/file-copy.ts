/**
 * Copies one file between this machine and a session, in Node. Whatever breaks on the way, it goes
 * on where both sides agree by hash, and puts the file in its place only when the SHA-256 of the
 * whole is right. A channel that is lost is asked for anew.
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { DiskFault } from "../disk/disk-fault.ts";
import { DiskGate } from "../disk/disk-gate.ts";
import { FileSource } from "../disk/file-source.ts";
import { PartFile } from "../disk/part-file.ts";
import type { FileInfo } from "../protocol/file-services.ts";
import type { Digest, FileReading } from "./file-reading.ts";
import type { FileWriting } from "./file-writing.ts";
import { goesOn } from "./lasting-channel.ts";
import type { SessionChannel } from "./session-channel.ts";
import { fileFault } from "./wire-faults.ts";

/** Gives the channel of now: another one when the last has ended. @throws HubError */
export type ChannelSource = () => Promise<SessionChannel>;

export interface CopyOptions {
  /** How many bytes of the file are there, from the first one on; also after going on. */
  readonly onProgress?: (bytes: number) => void;
  /** Gives up: what came is removed. */
  readonly signal?: AbortSignal;
}

/** All calls on files of this process. */
export const localDisk = new DiskGate(systemClock);

/** Attempts in a row that bring no byte. Each waits for a channel, so this is no matter of time. */
const VAIN_ATTEMPTS_MAX = 20;

/** Copies a file into the session. @throws HubError */
export async function uploadFile(
  channel: ChannelSource,
  { from, to }: { readonly from: string; readonly to: string },
  options: CopyOptions = {},
): Promise<FileInfo & Digest> {
  const local = resolve(from);
  return attempts(options, async (progress, state) => {
    const source = await FileSource.open(localDisk, local);
    try {
      const { size, mode, mtimeMs } = source.info;
      const key = keyOf([local, size, mtimeMs]);
      const { files } = await channel();
      const writing = files.write({ path: to, key, size, mode, mtimeMs, anew: state.anew });
      return await cancelling(options.signal, writing, () =>
        sendAll(source, writing, progress, state),
      );
    } finally {
      await source.close();
    }
  });
}

/** Copies a file out of the session; `info` saves the look at it. @throws HubError */
export async function downloadFile(
  channel: ChannelSource,
  { from, to, info }: { readonly from: string; readonly to: string; readonly info?: FileInfo },
  options: CopyOptions = {},
): Promise<FileInfo & Digest> {
  const target = resolve(to);
  return attempts(options, async (progress, state) => {
    const { files, session } = await channel();
    const { size, mtimeMs } = info ?? (await files.stat(from, { follow: true }));
    const key = keyOf([session, from, size, mtimeMs]);
    const part = await PartFile.open(localDisk, { target, key, size, anew: state.anew });
    let over: "keep" | "discard" = "discard";
    try {
      const { file, digest } = await takeAll(files.read.bind(files), from, part, progress, options);
      await part.commit(digest, file);
      return { ...file, ...digest };
    } catch (error) {
      if (error instanceof StalePart) state.anew = true;
      if (goesOn(error)) over = "keep";
      throw error;
    } finally {
      await part[over]();
    }
  });
}

/** What both sides have of it differs: from the beginning, then. */
class StalePart extends Error {}

interface State {
  anew: boolean;
}

async function attempts<T>(
  { onProgress, signal }: CopyOptions,
  attempt: (progress: (bytes: number) => void, state: State) => Promise<T>,
): Promise<T> {
  const state = { anew: false };
  let vain = 0;
  let best = 0;
  for (;;) {
    mustGoOn(signal);
    try {
      return await attempt((bytes) => {
        if (bytes > best) vain = 0;
        best = Math.max(best, bytes);
        onProgress?.(bytes);
      }, state);
    } catch (error) {
      mustGoOn(signal);
      vain += 1;
      if ((goesOn(error) || error instanceof StalePart) && vain < VAIN_ATTEMPTS_MAX) continue;
      throw asHubError(error);
    }
  }
}

function mustGoOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new HubError("Interrupted", "the copy was given up");
}

async function sendAll(
  source: FileSource,
  writing: FileWriting,
  progress: (bytes: number) => void,
  state: State,
): Promise<FileInfo & Digest> {
  const { from, prefix } = await writing.opened;
  const beginAt = await source.resumeAt(from, prefix);
  if (beginAt !== from) {
    state.anew = true;
    throw new StalePart();
  }
  state.anew = false;
  let sent = beginAt;
  progress(sent);
  const digest = await source.pump({
    get closed() {
      return writing.closed;
    },
    write: (bytes) => {
      sent += bytes.length;
      progress(sent);
      return writing.write(bytes);
    },
    whenSent: () => writing.whenSent(),
  });
  if (digest === null) throw await reasonOf(writing.done);
  return { ...(await writing.finish(digest)), ...digest };
}

async function takeAll(
  read: (request: Parameters<SessionChannel["files"]["read"]>[0]) => FileReading,
  path: string,
  part: PartFile,
  progress: (bytes: number) => void,
  { signal }: CopyOptions,
): Promise<{ file: FileInfo; digest: Digest }> {
  const broken = Promise.withResolvers<never>();
  // Whoever waits for the reading hears of it; nobody has to.
  broken.promise.catch(() => undefined);
  part.onFail = (fault) => broken.reject(fault);
  let came = part.from;
  const reading = read({
    path,
    from: part.from,
    prefix: part.prefix,
    onOpened: ({ from }) => {
      if (from !== part.from) broken.reject(new StalePart());
      else progress(came);
    },
    onData: (bytes) => {
      came += bytes.length;
      progress(came);
      return part.write(bytes);
    },
  });
  return cancelling(signal, reading, async () => {
    const digest = await Promise.race([reading.done, broken.promise]);
    const { file } = await reading.opened;
    return { file, digest };
  });
}

/** Whatever ends the work ends its stream, too; after the end of the stream that does nothing. */
async function cancelling<T>(
  signal: AbortSignal | undefined,
  stream: { cancel(): void },
  work: () => Promise<T>,
): Promise<T> {
  const cancel = (): void => stream.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await work();
  } catch (error) {
    stream.cancel();
    throw error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

async function reasonOf(done: Promise<unknown>): Promise<unknown> {
  try {
    await done;
    return new HubError("ProtocolBroken", "the upload was answered before its end");
  } catch (error) {
    return error;
  }
}

/** The same for the same file, so that a later run finds what an earlier one left. */
function keyOf(parts: readonly (string | number)[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 32);
}

export function asHubError(error: unknown): unknown {
  return error instanceof DiskFault ? fileFault(error) : error;
}
