import { expect, test } from "vitest";
import { withDeadline } from "../../src/base/deadline.ts";
import { TestClock } from "../support/test-clock.ts";

const LONGER_THAN_A_STALL_MS = 10_000;

test("a deadline that a held-up loop tells too late lets it read the answer first", async () => {
  const clock = new TestClock();
  const { promise, resolve } = Promise.withResolvers<string>();
  const answer = withDeadline(
    clock,
    1_000,
    () => promise,
    () => new Error("late"),
  );
  clock.freeze(LONGER_THAN_A_STALL_MS);
  clock.advance(0);
  resolve("it came long ago");
  expect(await answer).toBe("it came long ago");
});

test("a deadline that is told too late is one, when no answer waited", async () => {
  const clock = new TestClock();
  const silence = new Promise<never>(() => undefined);
  const late = (): Error => new Error("late");
  const answer = withDeadline(clock, 1_000, () => silence, late);
  clock.freeze(LONGER_THAN_A_STALL_MS);
  clock.advance(0);
  clock.advance(1_000);
  await expect(answer).rejects.toThrow("late");
});

test("work that nobody waits for any more is not begun", async () => {
  const outer = AbortSignal.abort(new Error("given up before"));
  let begun = 0;
  const work = (): Promise<number> => Promise.resolve(++begun);
  const late = (): Error => new Error("late");
  await expect(withDeadline(new TestClock(), 1_000, work, late, outer)).rejects.toThrow(
    "given up before",
  );
  expect(begun).toBe(0);
});
