import { expect, test } from "vitest";
import { LoopWatch } from "../../src/hub/loop-watch.ts";
import { TestClock } from "../support/test-clock.ts";

test("[PR13] a hub that stood still knows it for as long as a dial and the next one take", () => {
  const clock = new TestClock();
  const watch = new LoopWatch(clock);
  watch.start();
  clock.advance(60_000);
  expect(watch.wasLate).toBe(false);
  clock.freeze(1_900);
  clock.advance(1);
  // Less than a second late: its timers were due in the middle.
  expect(watch.wasLate).toBe(false);
  clock.freeze(2_100);
  clock.advance(1);
  expect(watch.wasLate).toBe(true);
  clock.advance(11_990);
  expect(watch.wasLate).toBe(true);
  clock.advance(10);
  expect(watch.wasLate).toBe(false);
  watch.stop();
  expect(clock.pendingTimers).toBe(0);
});
