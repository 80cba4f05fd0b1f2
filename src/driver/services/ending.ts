/**
 * Finds the moment at which a process is over for its reader: it exited and its output is read.
 * A background child may keep the pipes open for ever, so silence after the exit ends it too; what
 * such a child writes later is read and dropped, which keeps it alive.
 */
import type { ChildProcess } from "node:child_process";
import type { Clock, TimerId } from "../../base/clock.ts";

/** Output of a process that has exited arrives within this time, or its reader waits for others. */
const SILENCE_AFTER_EXIT_MS = 500;

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export function whenOver(child: ChildProcess, clock: Clock, over: (exit: Exit) => void): void {
  let exit: Exit | null = null;
  let timer: TimerId = null;
  let done = false;

  const finish = (): void => {
    if (done || exit === null) return;
    done = true;
    clock.clearTimeout(timer);
    over(exit);
  };
  const paused = (): boolean =>
    child.stdout?.isPaused() === true || child.stderr?.isPaused() === true;
  const silent = (): void => {
    // A slow reader is not silence: its bytes still wait in the pipe.
    if (paused()) waitForSilence();
    else finish();
  };
  const waitForSilence = (): void => {
    if (done || exit === null) return;
    clock.clearTimeout(timer);
    timer = clock.setTimeout(silent, SILENCE_AFTER_EXIT_MS);
  };
  child.stdout?.on("data", waitForSilence);
  child.stderr?.on("data", waitForSilence);
  child.once("exit", (code, signal) => {
    exit = { code, signal };
    waitForSilence();
  });
  child.once("close", finish);
}
