import { expect, test } from "vitest";
import { withDeadline } from "../../src/base/deadline.ts";
import { TestClock } from "../support/test-clock.ts";

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
