/** Waiting with an end: nothing in the house waits for a promise that has no deadline. */
import type { Clock } from "./clock.ts";
import { limits } from "./limits.ts";

/** So long a loop that was held up has for reading what it finds waiting. */
const READ_MS = 100;

/**
 * Runs `work` for at most `waitMs`. The signal tells the work to stop; a work that does not listen
 * is left alone, and its late result is dropped here (its owner keeps it). Work whose outer signal
 * has aborted already is not begun.
 * @throws what `onLate` makes, when the time is up first.
 */
export function withDeadline<T>(
  clock: Clock,
  waitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  onLate: () => Error,
  outer?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    // Nobody waits any more: what is not begun needs no stopping.
    outer?.throwIfAborted();
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort(outer?.reason);
    };
    outer?.addEventListener("abort", abort, { once: true });
    const end = (): void => {
      clock.clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    };
    const due = (): void => {
      // A loop that was held up tells its timers before it reads the answer that came meanwhile.
      if (clock.mono() - dueAtMs > limits.STALL_MS) {
        dueAtMs = clock.mono() + READ_MS;
        timer = clock.setTimeout(due, READ_MS);
        return;
      }
      end();
      const error = onLate();
      controller.abort(error);
      reject(error);
    };
    let dueAtMs = clock.mono() + waitMs;
    let timer = clock.setTimeout(due, waitMs);
    const fail = (error: Error): void => {
      end();
      reject(error);
    };
    try {
      work(controller.signal).then((value) => {
        end();
        resolve(value);
      }, fail);
    } catch (error) {
      fail(error as Error);
    }
  });
}

/** Resolves after `waitMs`, or rejects as soon as the signal aborts. */
export function sleep(clock: Clock, waitMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clock.clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, waitMs);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
