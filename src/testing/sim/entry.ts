/**
 * The ways into the simulator that may be called from anywhere. A world drains its own promises
 * between two of its events, which works only while no promise reaction of the caller is under way;
 * so each world is run from an immediate.
 */
import { seededRandom } from "../../base/random.ts";
import type { Plan } from "./faults.ts";
import { planFor } from "./plan.ts";
import { runPlan, runSeed, type Outcome } from "./simulate.ts";

/**
 * Runs the world of one seed: up to four sessions, four simulated minutes, up to a few dozen
 * faults. Takes about ten milliseconds and blocks for that long.
 * @returns what broke (`violations`, empty when all is well), a hash of all that happened (`trace`,
 * the same for the same seed and code), and what was reached (`sometimes`).
 */
export function simulate(seed: number): Promise<Outcome> {
  return fromImmediate(() => runSeed(seed));
}

/** Runs a plan: a kept one (`readReplay`), one of a seed, or one made by hand. */
export function replay(plan: Plan): Promise<Outcome> {
  return fromImmediate(() => runPlan(plan));
}

/** What a seed would do: the faults, their times in milliseconds, the speed of the network. */
export function planForSeed(seed: number): Plan {
  return planFor(seed, seededRandom(`${seed}/plan`));
}

/** For worlds of another kind. */
export function fromImmediate<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}
