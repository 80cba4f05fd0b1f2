/** Whole worlds over real machine, works, probes, switchboard and redial; see src/testing/sim. */
import { describe, expect, it } from "vitest";
import { runSeed, type Outcome } from "../../src/testing/sim/simulate.ts";

/** Simulated promises only run where no real promise reaction is under way. */
function inImmediate<T>(work: () => T): Promise<T> {
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

const SEEDS = 60;
/** What a campaign of this size must have met, or it proves nothing. */
const SOMETIMES = [
  "connected",
  "connected again",
  "nudged",
  "session.suspended",
  "session.ended",
  "state creating.watching",
  "state nudging.relaunching",
  "state connected.suspect",
  "fault SandboxGone",
];

describe("worlds", () => {
  it(`[SIM1] ${SEEDS} seeds break no invariant, and reach what they must`, async () => {
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) outcomes.push(await inImmediate(() => runSeed(seed)));
    const broken = outcomes
      .filter((outcome) => outcome.violations.length > 0)
      .map(({ plan, violations }) => ({ seed: plan.seed, violations: violations.slice(0, 2) }));
    expect(broken).toEqual([]);
    const seen = new Set(outcomes.flatMap((outcome) => [...outcome.sometimes]));
    expect(SOMETIMES.filter((name) => !seen.has(name))).toEqual([]);
  }, 60_000);

  it("[SIM2] the same seed gives the same trace", async () => {
    for (const seed of [3, 19, 27]) {
      const first = await inImmediate(() => runSeed(seed));
      const second = await inImmediate(() => runSeed(seed));
      expect(second.trace).toBe(first.trace);
      expect(second.eventsRun).toBe(first.eventsRun);
    }
  }, 60_000);
});
