/** Who takes a session that nobody has: the hub to which its driver comes, if it comes. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import type { Membership } from "../../../src/hub/cluster/membership.ts";
import { Ownership, type Place } from "../../../src/hub/cluster/ownership.ts";
import { TestClock } from "../../support/test-clock.ts";

/** One hub that looks at a store where these are nobody's. */
function looking(orphans: number, isCrowded = () => false) {
  const clock = new TestClock();
  const free = new Map<string, Place>();
  for (let n = 0; n < orphans; n++) free.set(`ses_${n}`, { id: `ses_${n}`, owner: null, fence: 1 });
  const adopted: string[] = [];
  const take = ({ id, fence }: Pick<Place, "id" | "fence">): string[] => {
    if (free.get(id)?.fence !== fence) return [];
    free.delete(id);
    return [id];
  };
  const ownership = new Ownership<string>({
    claims: {
      whereabouts: (id) => Promise.resolve(free.get(id) ?? null),
      claim: (id, fence) => Promise.resolve(take({ id, fence })[0] ?? null),
      places: () => Promise.resolve([]),
      owners: () => Promise.resolve([]),
      orphans: (_, limit) => Promise.resolve([...free.values()].slice(0, limit)),
      claimAll: (seen) => Promise.resolve(seen.flatMap(take)),
      release: (ids) => Promise.resolve(ids),
      unproven: () => Promise.resolve([]),
    },
    household: {
      has: () => false,
      owned: () => adopted,
      adopt: (id) => adopted.push(id),
      let: () => () => undefined,
      isCrowded,
    },
    members: {
      ...{ dead: [], hubs: [], inc: "inc_a" },
      mayAct: () => true,
      hearOwners: () => undefined,
      onReturn: () => undefined,
    } as unknown as Membership,
    clock,
    log: silentLogger,
  });
  ownership.start();
  return { clock, free, adopted, ownership };
}

test("[CL25] what was given back is left to its driver for two seconds, then anybody takes it", async () => {
  const { clock, adopted } = looking(3);
  await clock.advanceAsync(2_900);
  expect(adopted).toEqual([]);
  await clock.advanceAsync(200);
  expect(adopted).toHaveLength(3);
});

test("[CL25] who had it meanwhile and gave it back leaves it for as long again", async () => {
  const { clock, free, adopted } = looking(1);
  await clock.advanceAsync(2_500);
  free.set("ses_0", { id: "ses_0", owner: null, fence: 3 });
  await clock.advanceAsync(2_000);
  expect(adopted).toEqual([]);
  await clock.advanceAsync(1_000);
  expect(adopted).toEqual(["ses_0"]);
});

test("[CL25] while one driver after the other comes the rest is left to them, not for ever", async () => {
  const { clock, adopted, ownership } = looking(1_000);
  const brought = new Set<string>();
  let next = 999;
  const bringSome = async (): Promise<void> => {
    for (let n = 0; n < 30; n++, next--) {
      expect(await ownership.land(`ses_${next}`, true)).toEqual({ kind: "here" });
      brought.add(`ses_${next}`);
    }
  };
  for (let s = 0; s < 15; s++) {
    await bringSome();
    await clock.advanceAsync(1_000);
  }
  expect(adopted.filter((id) => !brought.has(id))).toEqual([]);
  await bringSome();
  await clock.advanceAsync(1_000);
  expect(adopted.filter((id) => !brought.has(id))).toHaveLength(200);
});

test("[CL25] while drivers come to another hub the rest is left to them, too", async () => {
  const { clock, free, adopted } = looking(1_000);
  await clock.advanceAsync(1_000);
  for (let s = 0; s < 10; s++) {
    for (const id of [...free.keys()].slice(-30)) free.delete(id);
    await clock.advanceAsync(1_000);
  }
  expect(adopted).toEqual([]);
  await clock.advanceAsync(1_000);
  expect(adopted).toHaveLength(200);
});

test("[CL25] what a hub takes itself is no sign of drivers: it goes on with the next look", async () => {
  const { clock, adopted } = looking(1_000);
  await clock.advanceAsync(5_000);
  expect(adopted).toHaveLength(600);
});

test("[CL25] while drivers wait at this hub's doors the rest is left to them, not for ever", async () => {
  const { clock, adopted } = looking(1_000, () => true);
  await clock.advanceAsync(15_900);
  expect(adopted).toEqual([]);
  await clock.advanceAsync(200);
  expect(adopted).toHaveLength(200);
});
