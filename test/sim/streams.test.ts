/** Worlds of streams: real channels, links and redial over a network that breaks. */
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { fromImmediate } from "../../src/testing/sim/entry.ts";
import { streamPlanFor } from "../../src/testing/sim/stream-plan.ts";
import {
  runStreamPlan,
  runStreamSeed,
  type StreamOutcome,
} from "../../src/testing/sim/stream-simulate.ts";

const SEEDS = 60;
/** Of the kept seeds the one that was found with checkpoints that are planned. */
const WITH_REST = 6243;
/** What a campaign of this size must have met, or it proves nothing. */
const SOMETIMES = [
  "finished",
  "several streams",
  "hub-killed",
  "client-cut",
  "driver-cut",
  "restored",
  "DriverRestarted",
  "RolledBack",
  "signalled",
  "checkpoint quiet",
  "kept at rest",
  "checkpoint late",
  "checkpoint unable",
  "an old client",
  "an old driver",
  "an old hub",
];

describe("worlds of streams", () => {
  it(`[SIM1] ${SEEDS} seeds lose, double and splice nothing, and reach what they must`, async () => {
    const outcomes: StreamOutcome[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      outcomes.push(await fromImmediate(() => runStreamSeed(seed)));
    }
    const broken = outcomes
      .filter((outcome) => outcome.violations.length > 0)
      .map(({ plan, violations }) => ({ seed: plan.seed, violations: violations.slice(0, 2) }));
    expect(broken).toEqual([]);
    const seen = new Set(outcomes.flatMap((outcome) => [...outcome.sometimes]));
    expect(SOMETIMES.filter((name) => !seen.has(name))).toEqual([]);
  }, 60_000);

  it.each([
    [179, "stdout and exit came before the stream of stderr was opened anew"],
    [650, "an OPEN that was lost came after a later one and was taken for forgotten"],
    [5317, "a question about a stream whose OPEN was lost was answered with its end"],
    [5359, "OPEN_OK was lost, and a restored driver began the command anew under its first bytes"],
    [7272, "a checkpoint lived on while its driver was frozen, and was none of its past"],
    [30784, "a checkpoint took bytes that its frozen driver had not read"],
    [31281, "a restored driver gave out an id again, and its client took it for the stream it had"],
    [37713, "the OPEN of stderr was lost, and so was its driver after the exit had come"],
    [6243, "a command's signals were taken, its OPEN_OK lost, and a restored driver began it anew"],
    [6314, "the end of stdin came before the accept, and the link changed in between"],
  ])("[SIM1] seed %i broke once: %s", async (seed) => {
    const plan = streamPlanFor(seed, seededRandom(`${seed}/streams`));
    // As it was drawn then: checkpoints that are planned came later.
    const faults = plan.faults.filter(({ kind }) => seed === WITH_REST || kind !== "checkpoint");
    const outcome = await fromImmediate(() => runStreamPlan({ ...plan, faults }));
    expect(outcome.violations).toEqual([]);
  });

  it("[SIM2] the same seed gives the same trace", async () => {
    for (const seed of [2, 11]) {
      const first = await fromImmediate(() => runStreamSeed(seed));
      const second = await fromImmediate(() => runStreamSeed(seed));
      expect(second.trace).toBe(first.trace);
    }
  }, 60_000);
});
