/** Several hubs on one store, in simulated worlds: what must hold, and that a mistake is seen. */
import { expect, test } from "vitest";
import { clusterPlants, type ClusterPlant } from "../../src/testing/sim/cluster-plants.ts";
import { ClusterWorld } from "../../src/testing/sim/cluster-world.ts";
import { fromImmediate } from "../../src/testing/sim/entry.ts";

const SEEDS = 150;
/** Each planted mistake is found within these; the number is told when one is not any more. */
const HUNT: Readonly<Record<ClusterPlant, number>> = {
  "claim-without-compare": 1,
  "wall-clock-lease": 107,
  "beat-shared-with-queries": 73,
  "epoch-reuse-after-failover": 17,
  "drain-stops-beating": 928,
  "end-right-after-claim": 2,
  "job-without-compare": 1,
  "job-without-lease": 87,
  "refused-is-anothers": 13,
  "dead-by-its-line-alone": 41,
  "cut-off-acts-on": 251,
};

test("[CL4, CL5, CL6, CL11, CL17, CL22] hubs that die, freeze and drain share no session", async () => {
  const sums = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { wrong, counts } = await fromImmediate(() => new ClusterWorld(seed).run());
    expect(wrong, `seed ${seed}`).toEqual([]);
    for (const [what, count] of Object.entries(counts)) {
      sums.set(what, (sums.get(what) ?? 0) + count);
    }
  }
  for (const [what, count] of sums) expect(count, what).toBeGreaterThan(10);
});

test.each(clusterPlants)(
  "[CL4, CL5, CL6, CL11, CL17, CL22] the planted mistake %s is found",
  async (plant) => {
    const found = await fromImmediate(() => {
      for (let away = 0; away < 60; away++) {
        const seed = HUNT[plant] + away;
        if (new ClusterWorld(seed, plant).run().wrong.length > 0) return seed;
      }
      return null;
    });
    expect(found).not.toBeNull();
  },
);
