/** When a hub asks its store what is its own: after trouble, and once more for what is late. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { Membership } from "../../../src/hub/cluster/membership.ts";
import { Ownership } from "../../../src/hub/cluster/ownership.ts";
import { TestClock } from "../../support/test-clock.ts";

/** A hub alone, and what the store calls its own, which it takes where it does not know of it. */
async function alone() {
  const clock = new TestClock();
  const [own, known] = [new Set<string>(), new Set<string>()];
  const store = { isAway: false, looks: 0 };
  const done = (): Promise<void> => Promise.resolve();
  const members = new Membership({
    self: { inc: "inc_a", name: "a", advertise: "", version: "1", started: 0 },
    book: {
      register: done,
      beat: () => (store.isAway ? Promise.reject(new Error("away")) : Promise.resolve([])),
      declareDead: () => Promise.resolve(false),
      enter: done,
    },
    refuses: () => Promise.resolve(false),
    ...{ clock, log: silentLogger, onDeclaredDead: () => undefined, onDead: () => undefined },
  });
  const ownership = new Ownership<string>({
    claims: {
      whereabouts: () => Promise.resolve(null),
      claim: (id) => Promise.resolve(id),
      places: () => {
        store.looks += 1;
        return Promise.resolve([...own].map((id) => ({ id, owner: "inc_a", fence: 1 })));
      },
      ...{ owners: () => Promise.resolve([]), orphans: () => Promise.resolve([]) },
      ...{ claimAll: () => Promise.resolve([]), release: () => Promise.resolve([]) },
      unproven: () => Promise.resolve([]),
    },
    household: {
      has: (id) => known.has(id),
      owned: () => [...known],
      adopt: (id) => known.add(id),
      isCrowded: () => false,
      let: (ids) => {
        for (const id of ids) known.delete(id);
        return () => undefined;
      },
    },
    ...{ members, clock, log: silentLogger },
  });
  await members.start();
  ownership.start();
  return { clock, own, known, store, members, ownership };
}

test("[CL39] a store that was away is asked anew what is this hub's, and what is not", async () => {
  const { clock, own, known, store } = await alone();
  known.add("ses_lost");
  await clock.advanceAsync(5_000);
  expect([store.looks, [...known]]).toEqual([0, ["ses_lost"]]);
  store.isAway = true;
  await clock.advanceAsync(1_000);
  own.add("ses_back");
  store.isAway = false;
  await clock.advanceAsync(2_500);
  expect([store.looks, [...known]]).toEqual([1, ["ses_back"]]);
});

test("[CL39] the same once a connection broke, also where no beat failed", async () => {
  const { clock, own, known, members } = await alone();
  own.add("ses_back");
  members.cutOff();
  await clock.advanceAsync(2_500);
  expect([...known]).toEqual(["ses_back"]);
});

test("[CL39] who is in doubt looks again for what arrives late, and then no more", async () => {
  const { clock, own, known, store, ownership } = await alone();
  ownership.doubt();
  await clock.advanceAsync(2_500);
  own.add("ses_late");
  await clock.advanceAsync(10_000);
  expect([store.looks, [...known]]).toEqual([1, []]);
  await clock.advanceAsync(5_000);
  expect([store.looks, [...known]]).toEqual([2, ["ses_late"]]);
  await clock.advanceAsync(60_000);
  expect(store.looks).toBe(2);
});
