/**
 * Sessions that stand still because the store takes no facts of theirs: it is tried again, and once
 * it takes a write they go on from what was kept.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { whereKept } from "../store/refusal.ts";
import type { Store } from "../store/store.ts";
import type { Session } from "./session/session.ts";

/** A disk that is full does not empty itself in less, and nobody waits longer than he must. */
const STORE_RETRY_MS = 1_000;

export interface StoreTrouble {
  readonly since: number;
  readonly why: string;
}

export class Standstill {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #halted = new Set<Session>();
  #trouble: StoreTrouble | null = null;
  #stopped = false;

  constructor(store: Store, { clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Since when, wall ms, the store takes no facts, and why; null while it does. */
  get trouble(): StoreTrouble | null {
    return this.#trouble;
  }

  stop(): void {
    this.#stopped = true;
  }

  halted(session: Session): void {
    this.#halted.add(session);
    this.refused(session.halted?.text ?? "");
  }

  letGo(session: Session): void {
    this.#halted.delete(session);
  }

  refused(why: string): void {
    if (this.#trouble !== null) return;
    this.#trouble = { since: this.#clock.now(), why };
    this.#log.error({ why }, "sessions stand still: the store takes no facts");
    this.#retry();
  }

  /** All go on once a write was taken; one that is refused again waits with the others. */
  #retry(): void {
    this.#clock.setTimeout(() => {
      if (this.#stopped) return;
      if (!whereKept(() => this.#store.check())) {
        this.#retry();
        return;
      }
      for (const session of [...this.#halted]) if (session.revive()) this.#halted.delete(session);
      if (this.#halted.size > 0) {
        this.#retry();
        return;
      }
      this.#trouble = null;
      this.#log.info({}, "the store takes facts again, and sessions go on");
    }, STORE_RETRY_MS);
  }
}
