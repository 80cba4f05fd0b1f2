/**
 * What tokens hold open: sockets, event streams, calls that wait. Ends it when the token is taken
 * back, and when its time is over. What needs no token, or the hub's own, is not in here.
 */
import type { Clock, TimerId } from "../../base/clock.ts";
import type { Principal } from "./principal.ts";

/** Wall time is looked at this often: a timer would sleep through a machine's suspend. */
const LOOK_EVERY_MS = 1_000;

interface Held {
  readonly principal: Principal;
  readonly end: (why: string) => void;
}

export class Admitted {
  readonly #clock: Clock;
  readonly #held = new Set<Held>();
  #timer: TimerId = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Returns what to call once it is over by itself. */
  hold(principal: Principal, end: (why: string) => void): () => void {
    if (principal.expiresAt === null) return () => undefined;
    const held = { principal, end };
    this.#held.add(held);
    this.#watch();
    return () => void this.#held.delete(held);
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Of one token. */
  end(id: string): void {
    this.#endAll(({ principal }) => principal.id === id, "the token was revoked");
  }

  readonly #look = (): void => {
    this.#timer = null;
    const now = this.#clock.now();
    this.#endAll(({ principal: { expiresAt } }) => (expiresAt ?? Infinity) <= now, EXPIRED);
    this.#watch();
  };

  /**
   * A clock runs for as long as something is held, and goes out by itself: most calls are over at
   * once, and to wind it for each would cost more than all else that is done to hold them.
   */
  #watch(): void {
    if (this.#held.size > 0) this.#timer ??= this.#clock.setTimeout(this.#look, LOOK_EVERY_MS);
  }

  #endAll(isOver: (held: Held) => boolean, why: string): void {
    for (const held of [...this.#held].filter(isOver)) {
      this.#held.delete(held);
      held.end(why);
    }
  }
}

const EXPIRED = "the token has expired";
