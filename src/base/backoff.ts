/**
 * Full jitter between a growing bound and the minimum. It never gives up; the caller resets it
 * once a connection has proved itself.
 */
import type { Random } from "./random.ts";

export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number;
  reset(): void;
}

export function createBackoff(options: { minMs: number; maxMs: number; random: Random }): Backoff {
  let tries = 0;
  return {
    next() {
      const bound = Math.min(options.maxMs, options.minMs * 2 ** Math.min(tries, 30));
      tries += 1;
      return options.minMs + options.random.next() * Math.max(0, bound - options.minMs);
    },
    reset() {
      tries = 0;
    },
  };
}
