/**
 * Who waits for a session to come to something: an HTTP caller, a channel that is held. What it is
 * to come to, and whether it has, is whoever asks's own.
 */
import type { Clock } from "../base/clock.ts";

export class SessionWaiters {
  readonly #clock: Clock;
  /** By the id of the session; none that is empty. */
  readonly #checks = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(sessionId: string): boolean {
    return this.#checks.has(sessionId);
  }

  /** Resolves once it is over, looked at whenever the session changes, or when the time is up. */
  until(sessionId: string, waitMs: number, isOver: () => boolean): Promise<void> {
    if (isOver() || waitMs <= 0) return Promise.resolve();
    const checks = this.#checks.get(sessionId) ?? new Set();
    this.#checks.set(sessionId, checks);
    return new Promise((resolve) => {
      const done = (): void => {
        this.#clock.clearTimeout(timer);
        checks.delete(check);
        if (checks.size === 0) this.#checks.delete(sessionId);
        resolve();
      };
      const check = (): void => {
        if (isOver()) done();
      };
      const timer = this.#clock.setTimeout(done, waitMs);
      checks.add(check);
    });
  }

  changed(sessionId: string): void {
    for (const check of [...(this.#checks.get(sessionId) ?? [])]) check();
  }
}
