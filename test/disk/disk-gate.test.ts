import { expect, test } from "vitest";
import { DiskGate } from "../../src/disk/disk-gate.ts";
import { TestClock } from "../support/test-clock.ts";

test("[FI3] a filesystem that does not answer is told, and takes no more than two threads", async () => {
  const clock = new TestClock();
  const gate = new DiskGate(clock);
  const begun: number[] = [];
  const returns: (() => void)[] = [];
  const call = (id: number): Promise<number> => {
    begun.push(id);
    return new Promise((resolve) => returns.push(() => resolve(id)));
  };
  const calls = [1, 2, 3, 4].map((id) => gate.run(() => call(id)));
  const ends = Promise.allSettled(calls);
  expect(begun).toEqual([1, 2]);
  returns[1]?.();
  expect(await calls[1]).toBe(2);
  expect(begun).toEqual([1, 2, 3]);
  clock.advance(60_000);
  await expect(calls[0]).rejects.toThrow("the filesystem has not answered for 60 s");
  await expect(calls[3]).rejects.toThrow("has not answered");
  // The hung ones keep their threads until they return, whoever still waits.
  expect(begun).toEqual([1, 2, 3]);
  for (const give of [...returns]) give();
  await ends;
  // What had no turn in time is not done behind the back of the one who was told so.
  expect(begun).toEqual([1, 2, 3]);
});
