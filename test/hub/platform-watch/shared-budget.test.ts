/** Hubs that share a platform share its limit: never more than one of them alone would ask for. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { RateBudget } from "../../../src/hub/platform-watch/rate-budget.ts";
import { TestClock } from "../../support/test-clock.ts";

const LIMIT = 600;
const STEP_MS = 100;

/** Hubs that take whatever they are given, at every moment, and come and go. */
function greedy() {
  const clock = new TestClock();
  const random = seededRandom("shared-budget");
  const hubs = new Map<RateBudget, { joined: boolean }>();
  const spentAt: number[] = [];
  let sharers = 0;
  const take = (budget: RateBudget): void => {
    for (;;) {
      try {
        if (budget.take({ scopes: [], cost: 1, patienceMs: 0 }) !== null) return;
      } catch {
        return;
      }
      spentAt.push(clock.mono());
    }
  };
  return {
    spentAt,
    start(): RateBudget {
      const seen = { joined: false };
      const count = (): number => (seen.joined ? sharers : 0);
      const budget = new RateBudget({ limitPerMinute: LIMIT, clock, random, sharers: count });
      hubs.set(budget, seen);
      return budget;
    },
    join(budget: RateBudget): void {
      const seen = hubs.get(budget);
      if (seen !== undefined) seen.joined = true;
      sharers += 1;
    },
    end(budget: RateBudget): void {
      hubs.delete(budget);
      sharers -= 1;
    },
    pass(ms: number): void {
      for (let at = 0; at < ms; at += STEP_MS) {
        clock.advance(STEP_MS);
        for (const [budget, { joined }] of hubs) if (joined) take(budget);
      }
    },
    busiestMinute(): number {
      const from = (at: number): number =>
        spentAt.filter((one) => one > at - 60_000 && one <= at).length;
      return Math.max(...spentAt.map(from));
    },
  };
}

describe("a limit that hubs share", () => {
  test("[CL18] no minute has more, while hubs join, leave and join again", () => {
    const { start, join, end, pass, spentAt, busiestMinute } = greedy();
    const hubs = [start(), start(), start()] as const;
    for (const hub of hubs) {
      // A hub stands for a while before it is one of them.
      pass(20_000);
      join(hub);
    }
    pass(90_000);
    const before = spentAt.length;
    pass(60_000);
    expect(spentAt.length - before).toBeGreaterThan(LIMIT * 0.85);
    for (const hub of hubs.slice(1)) end(hub);
    pass(30_000);
    const again = start();
    pass(5_000);
    join(again);
    pass(60_000);
    expect(busiestMinute()).toBeLessThanOrEqual(LIMIT);
    expect(busiestMinute()).toBeGreaterThan(LIMIT * 0.9);
  });

  test("[CL18] each keeps to its part and tells it, and a pace that was lowered stays lowered", () => {
    const { start, join, pass } = greedy();
    const [a, b] = [start(), start()];
    join(a);
    pass(1_000);
    expect(a.facts).toMatchObject({ limitPerMinute: LIMIT, configuredPerMinute: LIMIT });
    a.throttled(undefined, []);
    join(b);
    pass(1_000);
    expect(a.facts).toMatchObject({ limitPerMinute: LIMIT / 4, configuredPerMinute: LIMIT / 2 });
    expect(b.facts).toMatchObject({ limitPerMinute: LIMIT / 2, configuredPerMinute: LIMIT / 2 });
  });
});
