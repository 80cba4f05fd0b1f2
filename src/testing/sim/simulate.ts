/**
 * Runs worlds: one plan to its end, or a campaign of seeds. The same seed gives the same trace,
 * on every machine; a plan that fails is shrunk to the faults that matter.
 */
import { createHash } from "node:crypto";
import { seededRandom } from "../../base/random.ts";
import type { Plan } from "./faults.ts";
import type { Violation } from "./invariants/check.ts";
import { Watcher } from "./invariants/watcher.ts";
import { planFor } from "./plan.ts";
import { calm } from "./trouble.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  /** Hash over every fact of the world. */
  readonly trace: string;
  readonly eventsRun: number;
  readonly sometimes: ReadonlySet<string>;
}

/** A second ask, for what the first ran into: an attempt that was cut short by the calm itself. */
const ASK_AGAIN_MS = 60_000;

/**
 * One world, start to end. Must be called from a timer or immediate, never from a promise
 * reaction: simulated promises would then wait for the real one.
 */
export function runPlan(plan: Plan): Outcome {
  const world = new World(plan);
  const watcher = new Watcher(world);
  const check = (): void => watcher.check();
  const errors: Violation[] = [];
  const onRejection = (reason: unknown): void => {
    errors.push({ invariant: "I49", atMs: Math.round(world.kernel.now), text: String(reason) });
  };
  process.on("unhandledRejection", onRejection);
  try {
    world.kernel.run(plan.troubleMs, check);
    calm(world);
    for (const untilMs of [plan.troubleMs + ASK_AGAIN_MS, plan.untilMs]) {
      retryAll(world);
      world.kernel.run(untilMs, check);
    }
    watcher.checkSettled();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    errors.push({ invariant: "I49", atMs: Math.round(world.kernel.now), text });
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  return {
    plan,
    violations: [...watcher.violations, ...errors],
    trace: traceOf(world),
    eventsRun: world.kernel.eventsRun,
    sometimes: watcher.sometimes,
  };
}

export function runSeed(seed: number): Outcome {
  return runPlan(planFor(seed, seededRandom(`${seed}/plan`)));
}

/** Drops faults one by one for as long as the same invariant still breaks. */
export function shrink(failed: Outcome): Outcome {
  const [first] = failed.violations;
  if (first === undefined) return failed;
  let best = failed;
  for (let at = best.plan.faults.length - 1; at >= 0; at--) {
    const faults = best.plan.faults.filter((_, index) => index !== at);
    const outcome = runPlan({ ...best.plan, faults });
    if (outcome.violations.some((one) => one.invariant === first.invariant)) best = outcome;
  }
  return best;
}

function retryAll(world: World): void {
  for (const session of world.sessions) {
    if (session.record.state === "error") world.ask(session, "operator.retried");
  }
}

function traceOf(world: World): string {
  const hash = createHash("sha256");
  for (const event of world.store.events({ after: 0, limit: Number.MAX_SAFE_INTEGER })) {
    hash.update(
      `${event.seq} ${event.at} ${event.name} ${event.kind} ${event.detail} ${event.text}\n`,
    );
  }
  return hash.digest("hex").slice(0, 16);
}
