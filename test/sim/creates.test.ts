/** Sessions that are asked for at several hubs on one store, in simulated worlds. */
import { expect, test } from "vitest";
import { CreatesWorld } from "../../src/testing/sim/creates-world.ts";
import { fromImmediate } from "../../src/testing/sim/entry.ts";

const SEEDS = 30;

test("[CL36, CL37, CL38, CL39] a wish is one session, and none is lost or left over", async () => {
  const sums = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { wrong, counts } = await fromImmediate(() => new CreatesWorld(seed).run());
    expect(wrong, `seed ${seed}`).toEqual([]);
    for (const [what, count] of Object.entries(counts)) {
      sums.set(what, (sums.get(what) ?? 0) + count);
    }
  }
  for (const [what, count] of sums) expect(count, what).toBeGreaterThan(1);
});
