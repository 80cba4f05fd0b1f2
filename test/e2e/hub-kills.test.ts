/** A few of the kills that bench/hub-kills.ts does by the hundred. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { DrillRig } from "./drill-rig.ts";
import { runKills } from "./kill-run.ts";

const kills = 10;
const longestMs = 180_000;

describeWhere([needs.linux], "a hub that is killed at random instants", () => {
  let rig: DrillRig;

  beforeAll(async () => {
    rig = await DrillRig.open();
  });
  afterAll(() => rig.close());

  test(
    "[SM20] no orphan, no second sandbox, no deadline that moved",
    async () => {
      const figures = await runKills(rig, { kills, seed: "ci" });
      expect(figures).toMatchObject({
        kills,
        deadlinesMoved: [],
        doubled: [],
        unsettled: [],
        orphans: [],
      });
      // A run that never met the hub at work would have shown nothing.
      expect(figures.killsAtWork).toBeGreaterThanOrEqual(kills / 5);
      expect(figures.deadlinesCompared).toBeGreaterThan(0);
    },
    longestMs,
  );
});
