/**
 * Whether a session is wanted, as its record keeps it: changed when that changes, not with each
 * key, so that a hub that restarts knows since when nobody uses a sandbox. Pure.
 */
import type { SessionRecord } from "./facts.ts";

export interface Activity {
  /** Somebody types, a process runs, or the driver is on its way back. */
  readonly wanted: boolean;
  /** Wall ms; the last time at which it was wanted for certain. */
  readonly at: number;
}

/** Platforms look at a pace of their own, and clocks differ. */
const IDLE_SHARE = 0.9;

/** Whoever starts, resumes or retries a session wants it at that moment. */
export function activityAfter(before: SessionRecord, after: SessionRecord, at: number): Activity {
  const rested = before.state === "suspended" || before.state === "error";
  const begins = rested && after.state !== before.state && after.state !== "ended";
  return begins ? { ...after.activity, at } : after.activity;
}

/** What tells for how long nobody used a sandbox that is found stopped. */
export interface IdleEvidence {
  /** By this hub's monotonic clock; null when the record is older than this hub. */
  readonly restedMs: number | null;
  /** From its last use to its stop, by the platform's clock; null when it does not say. */
  readonly unusedMs: number | null;
  /** Wall ms. */
  readonly now: number;
}

/**
 * A sandbox that is found stopped now was stopped because nobody used it. A wall clock alone never
 * says so, because clocks are set: a hub that saw it all counts for itself, and one that was
 * started since needs the platform's own times of the last use and of the stop. Without either,
 * whoever wants the session gets it back.
 */
export function isIdleStop(
  record: SessionRecord,
  autoStopMs: number | null,
  { restedMs, unusedMs, now }: IdleEvidence,
): boolean {
  const { wanted, at } = record.activity;
  if (autoStopMs === null || wanted) return false;
  const idleMs = autoStopMs * IDLE_SHARE;
  if (restedMs !== null) return restedMs >= idleMs;
  return unusedMs !== null && Math.min(now - at, unusedMs) >= idleMs;
}
