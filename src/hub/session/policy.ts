/**
 * The numbers that pace a session: deadlines, rungs, budgets. One object, so that a simulator can
 * scale all of them and a reader finds each with its reason.
 */
export interface SessionPolicy {
  /** Whole attempt, request to proof. A platform that pulls an image needs minutes. */
  readonly createMs: number;
  /** Whole attempt, wake call to proof. */
  readonly resumeMs: number;
  /** From a lost driver to proof again. */
  readonly healMs: number;
  readonly pauseMs: number;
  /** A sandbox that makes no progress for this long is stuck: the try ends. */
  readonly stallMs: number;
  /** Sandboxes asked for within one attempt, when starting one fails. */
  readonly startTriesMax: number;
  /** Between two looks at what should not be at the platform. */
  readonly janitorMs: number;
  /** Between looks at a sandbox whose request got no answer. */
  readonly watchEveryMs: number;
  /** A launched driver dials within this, or it is launched again. */
  readonly driverWaitMs: number;
  /** Wait for the driver after nudge n; one entry is one nudge. */
  readonly nudgeWaitsMs: readonly number[];
  readonly relaunchesMax: number;
  /** Stop and start of the same sandbox within one attempt; it ends the user's processes. */
  readonly restartsMax: number;
  /** Wait before re-check n of a failed proof; one entry is one re-check. */
  readonly recheckWaitsMs: readonly number[];
  /** Between looks at a session that could not be confirmed, or that failed. */
  readonly confirmMs: number;
  /** Between two rounds of probes while connected. */
  readonly patrolMs: number;
}

export const defaultPolicy: SessionPolicy = {
  createMs: 120_000,
  resumeMs: 60_000,
  healMs: 60_000,
  pauseMs: 30_000,
  stallMs: 60_000,
  startTriesMax: 2,
  janitorMs: 15_000,
  watchEveryMs: 500,
  driverWaitMs: 8_000,
  nudgeWaitsMs: [500, 1_500, 4_000],
  relaunchesMax: 2,
  restartsMax: 1,
  recheckWaitsMs: [500, 1_500],
  confirmMs: 15_000,
  patrolMs: 30_000,
};
