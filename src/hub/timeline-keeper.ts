/**
 * Keeps timelines as long as the settings say: goes over all sessions, a few at a time, and has the
 * store drop what the law does not keep. What stays is ../store/retention.ts.
 */
import type { Clock } from "../base/clock.ts";
import { toHubError } from "../base/hub-error.ts";
import type { Logger } from "../base/log.ts";
import type { TimelineShelf } from "../store/retention.ts";

export interface TimelineLimits {
  /** Newest facts of a session that are kept. */
  readonly rows: number;
  /** How long a fact is kept; null: for good. */
  readonly ageMs: number | null;
}

export interface TimelineKeeperOptions {
  readonly store: TimelineShelf;
  readonly limits: TimelineLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with how many facts went. */
  readonly onDropped: (count: number) => void;
}

const STEP_MS = 100;
/** Looked at in one step: an index is walked for each, and the hub does nothing else then. */
const SESSIONS_PER_STEP = 5;
/** A transaction of a few ms. */
const BATCH = 500;
/** Between two rounds over all sessions. */
const ROUND_MS = 60_000;
/** Stay at any age: `why` reads them. */
export const SPARED = 1_000;
/** Ends of attempts that are older than all else: one every 5 min for a month, in some MB. */
export const OUTCOMES_MAX = 10_000;

export class TimelineKeeper {
  readonly #options: TimelineKeeperOptions;
  #place = 0;
  #timer: unknown = null;

  constructor(options: TimelineKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#arm(STEP_MS);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(waitMs: number): void {
    this.#timer = this.#options.clock.setTimeout(() => this.#arm(this.#step()), waitMs);
  }

  /** How long to wait for the next one. */
  #step(): number {
    const { store, log } = this.#options;
    try {
      const sessions = store.shelved(this.#place, SESSIONS_PER_STEP);
      for (const { id, place } of sessions) {
        const dropped = this.#trim(id);
        // One that has more to drop has the next step to itself.
        if (dropped > 0) return STEP_MS;
        this.#place = place;
      }
      if (sessions.length === SESSIONS_PER_STEP) return STEP_MS;
      this.#place = 0;
    } catch (error) {
      // A store that takes nothing is told by the sessions; what is old can wait.
      log.warn({ error: toHubError(error).message }, "old facts could not be dropped");
    }
    return ROUND_MS;
  }

  #trim(session: string): number {
    const { store, limits, clock, log, onDropped } = this.#options;
    const beforeAt = limits.ageMs === null ? null : clock.now() - limits.ageMs;
    const bounds = { rowsMax: limits.rows, outcomesMax: OUTCOMES_MAX, spare: SPARED };
    const law = { ...bounds, beforeAt, batch: BATCH };
    const dropped = store.trim(session, law);
    if (dropped === 0) return 0;
    onDropped(dropped);
    log.debug({ session, dropped }, "old facts of a timeline were dropped");
    return dropped;
  }
}
