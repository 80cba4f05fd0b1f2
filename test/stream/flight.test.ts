import { expect, test } from "vitest";
import { Flight, type Sent } from "../../src/stream/flight.ts";

const frame = (end: number): Sent => ({
  ...{ end, atMs: end, acked: 0, ackedAtMs: 0, ackedSentAtMs: 0, full: false, alone: true },
});

test("[ST10] keystrokes that wait for a word are a few entries, and the newest of each is what counts", () => {
  const flight = new Flight();
  for (let end = 25; end <= 4_000; end += 25) flight.add(frame(end), 25);
  expect(flight.size).toBeLessThanOrEqual(5);
  // In the middle of some that are together: they are not known to be there before the last is.
  expect(flight.take(999)).toBeNull();
  expect(flight.take(1_024)?.end).toBe(1_000);
  expect(flight.take(4_000)).toMatchObject({ end: 4_000, atMs: 4_000 });
  expect(flight.size).toBe(0);
});

test("[ST10] frames of more than a few bytes stay their own", () => {
  const flight = new Flight();
  for (const end of [2_000, 4_000, 6_000]) flight.add(frame(end), 2_000);
  expect(flight.size).toBe(3);
  expect(flight.take(5_999)?.end).toBe(4_000);
  expect(flight.take(5_999)).toBeNull();
  expect(flight.take(6_000)?.end).toBe(6_000);
});
