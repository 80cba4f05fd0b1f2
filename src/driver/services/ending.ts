/**
 * Finds the moment at which a process is over for its reader: it exited and its output is read.
 * A background child may keep the pipes open for ever, so silence after the exit ends it too; what
 * such a child writes later is read and dropped, which keeps it alive.
 */
import type { Readable } from "node:stream";
import type { Clock, TimerId } from "../../base/clock.ts";

/** Output of a process that has exited arrives within this time, or its reader waits for others. */
const SILENCE_AFTER_EXIT_MS = 500;

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Call it in the turn in which the process appears, before its outputs are read. The returned
 * function tells it that the process has exited.
 */
export function whenOver(
  outputs: readonly Readable[],
  clock: Clock,
  over: (exit: Exit) => void,
): (exit: Exit) => void {
  let open = outputs.length;
  let exited: Exit | null = null;
  let timer: TimerId = null;
  let done = false;
  let heard = false;

  const finish = (): void => {
    if (done || exited === null) return;
    done = true;
    clock.clearTimeout(timer);
    over(exited);
  };
  const silent = (): void => {
    // A slow reader is not silence: its bytes still wait in the pipe.
    if (outputs.some((output) => !output.destroyed && output.isPaused())) {
      waitForSilence();
      return;
    }
    // Nor is a loop that was late: it tells its timers before it reads what has come meanwhile.
    heard = false;
    setImmediate(() => {
      setImmediate(() => {
        if (!heard) finish();
      });
    });
  };
  const waitForSilence = (): void => {
    if (done || exited === null) return;
    clock.clearTimeout(timer);
    timer = clock.setTimeout(silent, SILENCE_AFTER_EXIT_MS);
  };
  for (const output of outputs) {
    output.on("data", () => {
      heard = true;
      waitForSilence();
    });
    output.once("close", () => {
      open -= 1;
      if (open === 0) finish();
    });
  }
  return (exit) => {
    exited = exit;
    if (open === 0) finish();
    else waitForSilence();
  };
}
