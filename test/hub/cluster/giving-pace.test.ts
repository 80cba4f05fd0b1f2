/** How fast a hub gives its sessions back to hubs that prove them fast, slowly, or not at all. */
import { expect, test } from "vitest";
import { GivingPace, RELEASE_EVERY_MS } from "../../../src/hub/cluster/giving-pace.ts";
import { TestClock } from "../../support/test-clock.ts";

/** Gives `count` sessions to hubs that prove each after `provenMs`; what was given at each step. */
async function giving(count: number, provenMs: number) {
  const clock = new TestClock();
  const beganAt = clock.mono();
  const givenAt = new Map<string, number>();
  const isUnproven = (id: string): boolean => clock.mono() - (givenAt.get(id) ?? 0) < provenMs;
  const pace = new GivingPace(clock, (ids) => Promise.resolve(ids.filter(isUnproven)));
  const parts: number[] = [];
  const underWay: number[] = [];
  while (givenAt.size < count) {
    const part = Math.min(await pace.part(count - givenAt.size), count - givenAt.size);
    const ids = Array.from({ length: part }, (_, n) => `ses_${givenAt.size + n}`);
    for (const id of ids) givenAt.set(id, clock.mono());
    pace.gave(ids);
    parts.push(part);
    underWay.push([...givenAt.keys()].filter(isUnproven).length);
    await clock.advanceAsync(RELEASE_EVERY_MS);
  }
  return { parts, tookMs: clock.mono() - beganAt, underWayMax: Math.max(...underWay) };
}

test("[CL14] hubs that prove at once get ten at a time", async () => {
  const { parts, tookMs } = await giving(200, 100);
  expect(new Set(parts)).toEqual(new Set([10]));
  expect(tookMs).toBe(20 * RELEASE_EVERY_MS);
});

test("[CL14] hubs that prove slowly get the next when they have proven the last", async () => {
  const { tookMs, underWayMax } = await giving(100, 900);
  // One or two more are due at each step, so that all are through in time.
  expect(underWayMax).toBeLessThan(30);
  expect(tookMs).toBeGreaterThan(3_000);
});

test("[CL14] hubs that prove nothing get all within fifteen seconds, evenly", async () => {
  const { parts, tookMs } = await giving(1_000, Infinity);
  expect(tookMs).toBeLessThanOrEqual(15_000);
  expect(Math.max(...parts)).toBeLessThanOrEqual(14);
});

test("[CL14] a store that is slow leaves no crowd for the end", async () => {
  const clock = new TestClock();
  const pace = new GivingPace(clock, (ids) => Promise.resolve(ids));
  const parts: number[] = [];
  for (let left = 300; left > 0; left -= parts.at(-1) ?? 0) {
    parts.push(await pace.part(left));
    pace.gave(Array.from({ length: parts.at(-1) ?? 0 }, (_, n) => `ses_${left - n}`));
    await clock.advanceAsync(3_000);
  }
  expect(Math.max(...parts)).toBeLessThanOrEqual(60);
});

test("[CL14] sessions that nobody can prove hold up the others for five seconds", async () => {
  const clock = new TestClock();
  const pace = new GivingPace(clock, (ids) => Promise.resolve(ids));
  pace.gave(Array.from({ length: 20 }, (_, n) => `ses_${n}`));
  expect(await pace.part(40)).toBe(0);
  await clock.advanceAsync(5_000);
  expect(await pace.part(40)).toBe(10);
});
