/** What a hub may do while its beat is late, by its own clocks. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { LEASE_TTL_MS, Membership } from "../../../src/hub/cluster/membership.ts";
import type { RollBook } from "../../../src/hub/cluster/roll-book.ts";
import { TestClock } from "../../support/test-clock.ts";

/** Answers each beat, or none. */
class OneBook implements RollBook {
  answers = true;
  isDead = false;
  /** What the next answer waits for. */
  slow: Promise<void> | null = null;

  async beat(): ReturnType<RollBook["beat"]> {
    await this.slow;
    if (!this.answers) return new Promise(() => undefined);
    return this.isDead ? null : [];
  }
  register(): Promise<void> {
    return Promise.resolve();
  }
  declareDead(): Promise<boolean> {
    return Promise.resolve(false);
  }
  enter(): Promise<void> {
    return Promise.resolve();
  }
}

async function beating(log = silentLogger) {
  const [clock, book] = [new TestClock(), new OneBook()];
  const self = { inc: "inc_1", name: "a", advertise: "", version: "1", started: clock.now() };
  const ends: string[] = [];
  const members = new Membership({
    ...{ clock, book, self, log },
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
