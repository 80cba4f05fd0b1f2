/**
 * Runs worlds of streams and judges them: what was delivered is what one timeline wrote, nothing
 * ran twice, nothing is stuck, nobody kept more than was granted. The same seed gives the same
 * trace.
 */
import { createHash } from "node:crypto";
import { limits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import type { FaultCode } from "../../base/faults.ts";
import type { Run } from "./stream-driver.ts";
import { losesTimeline, streamPlanFor, type StreamPlan } from "./stream-plan.ts";
import { StreamWorld, type Call } from "./stream-world.ts";

export interface StreamViolation {
  readonly invariant: string;
  readonly atMs: number;
  readonly text: string;
}

export interface StreamOutcome {
  readonly plan: StreamPlan;
  readonly violations: readonly StreamViolation[];
  readonly trace: string;
  readonly eventsRun: number;
  readonly sometimes: ReadonlySet<string>;
}

/** Memory is looked at now and then: it cannot grow faster than the frames that fill it. */
const LOOK_EVERY = 64;
/** Codes with which a stream may end when its driver's past was changed. */
const LOST_TIMELINE: ReadonlySet<FaultCode> = new Set([
  "RolledBack",
  "DriverRestarted",
  "LinkLost",
  "LeaseExpired",
]);

/** Must be called from a timer or immediate, as `runPlan` of the other worlds. */
export function runStreamPlan(plan: StreamPlan): StreamOutcome {
  const world = new StreamWorld(plan);
  const violations: StreamViolation[] = [];
  const report = (invariant: string, text: string): void => {
    violations.push({ invariant, atMs: Math.round(world.kernel.now), text });
  };
  const onRejection = (reason: unknown): void => report("I49", String(reason));
  process.on("unhandledRejection", onRejection);
  let events = 0;
  const look = (): void => {
    events += 1;
    if (events % LOOK_EVERY === 0) checkMemory(world, report);
  };
  try {
    world.kernel.run(plan.troubleMs, look);
    world.calm();
    world.kernel.run(plan.untilMs, look);
    for (const call of world.calls) judge(world, call, report);
    for (const text of world.broken) report("I37", text);
  } catch (error) {
    report("I49", error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  const { sometimes } = world;
  for (const { error } of world.calls) sometimes.add(error === null ? "finished" : error.code);
  if (world.calls.length > 1) sometimes.add("several streams");
  if (plan.old !== "nobody") sometimes.add(`an old ${plan.old}`);
  if (world.calls.some(({ signals }) => signals.length > 0)) sometimes.add("signalled");
  const { eventsRun } = world.kernel;
  return { plan, violations, trace: traceOf(world), eventsRun, sometimes };
}

export function runStreamSeed(seed: number): StreamOutcome {
  return runStreamPlan(streamPlanFor(seed, seededRandom(`${seed}/streams`)));
}

/** Drops faults one by one for as long as the same invariant still breaks. */
export function shrinkStreams(failed: StreamOutcome): StreamOutcome {
  const [first] = failed.violations;
  if (first === undefined) return failed;
  let best = failed;
  for (let at = best.plan.faults.length - 1; at >= 0; at--) {
    const faults = best.plan.faults.filter((_, index) => index !== at);
    const outcome = runStreamPlan({ ...best.plan, faults });
    if (outcome.violations.some((one) => one.invariant === first.invariant)) best = outcome;
  }
  return best;
}

type Report = (invariant: string, text: string) => void;

function judge(world: StreamWorld, call: Call, report: Report): void {
  const { plan, error } = call;
  const { name } = plan;
  const runs = world.drivers.flatMap(({ runs: all }) => all.get(name) ?? []);
  for (const { starts } of runs) {
    if (starts > 1) report("I36", `${name} ran ${starts} times in one driver`);
  }
  if (call.exits > 1) report("I36", `${name} has ${call.exits} exits`);
  if (call.exits === 0) {
    report("I30", `${name} neither ended nor failed`);
    return;
  }
  if (error !== null) {
    const allowed = world.plan.faults.some(({ kind }) => losesTimeline(kind));
    if (!allowed || !LOST_TIMELINE.has(error.code)) {
      report("I32", `${name} failed with ${error.code}: ${error.message}`);
    }
    // Each of its streams ends where its own timeline was lost; none is ever of two.
    for (const lane of ["out", "err"] as const) {
      const given = join(call[lane]);
      if (given.length === 0 || runs.some((run) => startsWith(join(run[lane]), given))) continue;
      report("I30", `${name} was given ${lane} that no driver wrote in that order`);
    }
    return;
  }
  const whole = runs.some((run) => run.exitCode === call.exitCode && isWhole(call, run));
  if (!whole) report("I30", `${name} ended with bytes that no driver wrote, or not with all`);
}

/** What was delivered is a part of what one driver wrote, from its start on, and so is stdin. */
function isPrefix(call: Call, run: Run): boolean {
  return (
    startsWith(join(run.out), join(call.out)) &&
    startsWith(join(run.err), join(call.err)) &&
    startsWith(call.given, join(run.taken)) &&
    run.signals.every((signal, index) => signal === call.signals[index])
  );
}

function isWhole(call: Call, run: Run): boolean {
  return (
    isPrefix(call, run) &&
    join(call.out).length === call.plan.outBytes &&
    join(call.err).length === call.plan.errBytes &&
    join(run.taken).length === call.given.length &&
    run.signals.length >= call.signalsBeforeEnd
  );
}

function startsWith(whole: Uint8Array, part: Uint8Array): boolean {
  return Buffer.compare(whole.subarray(0, part.length), part) === 0;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

/** Three streams a command, each with what it keeps for its peer and what waits for its reader. */
function checkMemory(world: StreamWorld, report: Report): void {
  const perCall = 3 * 2 * limits.STREAM_WINDOW_BYTES;
  // What windows have grown by is bounded for a channel, and a driver has had a few.
  const grown = 2 * limits.CHANNEL_WINDOW_BYTES_MAX;
  const most = (world.plan.execs.length + 1) * perCall + grown;
  for (const { table } of world.drivers) {
    if (table.heldBytes > most) report("I33", `a driver holds ${table.heldBytes} bytes`);
  }
}

function traceOf(world: StreamWorld): string {
  const hash = createHash("sha256");
  for (const { plan, out, err, exitCode, error } of world.calls) {
    hash.update(`${plan.name} ${exitCode ?? "-"} ${error?.code ?? "-"}\n`);
    for (const bytes of [...out, ...err]) hash.update(bytes);
  }
  hash.update(String(world.kernel.eventsRun));
  return hash.digest("hex").slice(0, 16);
}
