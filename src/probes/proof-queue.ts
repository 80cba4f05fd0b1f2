/**
 * How many sessions are proved at once after their drivers came. When thousands come together, all
 * proofs at once would make each of them late, and a proof that is late proves nothing and is made
 * again; and turns of the event loop would be as long as all that these proofs hear, while few new
 * connections are taken in a turn. So few begin, more follow for as long as the loop is on time,
 * and the rest wait: those that somebody waits for go first, the others in the order of coming.
 * Whoever is connected and in doubt does not wait: it is looked at now.
 */
import type { Clock, TimerId } from "../base/clock.ts";

/** Also of a platform that takes a second for each call, and leaves the loop idle. */
export const PROOFS_AT_ONCE = 64;
/** However late the loop is: what makes it late may be none of the proofs. */
export const PROOFS_AT_FIRST = 8;
/** The same while drivers wait at the hub's doors: a link comes before any proof. */
export const PROOFS_IN_CROWD = 1;
/** The same once no driver comes any more: turns may be longer, and a proof waits for answers. */
export const PROOFS_IN_QUIET = 16;
const MORE = 4;
export const LOOK_MS = 10;
/** A timer of a loop that has little to do is a millisecond or two late. */
const LATE_MS = 5;
/** Nobody came for so long: no connection waits for a turn. */
export const QUIET_MS = 250;
/** Of so many places one is for who came first, also when others are waited for all the time. */
export const SHARE = 4;

interface Waiting {
  readonly sessionId: string;
  readonly go: () => void;
}

export class ProofQueue {
  readonly #clock: Clock;
  readonly #isWanted: (sessionId: string) => boolean;
  readonly #isCrowded: () => boolean;
  #room = PROOFS_AT_FIRST;
  #running = 0;
  #cameAtMs = -Infinity;
  /** Places that were given to one that waited. */
  #given = 0;
  /** In the order of coming. */
  readonly #waiting = new Set<Waiting>();
  /** Set while somebody waits. */
  #look: TimerId = null;

  /** Whether somebody waits for a session is asked when there is a place: he may come late. */
  constructor(clock: Clock, isWanted: (sessionId: string) => boolean, isCrowded: () => boolean) {
    this.#clock = clock;
    this.#isWanted = isWanted;
    this.#isCrowded = isCrowded;
  }

  /** Rejects with the signal's reason when nobody wants it any more before its turn. */
  async inTurn<T>(sessionId: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#cameAtMs = this.#clock.mono();
    if (this.#running < this.#room) this.#running += 1;
    else await this.#turn(sessionId, signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#admit();
    }
  }

  #turn(sessionId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (then: () => void): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", give);
        then();
      };
      const waiting: Waiting = { sessionId, go: () => leave(resolve) };
      const give = (): void => leave(() => reject(signal.reason as Error));
      this.#waiting.add(waiting);
      signal.addEventListener("abort", give);
      if (this.#look === null) this.#lookLater();
    });
  }

  #admit(): void {
    while (this.#running < this.#room) {
      const next = this.#next();
      if (next === undefined) return;
      this.#running += 1;
      next.go();
    }
  }

  #next(): Waiting | undefined {
    const [first] = this.#waiting;
    this.#given += 1;
    if (this.#given % SHARE === 0) return first;
    for (const one of this.#waiting) if (this.#isWanted(one.sessionId)) return one;
    return first;
  }

  #lookLater(): void {
    const dueMs = this.#clock.mono() + LOOK_MS;
    this.#look = this.#clock.setTimeout(() => {
      this.#look = null;
      const nowMs = this.#clock.mono();
      const isLate = nowMs - dueMs > LATE_MS;
      const least = this.#least(nowMs);
      const room = isLate ? this.#room >> 1 : this.#room + MORE;
      this.#room = Math.min(PROOFS_AT_ONCE, Math.max(least, room));
      this.#admit();
      if (this.#waiting.size > 0) this.#lookLater();
      else this.#room = PROOFS_AT_FIRST;
    }, LOOK_MS);
  }

  #least(nowMs: number): number {
    if (this.#isCrowded()) return PROOFS_IN_CROWD;
    return nowMs - this.#cameAtMs < QUIET_MS ? PROOFS_AT_FIRST : PROOFS_IN_QUIET;
  }
}
