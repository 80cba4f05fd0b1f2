/** What comes for thousands of sessions at once, a share of it in each turn. */
import { expect, test, vi } from "vitest";
import type { Session } from "../../src/hub/session/session.ts";
import { SHARE_MS, TurnShare } from "../../src/hub/session/turn-share.ts";
import { HubWorld } from "../support/hub-world.ts";
import { TestClock } from "../support/test-clock.ts";

/** Of a machine that works: time passes, and no timer fires before the turn is over. */
class BusyClock extends TestClock {
  busyMs = 0;

  override mono(): number {
    return super.mono() + this.busyMs;
  }
}

const COST_MS = 3;

function shared() {
  const clock = new BusyClock();
  const share = new TurnShare(clock);
  const done: number[] = [];
  const add = (n: number): (() => void) =>
    share.do(() => {
      clock.busyMs += COST_MS;
      done.push(n);
    });
  return { clock, done, add };
}

test("[SB26] a share of it is done in each turn, in the order of coming", async () => {
  const { clock, done, add } = shared();
  const turnful = Math.ceil(SHARE_MS / COST_MS);
  const all = Array.from({ length: 3 * turnful + 1 }, (_, n) => n);
  for (const n of all) add(n);
  expect(done).toEqual(all.slice(0, turnful));
  for (let turn = 2; turn <= 3; turn++) {
    await clock.advanceAsync(1);
    expect(done).toEqual(all.slice(0, turn * turnful));
  }
  add(all.length);
  await clock.advanceAsync(1);
  expect(done).toEqual([...all, all.length]);
  await clock.advanceAsync(1);
  expect(clock.pendingTimers).toBe(0);
});

test("[SB26] who needs it now has it done now, and once", async () => {
  const { clock, done, add } = shared();
  const asked = Array.from({ length: 10 }, (_, n) => add(n));
  asked[8]?.();
  expect(done).toEqual([0, 1, 2, 3, 8]);
  for (let turn = 0; turn < 5; turn++) await clock.advanceAsync(1);
  expect(done).toEqual([0, 1, 2, 3, 8, 4, 5, 6, 7, 9]);
});

const askers: readonly [string, (session: Session) => unknown, unknown][] = [
  ["health", (session) => session.health().state, "nudging"],
  ["a client that attaches", (session) => session.route, null],
  ["a driver that comes back", (session) => session.link, null],
];

test.each(askers)("[SB26] a loss that waits is told before %s", async (_, ask, expected) => {
  const world = new HubWorld();
  const one = await world.connected();
  const two = world.create({ name: "two" });
  await world.clock.advanceAsync(200);
  const mono = vi.spyOn(world.clock, "mono");
  one.session.detach(one.link, "the line is gone");
  mono.mockReturnValue(world.clock.mono() + SHARE_MS);
  const { link } = two;
  if (link === null) throw new Error("no driver came");
  two.detach(link, "the line is gone");
  expect(two.record.state).toBe("connected");
  expect(ask(two)).toEqual(expected);
  expect(two.record.state).toBe("nudging");
});
