/** How a hub that drains gives its sessions back, and what it says of one that is on its way. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { Cluster } from "../../../src/hub/cluster/cluster.ts";
import type { ClusterSeat } from "../../../src/hub/cluster/open-cluster.ts";
import type { Membership } from "../../../src/hub/cluster/membership.ts";
import { Ownership } from "../../../src/hub/cluster/ownership.ts";
import { TestClock } from "../../support/test-clock.ts";

/** What happened, in order: which sessions rest, are nobody's, and have links that were told. */
function draining(count: number, failsFirst = false) {
  const clock = new TestClock();
  const owned = Array.from({ length: count }, (_, n) => `ses_${n}`);
  const happened: { readonly what: "let" | "released" | "told"; readonly at: number }[] = [];
  const did = (what: "let" | "released" | "told", ids: readonly string[]): void => {
    happened.push(...ids.map(() => ({ what, at: clock.now() })));
  };
  let fails = failsFirst;
  const ownership = new Ownership<string>({
    claims: {
      whereabouts: () => Promise.resolve(null),
      claim: () => Promise.resolve(null),
      places: () => Promise.resolve(owned.map((id) => ({ id, owner: "inc_a", fence: 1 }))),
      owners: () => Promise.resolve([]),
      unproven: () => Promise.resolve([]),
      orphans: () => Promise.resolve([]),
      claimAll: () => Promise.resolve([]),
      release: (ids) => {
        if (fails) {
          fails = false;
          return Promise.reject(new Error("the answer was lost"));
        }
        did("released", owned.splice(0, ids.length));
        return Promise.resolve(ids);
      },
    },
    household: {
      has: () => false,
      owned: () => owned,
      adopt: () => undefined,
      let: (ids) => {
        did("let", ids);
        return () => did("told", ids);
      },
      isCrowded: () => false,
    },
    members: { drain: () => Promise.resolve() } as unknown as Membership,
    clock,
    log: silentLogger,
  });
  return { clock, happened, drained: ownership.drain() };
}

test("[CL14] links are told to go once the store calls their session nobody's", async () => {
  const { clock, happened, drained } = draining(2);
  await clock.advanceAsync(1_000);
  await drained;
  const order = happened.map(({ what }) => what);
  expect(order).toEqual(["let", "let", "released", "released", "told", "told"]);
});

test("[CL14] a release whose answer was lost keeps no link here", async () => {
  const { clock, happened, drained } = draining(1, true);
  await clock.advanceAsync(1_000);
  await drained;
  expect(happened.map(({ what }) => what)).toEqual(["let", "told", "let", "released", "told"]);
});

test("[CL14] many are given back within fifteen seconds, and never more at once than that takes", async () => {
  const { clock, happened, drained } = draining(1_000);
  await clock.advanceAsync(16_000);
  await drained;
  const releasedAt = happened.filter(({ what }) => what === "released").map(({ at }) => at);
  expect(releasedAt).toHaveLength(1_000);
  const perMoment = [...new Set(releasedAt)].map((at) => releasedAt.filter((x) => x === at).length);
  expect(Math.max(...perMoment)).toBeLessThanOrEqual(14);
  expect((releasedAt.at(-1) ?? 0) - (releasedAt[0] ?? 0)).toBeLessThanOrEqual(15_000);
});

test("[CL14] a session that is this hub's by the store alone has moved, and is not unknown", async () => {
  const clock = new TestClock();
  const members = { inc: "inc_a", hubs: [], dead: [] };
  const whereabouts = () => Promise.resolve({ id: "ses_1", name: "one", owner: "inc_a", fence: 1 });
  const cluster = new Cluster({
    seat: { members, store: { whereabouts } } as unknown as ClusterSeat,
    household: {
      has: () => false,
      owned: () => [],
      adopt: () => undefined,
      let: () => () => undefined,
      isCrowded: () => false,
    },
    clock,
    log: silentLogger,
  });
  expect(await cluster.explain("one")).toMatchObject({
    id: "ses_1",
    error: { code: "SessionMoved" },
  });
});
