/**
 * Work that may come for thousands of sessions in one moment, as the loss of their links does: a
 * few milliseconds of it are done in a turn of the event loop, and the rest in the turns that
 * follow, in the order of coming. So whoever asks the hub something meanwhile is answered in
 * between. Work that comes alone is done at once.
 */
import type { Clock } from "../../base/clock.ts";

/** As much again goes into what else a turn of a storm has to do. */
export const SHARE_MS = 10;
/** The next turn, and the soonest that a timer knows. */
const NEXT_MS = 1;

export class TurnShare {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** Mono ms at which this turn has had its share; null in a turn without such work so far. */
  #untilMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Work does not throw. Returns what does it now, if it is not done yet. */
  do(work: () => void): () => void {
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      work();
    };
    if (this.#untilMs === null) this.#begin();
    if (this.#waiting.length === 0 && this.#hasTime) once();
    else this.#waiting.push(once);
    return once;
  }

  get #hasTime(): boolean {
    return this.#untilMs !== null && this.#clock.mono() < this.#untilMs;
  }

  #begin(): void {
    this.#untilMs = this.#clock.mono() + SHARE_MS;
    this.#clock.setTimeout(() => this.#next(), NEXT_MS);
  }

  #next(): void {
    this.#untilMs = null;
    if (this.#waiting.length === 0) return;
    this.#begin();
    let done = 0;
    while (done < this.#waiting.length && this.#hasTime) this.#waiting[done++]?.();
    this.#waiting.splice(0, done);
  }
}
