/**
 * The output of one session command: two files that the command itself writes to, so that nothing
 * is lost when nobody reads and a background job keeps its own log. Owns how they are told: whole,
 * or followed with Daytona's in-band markers.
 */
import { open, readFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export const streams = ["stdout", "stderr"] as const;
export type StreamName = (typeof streams)[number];

/** In-band: three bytes say of which stream the following ones are. */
const markers: Record<StreamName, Buffer> = {
  stdout: Buffer.from([1, 1, 1]),
  stderr: Buffer.from([2, 2, 2]),
};
/** The SDK's reader fails on frames of over 120 KB; the real daemon sends at most 1 KB. */
const FRAME_BYTES_MAX = 1024;
const READ_BYTES = 64 * 1024;
const POLL_MS = 20;
const IDLE_POLL_MS = 100;
const IDLE_AFTER_MS = 2_000;
/** Daytona looks 50 times for more before it believes that a command that ended is silent. */
export const SILENCE_MS = 1_000;

export interface Logs {
  output: string;
  stdout: string;
  stderr: string;
}

export function logFile(dir: string, stream: StreamName): string {
  return join(dir, `${stream}.log`);
}

export async function readLogs(dir: string): Promise<Logs> {
  const out = await readFile(logFile(dir, "stdout"));
  const err = await readFile(logFile(dir, "stderr"));
  const marked = [
    ...(out.length > 0 ? [markers.stdout, out] : []),
    ...(err.length > 0 ? [markers.stderr, err] : []),
  ];
  const output = Buffer.concat(marked).toString("utf8");
  return { output, stdout: out.toString("utf8"), stderr: err.toString("utf8") };
}

export interface Following {
  dir: string;
  /** False: what there is now, and no more. */
  follow: boolean;
  hasEnded: () => boolean;
  /** True once nobody listens, or the session is gone. */
  isOver: () => boolean;
  /** Resolves when the frame has left. */
  send: (frame: Buffer) => Promise<void>;
}

/** From byte 0 on each time; resolves when all was told and the command is silent. */
export async function followLogs(following: Following): Promise<void> {
  const handles = await Promise.all(streams.map((name) => open(logFile(following.dir, name), "r")));
  try {
    let quietSinceMs = performance.now();
    let endedSeenMs: number | undefined;
    while (!following.isOver()) {
      const ended = following.hasEnded();
      let told = 0;
      for (const [index, name] of streams.entries()) {
        told += await tell(handles[index], name, following);
      }
      const nowMs = performance.now();
      if (told > 0) quietSinceMs = nowMs;
      else if (!following.follow) return;
      if (ended) endedSeenMs ??= nowMs;
      const quietMs = nowMs - Math.max(quietSinceMs, endedSeenMs ?? 0);
      if (ended && quietMs >= SILENCE_MS) return;
      if (told === 0) await delay(quietMs > IDLE_AFTER_MS && !ended ? IDLE_POLL_MS : POLL_MS);
    }
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** All that was added since the last look, in frames that each say whose they are. */
async function tell(
  handle: FileHandle | undefined,
  name: StreamName,
  { send, isOver }: Following,
): Promise<number> {
  if (handle === undefined) return 0;
  const buffer = Buffer.alloc(READ_BYTES);
  const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, null);
  const step = FRAME_BYTES_MAX - markers[name].length;
  for (let at = 0; at < bytesRead && !isOver(); at += step) {
    const end = Math.min(at + step, bytesRead);
    await send(Buffer.concat([markers[name], buffer.subarray(at, end)]));
  }
  return bytesRead;
}
