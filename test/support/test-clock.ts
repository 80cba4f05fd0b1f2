/**
 * A clock that tests move. Timers run in the order of their due times, also those that are set
 * while others run, so a chain of timers inside one step happens as it would in real time.
 */
import type { Clock, TimerId } from "../../src/base/clock.ts";

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly run: () => void;
}

export class TestClock implements Clock {
  #monoMs = 1_000;
  #wallMs = 1_700_000_000_000;
  #nextId = 1;
  readonly #timers = new Map<number, Timer>();

  /** Whole, as the system's is, also when a timer was due between two. */
  now(): number {
    return Math.floor(this.#wallMs);
  }

  mono(): number {
    return this.#monoMs;
  }

  setTimeout(fn: (...args: never[]) => void, ms: number): TimerId {
    const id = this.#nextId++;
    const run = fn;
    this.#timers.set(id, { id, dueMs: this.#monoMs + Math.max(0, ms), run });
    return id;
  }

  clearTimeout(id: TimerId): void {
    this.#timers.delete(id as number);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`, running every timer that falls due, each at its own time. */
  advance(ms: number): void {
    const endMs = this.#monoMs + ms;
    for (;;) {
      const next = this.#next(endMs);
      if (next === null) break;
      this.#move(Math.max(0, next.dueMs - this.#monoMs));
      this.#timers.delete(next.id);
      next.run();
    }
    this.#move(endMs - this.#monoMs);
  }

  /** The same, with room for promises between the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const endMs = this.#monoMs + ms;
    await settled();
    for (;;) {
      const next = this.#next(endMs);
      if (next === null) break;
      this.#move(Math.max(0, next.dueMs - this.#monoMs));
      this.#timers.delete(next.id);
      next.run();
      await settled();
    }
    this.#move(endMs - this.#monoMs);
  }

  /** The process does not run for `ms`: both clocks move, no timer does. */
  freeze(ms: number): void {
    this.#move(ms);
  }

  /** Wall time alone moves: a restored machine, or a clock that was set. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #next(endMs: number): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.#timers.values()) {
      if (timer.dueMs <= endMs && (first === null || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }

  #move(ms: number): void {
    this.#monoMs += ms;
    this.#wallMs += ms;
  }
}

/** Lets every promise that can go on do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await Promise.resolve();
}
