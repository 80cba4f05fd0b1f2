/** Whole worlds over real machine, works, probes, switchboard and redial; see src/testing/sim. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  planForSeed,
  readReplay,
  replay,
  simulate,
  type Outcome,
} from "../../src/testing/index.ts";

const SEEDS = 60;
/** What a campaign of this size must have met, or it proves nothing. */
const SOMETIMES = [
  "connected",
  "connected again",
  "fact nudge.sent",
  "fact session.suspended",
  "fact session.ended",
  "state creating.watching",
  "state nudging.relaunching",
  "state connected.suspect",
  "fault SandboxGone",
  "struck hub-killed",
];
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

describe("worlds", () => {
  it(`[SIM1] ${SEEDS} seeds break no invariant, and reach what they must`, async () => {
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) outcomes.push(await simulate(seed));
    const broken = outcomes
      .filter((outcome) => outcome.violations.length > 0)
      .map(({ plan, violations }) => ({ seed: plan.seed, violations: violations.slice(0, 2) }));
    expect(broken).toEqual([]);
    const seen = new Set(outcomes.flatMap((outcome) => [...outcome.sometimes]));
    expect(SOMETIMES.filter((name) => !seen.has(name))).toEqual([]);
  }, 60_000);

  it("[SIM2] the same seed gives the same trace", async () => {
    for (const seed of [3, 19, 27]) {
      const first = await simulate(seed);
      const second = await replay(planForSeed(seed));
      expect(second.trace).toBe(first.trace);
      expect(second.eventsRun).toBe(first.eventsRun);
    }
  }, 60_000);

  it("[SIM2] and in another process, too", async () => {
    const script = `import { simulate } from ${JSON.stringify(here("../../src/testing/index.ts"))};
      for (const seed of [5, 19]) console.log((await simulate(seed)).trace);`;
    const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const traces = [(await simulate(5)).trace, (await simulate(19)).trace];
    expect(stdout.trim().split("\n")).toEqual(traces);
  }, 60_000);
});

describe("kept seeds", () => {
  const dir = here("../seeds/");
  const kept = readdirSync(dir).filter((name) => name.endsWith(".json"));

  it("there are some", () => expect(kept.length).toBeGreaterThan(0));

  it.each(kept)("[SIM3] %s breaks nothing any more", async (name) => {
    const { plan, why } = readReplay(readFileSync(`${dir}${name}`, "utf8"), name);
    expect(why).not.toBe("");
    expect((await replay(plan)).violations).toEqual([]);
  });
});
