/** What a hub may do while its beat is late, by its own clocks. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { LEASE_TTL_MS, Membership } from "../../../src/hub/cluster/membership.ts";
import type { HubRow, RollBook } from "../../../src/hub/cluster/roll-book.ts";
import { TestClock } from "../../support/test-clock.ts";

/** Answers each beat, or none. */
class OneBook implements RollBook {
  answers = true;
  isDead = false;
  /** What the next answer waits for. */
  slow: Promise<void> | null = null;
  /** Of the other hubs. */
  rows: HubRow[] = [];
  readonly declared: string[] = [];

  async beat(): ReturnType<RollBook["beat"]> {
    await this.slow;
    if (!this.answers) return new Promise(() => undefined);
    return this.isDead ? null : this.rows;
  }
  register(): Promise<void> {
    return Promise.resolve();
  }
  declareDead(inc: string): Promise<boolean> {
    this.declared.push(inc);
    return Promise.resolve(true);
  }
  enter(): Promise<void> {
    return Promise.resolve();
  }
}

async function beating(log = silentLogger, refuses = false) {
  const [clock, book] = [new TestClock(), new OneBook()];
  const self = { inc: "inc_1", name: "a", advertise: "", version: "1", started: clock.now() };
  const ends: string[] = [];
  const members = new Membership({
    ...{ clock, book, self, log },
    refuses: () => Promise.resolve(refuses),
    onDeclaredDead: () => ends.push("declared dead"),
    onDead: () => undefined,
  });
  await members.start();
  return { clock, book, members, ends };
}

const may = (members: Membership) => [members.mayAct(), members.mayNote()];

test("[CL8] a lease that is over for a moment ends acts, and what is learned goes on", async () => {
  const { clock, book, members } = await beating();
  expect(may(members)).toEqual([true, true]);
  book.answers = false;
  await clock.advanceAsync(LEASE_TTL_MS);
  expect(may(members)).toEqual([false, true]);
  await clock.advanceAsync(LEASE_TTL_MS);
  expect(may(members)).toEqual([false, false]);
});

test("[CL34] a beat that comes late says how much of it was this hub, and how much the store", async () => {
  const told: object[] = [];
  const warn = (fields: object, text: string): void => void told.push({ ...fields, text });
  const { clock, book } = await beating({ ...silentLogger, warn });
  const answer = Promise.withResolvers<undefined>();
  book.slow = answer.promise;
  await clock.advanceAsync(500 + 1_900);
  book.slow = null;
  answer.resolve(undefined);
  await clock.advanceAsync(1_000);
  expect(told).toEqual([]);
  const slower = Promise.withResolvers<undefined>();
  book.slow = slower.promise;
  await clock.advanceAsync(500 + 2_100);
  slower.resolve(undefined);
  await clock.advanceAsync(0);
  expect(told).toEqual([
    { sentLateMs: 0, tookMs: expect.any(Number) as number, text: "a beat came late" },
  ]);
});

test("[CL8] who was declared dead learns nothing any more", async () => {
  const { clock, book, members, ends } = await beating();
  book.isDead = true;
  await clock.advanceAsync(1_000);
  expect(ends).toEqual(["declared dead"]);
  expect(may(members)).toEqual([false, false]);
});

test("[CL8] a clock that was set forward takes a lease and never gives one", async () => {
  const { clock, members } = await beating();
  clock.jumpWall(2 * LEASE_TTL_MS);
  expect(may(members)).toEqual([false, false]);
  clock.jumpWall(-10 * LEASE_TTL_MS);
  expect(members.leaseMs).toBeLessThanOrEqual(LEASE_TTL_MS);
});

const OTHER: HubRow = {
  ...{ inc: "inc_2", name: "b", advertise: "", version: "1", started: 0 },
  ...{ state: "live", beat: 7, linked: true },
};

/** Until it is dead, at most for 6 s: in ms since it was last seen to be well. */
async function deadAfter(
  { clock, book }: Awaited<ReturnType<typeof beating>>,
  seen: (ms: number) => HubRow,
): Promise<number | null> {
  book.rows = [seen(0)];
  await clock.advanceAsync(1_000);
  for (let ms = 0; ms < 6_000; ms += 50) {
    if (book.declared.length > 0) return ms;
    book.rows = [seen(ms)];
    await clock.advanceAsync(50);
  }
  return null;
}

const since = (ms: number, change: Partial<HubRow>): HubRow =>
  ms === 0 ? OTHER : { ...OTHER, ...change };

test("[CL35] a hub without beat, connection and listener is dead after a second", async () => {
  const ms = await deadAfter(await beating(silentLogger, true), (at) =>
    since(at, { linked: false }),
  );
  expect(ms).toBeGreaterThanOrEqual(1_000);
  expect(ms).toBeLessThanOrEqual(1_600);
});

test.each<[string, boolean, (ms: number) => HubRow]>([
  ["whose connection stands", true, () => OTHER],
  ["whose door takes who dials", false, (ms) => since(ms, { linked: false })],
  ["whose connection was never seen", true, () => ({ ...OTHER, linked: false })],
])("[CL35] one that stands still and %s has its whole time", async (_, refuses, seen) => {
  const ms = await deadAfter(await beating(silentLogger, refuses), seen);
  // It stood still for a second before this counts.
  expect(ms).toBeGreaterThanOrEqual(LEASE_TTL_MS - 1_000);
});

test("[CL35] many doors that say nothing are asked at once: no lease ends over them", async () => {
  const [clock, book] = [new TestClock(), new OneBook()];
  const members = new Membership({
    ...{ clock, book, log: silentLogger },
    self: { inc: "inc_1", name: "a", advertise: "", version: "1", started: clock.now() },
    refuses: () => new Promise((tell) => void clock.setTimeout(() => tell(false), 300)),
    onDeclaredDead: () => undefined,
    onDead: () => undefined,
  });
  await members.start();
  const others = Array.from({ length: 12 }, (_, at) => ({ ...OTHER, inc: `inc_of_${at}` }));
  book.rows = others;
  await clock.advanceAsync(1_000);
  book.rows = others.map((row) => ({ ...row, linked: false }));
  for (let ms = 0; ms < 6_000; ms += 100) {
    await clock.advanceAsync(100);
    expect(members.mayAct(), `after ${ms} ms`).toBe(true);
  }
  expect(new Set(book.declared)).toEqual(new Set(others.map(({ inc }) => inc)));
});

test("[CL35] one that beats lives, whatever its connection and its door look like", async () => {
  const beats = (ms: number) => since(ms, { linked: false, beat: 8 + Math.floor(ms / 500) });
  expect(await deadAfter(await beating(silentLogger, true), beats)).toBeNull();
});

test("[CL35] whose own connection broke acts for half a second, until its next good beat", async () => {
  const { clock, book, members } = await beating();
  book.answers = false;
  members.cutOff();
  await clock.advanceAsync(499);
  expect(members.mayAct()).toBe(true);
  await clock.advanceAsync(1);
  expect(may(members)).toEqual([false, true]);
  const other = await beating();
  other.members.cutOff();
  await other.clock.advanceAsync(500);
  expect(other.members.mayAct(2_000)).toBe(true);
});
