/**
 * What the kernel's line discipline would do with a key, asked from outside: whether the key is one
 * that signals now, and a queue of input that is emptied. Node has no tcgetattr and no tcflush, so
 * `stty` is asked, and what waits is read from the tty by a process that it does not control.
 */
import { execFile } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { codeOf } from "../services/process-group.ts";

const STTY_TIMEOUT_MS = 2_000;
/** The kernel moves what it holds back into its queue a moment after there is room. */
const TURN_MS = 5;
/** A program that writes into its own tty for ever is not waited for. */
const TURNS_MAX = 200;
/** Of a tty in lines each read gives one line. */
const READS_A_TURN = 2_000;

/**
 * Whether this key signals the foreground group of the tty and throws away what nobody has read. A
 * tty in raw mode wants it as a byte like all others, and one with NOFLSH wants what came before.
 */
export function signalsNow(tty: string, key: number): Promise<boolean> {
  const shown = `^${String.fromCharCode(key + 64)};`;
  return new Promise((resolve) => {
    execFile("stty", ["-F", tty, "-a"], { timeout: STTY_TIMEOUT_MS }, (error, modes) => {
      const flags = new Set(error === null ? modes.split(/[\s;]+/) : []);
      const bound = ["intr", "quit", "susp"].some((name) => modes.includes(`${name} = ${shown}`));
      resolve(bound && flags.has("isig") && flags.has("-noflsh"));
    });
  });
}

export interface Emptying {
  /** Asked at the last moment; false calls it off. */
  readonly begin: () => boolean;
  /** Somebody still writes into the pty. */
  readonly busy: () => boolean;
  /** What was full is empty when nothing came for so long. */
  readonly quietMs: number;
}

/** Reads all that waits. False when it was called off, or the tty cannot be opened. */
export async function emptyQueue(
  tty: string,
  clock: Clock,
  { begin, busy, quietMs }: Emptying,
): Promise<boolean> {
  const fd = openQueue(tty);
  if (fd === null) return false;
  const begun = begin();
  let quietTurns = 1;
  for (let turn = 0, quiet = 0; begun && turn < TURNS_MAX && quiet < quietTurns; turn++) {
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, TURN_MS));
    quiet += 1;
    if (!readAll(fd) && !busy()) continue;
    quiet = 0;
    quietTurns = quietMs / TURN_MS;
  }
  closeSync(fd);
  return begun;
}

function openQueue(tty: string): number | null {
  try {
    return openSync(tty, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // The program gave its tty to somebody else, or it is gone: the key waits in its place.
    return null;
  }
}

/** True when something was there. */
function readAll(fd: number): boolean {
  const bytes = new Uint8Array(4096);
  for (let reads = 0; reads < READS_A_TURN; reads++) {
    try {
      // The end of input is a character (^D) that was typed: it goes with the rest.
      readSync(fd, bytes);
    } catch (error) {
      // EIO: its last program is gone.
      if (codeOf(error) === "EAGAIN" || codeOf(error) === "EIO") return reads > 0;
      throw error;
    }
  }
  return true;
}
