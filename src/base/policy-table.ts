/**
 * The numbers that pace a session, once: deadlines, budgets, paces, each with its default, its name
 * in the config file, its variable and its reason. The type of the policy, the settings and the
 * documentation are derived from these rows; what must fit into what is in policy-checks.ts.
 */
import type { RetryPolicy } from "./retry.ts";

export type PolicyKind = "duration" | "durations" | "count" | "text" | "retry" | "idle";

export interface PolicyRow<T> {
  readonly kind: PolicyKind;
  /** `group.name` in the config file. */
  readonly name: string;
  readonly env: string;
  readonly flag: string | null;
  readonly fallback: T;
  /** Of a duration in ms, of a count as it is. */
  readonly range: readonly [min: number, max: number];
  readonly about: string;
}

const DAY_MS = 86_400_000;

const row =
  <T>(kind: PolicyKind, range: PolicyRow<T>["range"]) =>
  (name: string, env: string, fallback: T, about: string, over: Partial<PolicyRow<T>> = {}) => {
    const made: PolicyRow<T> = {
      kind,
      name,
      env: `HOLDFAST_${env}`,
      flag: null,
      fallback,
      range,
      about,
      ...over,
    };
    return made;
  };

const duration = row<number>("duration", [1, DAY_MS]);
const durations = row<readonly number[]>("durations", [0, DAY_MS]);
/** Whole minutes, as platforms count them, or the word `never`. */
const idle = row<number | null>("idle", [60_000, 365 * DAY_MS]);
const count = row<number>("count", [0, 20]);
const text = row<string | null>("text", [0, 0]);
const retry = row<RetryPolicy>("retry", [0, 0]);

export const policyTable = {
  createMs: duration(
    "deadlines.create",
    "CREATE_DEADLINE",
    120_000,
    "Whole start of a session, request to proof.",
  ),
  buildMs: duration(
    "deadlines.build",
    "BUILD_DEADLINE",
    600_000,
    "Whole start of a session that may have to build or pull an image.",
  ),
  resumeMs: duration(
    "deadlines.resume",
    "RESUME_DEADLINE",
    180_000,
    "Whole resume, wake call to proof, with every rung of the ladder in it.",
  ),
  healMs: duration(
    "deadlines.heal",
    "HEAL_DEADLINE",
    180_000,
    "From a lost driver to proof again, with every rung of the ladder in it.",
  ),
  pauseMs: duration(
    "deadlines.pause",
    "PAUSE_DEADLINE",
    30_000,
    "A pause, until the platform has done it.",
  ),
  stallMs: duration(
    "deadlines.stall",
    "STALL_DEADLINE",
    45_000,
    "A start without progress for this long is stuck: the try ends.",
  ),
  buildStallMs: duration(
    "deadlines.buildStall",
    "BUILD_STALL_DEADLINE",
    300_000,
    "The same while the platform builds, pulls or restores, which shows no progress for minutes.",
  ),
  activateMs: duration(
    "deadlines.activate",
    "ACTIVATE_DEADLINE",
    60_000,
    "An inactive snapshot, until the platform has it ready.",
  ),
  nudgeMs: duration("deadlines.nudge", "NUDGE_DEADLINE", 10_000, "All nudges of an attempt."),
  relaunchMs: duration(
    "deadlines.relaunch",
    "RELAUNCH_DEADLINE",
    20_000,
    "New drivers in the same sandbox, until one of them dials.",
  ),
  assessMs: duration(
    "deadlines.assess",
    "ASSESS_DEADLINE",
    10_000,
    "A look at both ways into a sandbox, before anything is ended.",
  ),
  controlMs: duration(
    "deadlines.control",
    "CONTROL_DEADLINE",
    30_000,
    "The wait for a control sandbox's answer, before anything is ended.",
  ),
  restartMs: duration(
    "deadlines.restart",
    "RESTART_DEADLINE",
    40_000,
    "Stop and start of the same sandbox, until its driver dials.",
  ),
  replaceMs: duration(
    "deadlines.replace",
    "REPLACE_DEADLINE",
    70_000,
    "A fresh sandbox in the place of a broken one, until it is proven.",
  ),
  driverWaitMs: duration(
    "budgets.driverWait",
    "DRIVER_WAIT",
    8_000,
    "A launched driver dials within this, or it is launched again.",
  ),
  nudgeWaitsMs: durations(
    "budgets.nudgeWaits",
    "NUDGE_WAITS",
    [500, 1_000, 2_500, 2_000],
    "Wait for the driver after nudge 1, 2, …; one entry is one nudge.",
  ),
  recheckWaitsMs: durations(
    "budgets.recheckWaits",
    "RECHECK_WAITS",
    [500, 1_500],
    "Wait before re-check 1, 2, … of a failed proof; one entry is one re-check.",
  ),
  silenceMs: duration(
    "budgets.silence",
    "SILENCE",
    60_000,
    "Before what may be frozen (a sandbox) or on its way (a driver that dials) is ended.",
  ),
  relaunchesMax: count(
    "budgets.relaunches",
    "RELAUNCHES",
    2,
    "New drivers in the same sandbox within one attempt.",
  ),
  restartsMax: count(
    "budgets.restarts",
    "RESTARTS",
    1,
    "Stop and start of the same sandbox within one attempt; it ends the user's processes.",
    { range: [0, 3] },
  ),
  replacesMax: count(
    "budgets.replaces",
    "REPLACES",
    1,
    "Fresh sandboxes in the place of a broken one within one attempt; 0 is never.",
    { range: [0, 1] },
  ),
  recreatesMax: count(
    "budgets.recreates",
    "RECREATES",
    0,
    "Fresh sandboxes for one that was deleted elsewhere; with 0 that is an error.",
    { range: [0, 1] },
  ),
  wakesMax: count(
    "budgets.wakes",
    "WAKES",
    2,
    "Starts of a sandbox that an attempt found stopped.",
  ),
  quarantineMs: duration(
    "budgets.quarantine",
    "QUARANTINE",
    DAY_MS,
    "A replaced sandbox may hold unsaved work: it is kept, stopped, for this long.",
    { range: [1_000, 30 * DAY_MS] },
  ),
  quarantinedMax: count(
    "budgets.quarantined",
    "QUARANTINED",
    2,
    "Replaced sandboxes that one session keeps; with so many nothing more is replaced.",
    { range: [1, 20] },
  ),
  flapStops: count(
    "budgets.flapStops",
    "FLAP_STOPS",
    3,
    "A sandbox that stops so often within the flap window flaps.",
    { range: [2, 20] },
  ),
  flapWindowMs: duration(
    "budgets.flapWindow",
    "FLAP_WINDOW",
    60_000,
    "Time in which the stops of a sandbox are counted.",
  ),
  crashLaunches: count(
    "budgets.crashLaunches",
    "CRASH_LAUNCHES",
    5,
    "A driver that was launched more often within the crash window crashes in a loop.",
    { range: [2, 20] },
  ),
  crashWindowMs: duration(
    "budgets.crashWindow",
    "CRASH_WINDOW",
    120_000,
    "Time in which the launches of a driver are counted.",
  ),
  holdMs: duration(
    "pace.hold",
    "HOLD_PACE",
    30_000,
    "What flaps or crashes in a loop is left alone for this long before the next rung.",
  ),
  retry: retry(
    "retry",
    "RETRY",
    { startup: 1, environment: 2 },
    "How often a failed start is tried again on a fresh sandbox, by class of failure.",
    { flag: "retry" },
  ),
  retryWaitsMs: durations(
    "budgets.retryWaits",
    "RETRY_WAITS",
    [1_000, 3_000, 8_000],
    "Wait before try 2, 3, … of a start that failed; the last one is repeated.",
  ),
  fallbackImage: text(
    "fallbackImage",
    "FALLBACK_IMAGE",
    null,
    "Image to start from when a snapshot is inactive or missing; without one that is an error.",
    { flag: "fallback-image" },
  ),
  watchEveryMs: duration(
    "pace.watch",
    "WATCH_PACE",
    500,
    "Between looks at a sandbox that is coming up.",
    { range: [50, 60_000] },
  ),
  confirmMs: duration(
    "pace.confirm",
    "CONFIRM_PACE",
    15_000,
    "Between looks at a session that could not be confirmed, or that failed.",
    { range: [100, DAY_MS] },
  ),
  patrolMs: duration(
    "pace.patrol",
    "PATROL_PACE",
    30_000,
    "Between two rounds of probes over the platform's path while connected.",
    { range: [1_000, DAY_MS] },
  ),
  driverPatrolMs: duration(
    "pace.driverPatrol",
    "DRIVER_PATROL_PACE",
    8_000,
    "Between two rounds of probes over the driver's own path, which cost the platform nothing.",
    { range: [1_000, DAY_MS] },
  ),
  patrolsPerMinute: count(
    "pace.patrols",
    "PATROLS_PER_MINUTE",
    2_000,
    "Rounds over the platform's path that all connected sessions share, in any minute.",
    { range: [1, 1_000_000] },
  ),
  driverPatrolsPerMinute: count(
    "pace.driverPatrols",
    "DRIVER_PATROLS_PER_MINUTE",
    6_000,
    "Rounds over the driver's own path that all connected sessions share, in any minute.",
    { range: [1, 1_000_000] },
  ),
  janitorMs: duration(
    "pace.janitor",
    "JANITOR_PACE",
    15_000,
    "Between two looks at what should not be at the platform.",
    { range: [1_000, DAY_MS] },
  ),
  autoStopMs: idle(
    "idle.autoStop",
    "AUTO_STOP",
    30 * 60_000,
    "The platform stops a sandbox that nobody used for this long, also when no hub runs; " +
      "the hub keeps it awake only while somebody types, a process runs, or its driver reconnects.",
    { flag: "auto-stop" },
  ),
  idlePauseMs: idle(
    "idle.pause",
    "IDLE_PAUSE",
    null,
    "The hub pauses a session that nobody used for this long.",
    { flag: "idle-pause" },
  ),
  driverUpdateMs: idle(
    "idle.driverUpdate",
    "DRIVER_UPDATE",
    60_000,
    "A driver that is older than the hub's is replaced once nothing ran and nobody was attached " +
      "for this long; with `never` when it ends by itself.",
  ),
};

export type PolicyKey = keyof typeof policyTable;
export type SessionPolicy = {
  readonly [K in PolicyKey]: (typeof policyTable)[K]["fallback"];
};

export const policyKeys = Object.keys(policyTable) as PolicyKey[];

export const defaultPolicy = Object.fromEntries(
  policyKeys.map((key) => [key, policyTable[key].fallback]),
) as SessionPolicy;

/** The part of a larger record, for example the config, that is the policy. */
export function policyOf(values: SessionPolicy): SessionPolicy {
  return Object.fromEntries(policyKeys.map((key) => [key, values[key]])) as SessionPolicy;
}
