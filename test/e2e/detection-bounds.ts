/**
 * By when a hub must have said a fault, from its own policy and by one formula: the bound of the
 * fault catalogue, which counts from when the hub looks, and the longest that it may take until it
 * looks. Owns no bound of a fault.
 */
import { PROBE_WAIT_MS } from "../../src/probes/probe.ts";
import { defaultPolicy, type SessionPolicy } from "../../src/hub/session/policy.ts";

/** What it is that looks. */
export type ShownBy =
  /** The call, the link or the beat that meets it. */
  | "at-once"
  /** The round over the platform's path while connected. */
  | "patrol"
  /** That round, or the more frequent one over the driver's own path. */
  | "inside-patrol"
  /** The janitor, which believes what two looks agree on. */
  | "janitor"
  /** The deadlines of a start that makes no progress. */
  | "stall"
  | "activate";

/** The paces that the product is shipped with: what a user waits for. */
export const shippedPolicy: SessionPolicy = defaultPolicy;

/** The shortest that the config takes, and ends of deadlines that can be waited for. */
export const quickPolicy: SessionPolicy = {
  ...defaultPolicy,
  patrolMs: 1_000,
  driverPatrolMs: 1_000,
  confirmMs: 400,
  janitorMs: 1_000,
  watchEveryMs: 100,
  stallMs: 3_000,
  activateMs: 2_000,
  nudgeMs: 1_500,
  nudgeWaitsMs: [200, 300],
  driverWaitMs: 2_000,
  relaunchMs: 12_000,
  restartMs: 3_000,
};

/** A patrol's pace is spread, so that sessions that began together do not look together. */
const PACE_SPREAD = 1.2;

/** A round that was under way as the fault began may have looked before it, and waits for all. */
const round = (paceMs: number): number => PROBE_WAIT_MS + paceMs * PACE_SPREAD;

const untilLookMs: Readonly<Record<ShownBy, (policy: SessionPolicy) => number>> = {
  "at-once": () => 0,
  patrol: ({ patrolMs }) => round(patrolMs),
  "inside-patrol": ({ patrolMs, driverPatrolMs }) => round(Math.min(patrolMs, driverPatrolMs)),
  janitor: ({ janitorMs }) => 2 * round(janitorMs),
  stall: ({ stallMs }) => stallMs,
  activate: ({ activateMs }) => activateMs,
};

export function untilLookS(shownBy: ShownBy, policy: SessionPolicy): number {
  return untilLookMs[shownBy](policy) / 1_000;
}

export function boundS(
  { withinS, shownBy }: { readonly withinS: number; readonly shownBy: ShownBy },
  policy: SessionPolicy,
): number {
  return withinS + untilLookS(shownBy, policy);
}
