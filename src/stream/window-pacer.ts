/**
 * Finds out whether the window is what a sender waits for: then a whole window is taken in about
 * one round trip, and a larger one brings more bytes. Where the line or the reader is the limit, a
 * larger window would only be a longer queue in front of every keystroke, unless that queue is
 * gone in a few milliseconds.
 */
import type { Clock } from "../base/clock.ts";

/**
 * A sender that is not held up passes its old limit after the three quarters of a window that were
 * still open and one frame; a share well below 16/13 tells the two apart.
 */
const ROUND_TRIP_SHARE = 1.1;
/**
 * One that is taken in less grows whatever the round trip: else each frame has a grant of its own,
 * a message and a wake in three processes, and the sender runs dry whenever one of them gets its
 * processor late.
 */
const WINDOW_MS_MIN = 4;

export class WindowPacer {
  readonly #clock: Clock;
  /** Shortest time between a grant and the first byte that needed it. */
  #roundTripMs = Infinity;
  #grant: { readonly limit: number; readonly atMs: number } | null = null;
  #windowFrom = 0;
  #windowSinceMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A grant above `limit` goes out now. */
  granted(limit: number): void {
    this.#grant ??= { limit, atMs: this.#clock.mono() };
  }

  /** Bytes up to `offset` have come. */
  arrived(offset: number): void {
    if (this.#grant === null || offset <= this.#grant.limit) return;
    this.#roundTripMs = Math.min(this.#roundTripMs, this.#clock.mono() - this.#grant.atMs);
    this.#grant = null;
  }

  /** The reader has taken everything up to `offset`. True when a larger window would help. */
  taken(offset: number, windowBytes: number): boolean {
    const nowMs = this.#clock.mono();
    if (this.#windowSinceMs !== null && offset - this.#windowFrom < windowBytes) return false;
    const tookMs = this.#windowSinceMs === null ? Infinity : nowMs - this.#windowSinceMs;
    this.#windowFrom = offset;
    this.#windowSinceMs = nowMs;
    if (tookMs < WINDOW_MS_MIN) return true;
    return tookMs <= this.#roundTripMs * ROUND_TRIP_SHARE && this.#roundTripMs !== Infinity;
  }

  /** The link is another one: what was measured is of the old one. */
  forget(): void {
    this.#roundTripMs = Infinity;
    this.#grant = null;
    this.#windowSinceMs = null;
  }
}
