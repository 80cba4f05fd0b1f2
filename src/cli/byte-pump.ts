/** Moves bytes between this process and a remote one, as fast as the slower side takes them. */
import { fstatSync } from "node:fs";
import type { Exit } from "../client/exec-stream.ts";
import { constants } from "node:os";

/** A signal's exit code in every shell: 128 and its number. */
const SIGNAL_BASE = 128;
/** What a shell reports for a program that wrote to a closed pipe. */
export const EXIT_BROKEN_PIPE = 141;

/** Resolves when the stream wants more; that holds the remote back while a pipe is full. */
export function writeTo(stream: NodeJS.WriteStream, bytes: Uint8Array): void | Promise<void> {
  if (stream.write(bytes)) return;
  return new Promise((resolve) => stream.once("drain", () => resolve()));
}

/**
 * Tells when nobody reads an output of this process any more. Otherwise the process ends there and
 * then, and what it started elsewhere runs on.
 */
export function whenUnread(outputs: readonly NodeJS.WriteStream[], tell: () => void): void {
  for (const output of outputs) output.removeAllListeners("error").on("error", tell);
}

export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
}

/**
 * Reads on only after the remote took what was read, but for so many bytes `ahead`; returns a
 * function that stops it.
 */
export function pumpInput(
  input: NodeJS.ReadStream,
  sink: Sink,
  onError: (error: unknown) => void,
  aheadBytesMax = 0,
) {
  let ahead = 0;
  const onData = (bytes: Buffer): void => {
    ahead += bytes.length;
    if (ahead > aheadBytesMax) input.pause();
    sink.write(bytes).then(() => {
      ahead -= bytes.length;
      if (ahead <= aheadBytesMax) input.resume();
    }, onError);
  };
  const onEnd = (): void => sink.end();
  input.on("data", onData);
  input.once("end", onEnd);
  input.once("error", onError);
  input.resume();
  return (): void => {
    input.off("data", onData);
    input.off("end", onEnd);
    input.off("error", onError);
    input.pause();
  };
}

/** A pipe, file or socket on stdin holds data for the command; a terminal or /dev/null does not. */
export function isInputPiped(input: typeof process.stdin): boolean {
  if (input.isTTY) return false;
  try {
    const stat = fstatSync(input.fd);
    return stat.isFIFO() || stat.isFile() || stat.isSocket();
  } catch {
    // Closed by whoever started us: there is nothing to read.
    return false;
  }
}

export function exitCodeOf(exit: Exit): number {
  if (exit.code !== null) return exit.code;
  const name = (exit.signal ?? "SIGKILL") as NodeJS.Signals;
  return SIGNAL_BASE + (constants.signals[name] ?? constants.signals.SIGKILL);
}
