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

/** A sandbox that is found stopped now was stopped because nobody used it. */
export function isIdleStop(record: SessionRecord, autoStopMs: number | null, now: number): boolean {
  const { wanted, at } = record.activity;
  return autoStopMs !== null && !wanted && now - at >= autoStopMs * IDLE_SHARE;
}
