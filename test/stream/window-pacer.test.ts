import { describe, expect, test } from "vitest";
import { WindowPacer } from "../../src/stream/window-pacer.ts";
import { TestClock } from "../support/test-clock.ts";

const QUARTER = 64 * 1024;
const WINDOW = 4 * QUARTER;
const FRAME = 16 * 1024;

/** Ten windows over a way of `roundTripMs` that carries `bytesPerMs`; how often more would help. */
function grows(roundTripMs: number, bytesPerMs: number): number {
  const clock = new TestClock();
  const pacer = new WindowPacer(clock);
  let asked = 0;
  /** When the sender heard of each quarter of credit; it starts with a whole window. */
  const heardAtMs = [0, 0, 0, 0];
  let lineFreeMs = 0;
  for (let quarter = 0; quarter < 40; quarter++) {
    const sentAtMs = Math.max(heardAtMs[quarter] ?? 0, lineFreeMs);
    lineFreeMs = sentAtMs + QUARTER / bytesPerMs;
    const arrivesAtMs = lineFreeMs + roundTripMs / 2;
    const taken = (quarter + 1) * QUARTER;
    clock.advance(sentAtMs + FRAME / bytesPerMs + roundTripMs / 2 + 1_000 - clock.mono());
    pacer.arrived(taken - QUARTER + FRAME);
    clock.advance(arrivesAtMs + 1_000 - clock.mono());
    pacer.arrived(taken);
    if (pacer.taken(taken, WINDOW)) asked += 1;
    pacer.granted(taken - QUARTER + WINDOW);
    heardAtMs.push(arrivesAtMs + roundTripMs / 2);
  }
  return asked;
}

describe("a window grows", () => {
  test("[ST8] where a sender waits for credit over a long way", () => {
    expect(grows(100, 100_000)).toBeGreaterThan(3);
    expect(grows(20, 100_000)).toBeGreaterThan(3);
  });

  test("[ST8] where it is taken in a moment, so that not each frame has a grant of its own", () => {
    expect(grows(0.2, 150_000)).toBeGreaterThan(3);
  });

  test("[ST8] and not where the line is the limit, however far", () => {
    expect(grows(20, 2_000)).toBe(0);
    expect(grows(100, 250)).toBe(0);
    expect(grows(0.5, 40_000)).toBe(0);
  });
});
