/**
 * How many sessions are proved at once after their drivers came. When thousands come together, all
 * proofs at once would make each of them late, and a proof that is late proves nothing and is made
 * again; and the turns of the event loop would be as long as all that these proofs hear, while one
 * new connection is taken in a turn. So few begin, more follow for as long as the loop is on time,
 * and the rest wait, in the order of coming. Whoever is connected and in doubt does not: it
 * is looked at now.
 */
import type { Clock, TimerId } from "../base/clock.ts";

/** Also of a platform that takes a second for each call, and leaves the loop idle. */
export const PROOFS_AT_ONCE = 64;
/** However late the loop is: what makes it late may be none of the proofs. */
export const PROOFS_AT_FIRST = 8;
const MORE = 4;
export const LOOK_MS = 10;
/** A timer of a loop that has little to do is a millisecond or two late. */
const LATE_MS = 5;

export class ProofQueue {
  readonly #clock: Clock;
  #room = PROOFS_AT_FIRST;
  #running = 0;
  /** In the order of coming. */
  readonly #waiting = new Set<() => void>();
  /** Set while somebody waits. */
  #look: TimerId = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with the signal's reason when nobody wants it any more before its turn. */
  async inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running < this.#room) this.#running += 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#admit();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (then: () => void): void => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", give);
        then();
      };
      const go = (): void => leave(resolve);
      const give = (): void => leave(() => reject(signal.reason as Error));
      this.#waiting.add(go);
      signal.addEventListener("abort", give);
      if (this.#look === null) this.#lookLater();
    });
  }

  #admit(): void {
    for (const go of this.#waiting) {
      if (this.#running >= this.#room) return;
      this.#running += 1;
      go();
    }
  }

  #lookLater(): void {
    const dueMs = this.#clock.mono() + LOOK_MS;
    this.#look = this.#clock.setTimeout(() => {
      this.#look = null;
      const isLate = this.#clock.mono() - dueMs > LATE_MS;
      if (isLate) this.#room = Math.max(PROOFS_AT_FIRST, this.#room >> 1);
      else this.#room = Math.min(PROOFS_AT_ONCE, this.#room + MORE);
      this.#admit();
      if (this.#waiting.size > 0) this.#lookLater();
      else this.#room = PROOFS_AT_FIRST;
    }, LOOK_MS);
  }
}
