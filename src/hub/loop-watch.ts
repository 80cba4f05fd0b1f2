/** Whether this hub itself stood still a moment ago, and kept waiting who dialled it then. */
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";

const TICK_MS = 1_000;
/** By then a dial of that time has ended, and one more after its pause. */
const REMEMBERED_MS = limits.DIAL_MS_MAX + limits.REDIAL_MAX_MS;

export class LoopWatch {
  readonly #clock: Clock;
  #timer: unknown = null;
  #lateUntilMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    const dueMs = this.#clock.mono() + TICK_MS;
    this.#timer = this.#clock.setTimeout(() => {
      const nowMs = this.#clock.mono();
      if (nowMs - dueMs > limits.LOOP_LAG_WARN_MS) this.#lateUntilMs = nowMs + REMEMBERED_MS;
      this.start();
    }, TICK_MS);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  /** It was more than a second late while a dial may have waited that is still spoken of. */
  get wasLate(): boolean {
    return this.#clock.mono() < this.#lateUntilMs;
  }
}
