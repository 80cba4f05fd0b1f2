/**
 * The hub that had a session before this one took it over. What it asked of the platform last may
 * still be on its way there, where no fence stops it: a start of it that arrives behind our stop
 * undoes it, a create behind our delete leaves a sandbox. So what ends a sandbox or lays it to rest
 * waits until all of that has arrived; whatever else is asked does not.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/deadline.ts";

export class FormerOwner {
  readonly #clock: Clock;
  readonly #quietAt: number;

  /** Its session is taken over now; calls of it may arrive for `quietMs` from now. */
  constructor(clock: Clock, quietMs: number) {
    this.#clock = clock;
    this.#quietAt = clock.mono() + quietMs;
  }

  /** Null once nothing that it asked for can arrive any more. */
  quiet(signal?: AbortSignal): Promise<void> | null {
    const leftMs = this.#quietAt - this.#clock.mono();
    return leftMs > 0 ? sleep(this.#clock, leftMs, signal) : null;
  }
}
