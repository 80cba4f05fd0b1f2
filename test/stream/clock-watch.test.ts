import { expect, test } from "vitest";
import { watchClock } from "../../src/stream/clock-watch.ts";
import type { ClockJump } from "../../src/stream/heartbeat.ts";
import { TestClock } from "../support/test-clock.ts";

test("a freeze of 2.5 s or more is always noticed, one below 2 s never", () => {
  for (let startMs = 0; startMs < 500; startMs += 50) {
    for (const [freezeMs, noticed] of [
      [1_999, 0],
      [2_501, 1],
      [3_000, 1],
    ] as const) {
      const clock = new TestClock();
      const jumps: ClockJump[] = [];
      const watch = watchClock(clock, (jump) => jumps.push(jump));
      clock.advance(startMs);
      clock.freeze(freezeMs);
      clock.advance(10_000);
      expect(jumps).toHaveLength(noticed);
      watch.stop();
    }
  }
});

test("wall time that moves alone is noticed within a tick, and only once", () => {
  const clock = new TestClock();
  const jumps: ClockJump[] = [];
  watchClock(clock, (jump) => jumps.push(jump));
  clock.advance(10_000);
  clock.jumpWall(60_000);
  clock.advance(500);
  expect(jumps).toEqual([{ lateMs: 0, skewMs: 60_000 }]);
  clock.advance(10_000);
  expect(jumps).toHaveLength(1);
});
