/**
 * When a connected session may be looked at, so that any number of them together stays inside one
 * rate: a row of slots, each given once, in the order of asking. There is a row for the platform's
 * path, whose calls an account counts, and one for the driver's own, which takes the hub's time.
 * Pure: no queue, no timer.
 *
 * Only patrols take slots. A session under suspicion and one that is being proved never wait: they
 * are few, or people wait for them.
 */
const MINUTE_MS = 60_000;

export class PatrolPace {
  readonly #gapMs: number;
  #lastAtMs = -Infinity;

  constructor(roundsPerMinute: number) {
    this.#gapMs = MINUTE_MS / roundsPerMinute;
  }

  /**
   * The next free slot, for who is due at `nowMs` of a monotonic clock. Asked for when the time has
   * come and not before: a slot that is reserved far ahead would hold up all who are due sooner.
   */
  slot(nowMs: number): number {
    this.#lastAtMs = Math.max(nowMs, this.#lastAtMs + this.#gapMs);
    return this.#lastAtMs;
  }
}
