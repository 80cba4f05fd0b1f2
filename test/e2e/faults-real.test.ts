/**
 * Sessions that are broken for real, under a real hub: by when it gave a coded reason, and what it
 * made of it. The figures of all drills, also of those that take longer, come by `npm run drill`.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { DrillRig } from "./drill-rig.ts";
import { runDrills, type DrillResult } from "./drill-run.ts";
import { patrolMs, scenarios } from "./drill-scenarios.ts";

/** The longest decides how long all take. */
const atOnce = 3;
const longestMs = 120_000;

describeWhere([needs.linux, needs.root, needs.bubblewrap], "a session that is broken", () => {
  let rig: DrillRig;
  const quick = scenarios.filter(({ isQuick }) => isQuick);
  const results = new Map<string, DrillResult>();

  beforeAll(async () => {
    rig = await DrillRig.open({ patrolMs });
    await runDrills(rig, quick, atOnce, (result) => results.set(result.scenario.name, result));
  }, longestMs);
  afterAll(() => rig.close());

  test.each(quick.map(({ name }) => name))("%s", (name) => {
    const result = results.get(name);
    expect(result?.wrong, JSON.stringify(result)).toEqual([]);
  });
});
