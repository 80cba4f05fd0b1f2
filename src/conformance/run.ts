/**
 * Runs checks against a platform and says of each what was seen: pass, fail with the differences,
 * missing where the platform says that it has no such thing, or skip where it cannot be looked at.
 * Nothing is called a pass that looked at nothing.
 */
import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../base/deadline.ts";
import { NotCheckable, NotOffered, rethrowAbsence, See } from "./check.ts";
import type { Check } from "./check.ts";
import { World } from "./world.ts";
import type { Target } from "./world.ts";

export type Outcome = "pass" | "fail" | "missing" | "skip";

export interface CheckResult {
  readonly id: string;
  readonly about: string;
  readonly outcome: Outcome;
  /** Differences, or the reason why there is no pass. */
  readonly seen: readonly string[];
  readonly ms: number;
}

export interface Report {
  readonly apiUrl: string;
  readonly results: readonly CheckResult[];
  readonly counts: Readonly<Record<Outcome, number>>;
  /** What this run made and could not delete. */
  readonly left: readonly string[];
  /** How many were asked for. */
  readonly sandboxes: number;
  readonly ms: number;
}

export interface RunOptions {
  readonly target: Target;
  readonly clock: Clock;
  /** In the names of what is made, so that two runs do not meet. */
  readonly run: string;
  readonly onResult?: (result: CheckResult) => void;
  /** Once it is aborted no check is begun; those under way end, and what they made is deleted. */
  readonly signal?: AbortSignal;
}

/** The slowest check waits for a session's log to end; a hung one must not hold up the rest. */
const CHECK_MS = 40_000;
/** Areas are independent of each other; more at a time only makes a small machine late. */
const AREAS_AT_ONCE = 4;

/** Checks of one area run in their order, areas beside each other. */
export async function runChecks(
  areas: readonly (readonly Check[])[],
  { target, clock, run, onResult, signal }: RunOptions,
): Promise<Report> {
  const startedAt = clock.mono();
  const world = await World.open(target, clock, run);
  const results: CheckResult[] = [];
  const waiting = [...areas];
  const work = async (): Promise<void> => {
    for (let area = waiting.shift(); area !== undefined; area = waiting.shift()) {
      for (const check of area) {
        if (signal?.aborted === true) return;
        const result = await runOne(world, check);
        results.push(result);
        onResult?.(result);
      }
    }
  };
  let left: readonly string[];
  try {
    await Promise.all(Array.from({ length: AREAS_AT_ONCE }, work));
  } finally {
    left = await world.close();
  }
  const count = (outcome: Outcome): number =>
    results.filter((result) => result.outcome === outcome).length;
  return {
    apiUrl: target.apiUrl,
    results: results.sort((a, b) => (a.id < b.id ? -1 : 1)),
    counts: {
      pass: count("pass"),
      fail: count("fail"),
      missing: count("missing"),
      skip: count("skip"),
    },
    left,
    sandboxes: world.asked,
    ms: Math.round(clock.mono() - startedAt),
  };
}

async function runOne(world: World, check: Check): Promise<CheckResult> {
  const { id, about } = check;
  const startedAt = world.clock.mono();
  const see = new See();
  const { outcome, seen } = await judge(world, check, see);
  return { id, about, outcome, seen, ms: Math.round(world.clock.mono() - startedAt) };
}

async function judge(
  world: World,
  check: Check,
  see: See,
): Promise<Pick<CheckResult, "outcome" | "seen">> {
  try {
    const late = (): Error => new Error(`not done after ${CHECK_MS / 1_000} s`);
    await withDeadline(world.clock, CHECK_MS, () => check.run(world, see), late);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason !== null && see.differences.length === 0) return reason;
    return { outcome: "fail", seen: [...see.differences, `it ends with ${textOfError(error)}`] };
  }
  if (see.differences.length > 0) return { outcome: "fail", seen: see.differences };
  if (see.looks === 0) return { outcome: "fail", seen: ["the check looked at nothing"] };
  return { outcome: "pass", seen: [] };
}

function reasonOf(error: unknown): Pick<CheckResult, "outcome" | "seen"> | null {
  try {
    rethrowAbsence(error);
  } catch (absence) {
    return reasonOf(absence);
  }
  if (error instanceof NotOffered) return { outcome: "missing", seen: [error.message] };
  if (error instanceof NotCheckable) return { outcome: "skip", seen: [error.message] };
  return null;
}

function textOfError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error);
}
