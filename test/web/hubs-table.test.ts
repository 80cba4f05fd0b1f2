import { describe, expect, test } from "vitest";
import type { HubInfo } from "../../src/client/api-types.ts";
import { hubRows } from "../../src/web/hubs-table.tsx";

const startedAt = "2026-01-01T12:00:00.000Z";
const self: HubInfo = {
  ...{ id: "inc_a", name: "a", self: true, version: "0.1.0", startedAt, advertise: "10.0.0.1:7" },
  ...{ state: "live", ready: true, sessions: 1_200, leaseMs: 2_940, drain: null },
};
const other: HubInfo = {
  ...{ id: "inc_b", name: "b", self: false, version: "0.2.0", startedAt, state: "live" },
};
const stateOf = (hub: Partial<HubInfo>) => hubRows({ cluster: "c", items: [{ ...self, ...hub }] });

describe("the hubs beside the platform", () => {
  test("a hub of its own shows none", () => {
    const { id, version } = self;
    const alone = { id, self: true, version, startedAt, ready: true, sessions: 3 };
    expect(hubRows({ items: [alone] })).toEqual([]);
  });

  test("of several, each is a row, and what only another knows is not made up", () => {
    expect(hubRows({ cluster: "c", items: [self, other] })).toEqual([
      {
        ...{ id: "inc_a", name: "a (this one)", state: "live", isBad: false, version: "0.1.0" },
        ...{ place: `inc_a, 10.0.0.1:7, since ${startedAt}`, sessions: "1,200", lease: "2.9 s" },
      },
      {
        ...{ id: "inc_b", name: "b", state: "live", isBad: false, version: "0.2.0" },
        ...{ place: `inc_b, since ${startedAt}`, sessions: "–", lease: "–" },
      },
    ]);
  });

  test.each<[string, Partial<HubInfo>, boolean]>([
    ["live", {}, false],
    ["live, takes no work", { ready: false, leaseMs: 0 }, true],
    ["dead", { state: "dead" }, true],
    ["gone", { state: "gone" }, false],
    ["draining", { state: "draining" }, false],
  ])("%s", (words, hub, isBad) => {
    expect(stateOf(hub)).toMatchObject([{ state: words, isBad }]);
  });

  test.each([
    ["announced", 7, "draining, balancers are told"],
    ["moving", 5, "draining, 2 of 7 given"],
    ["moving", 9, "draining, 0 of 7 given"],
    ["done", 0, "drained"],
  ] as const)("a drain that is %s with %i left", (step, sessions, words) => {
    const drain = { step, startedAt, sessions: 7 };
    expect(stateOf({ state: "draining", ready: false, sessions, drain })[0]?.state).toBe(words);
  });
});
