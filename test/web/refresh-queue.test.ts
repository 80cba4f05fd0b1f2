import { expect, test } from "vitest";
import { createRefreshQueue } from "../../src/web/refresh-queue.ts";
import { settled, TestClock } from "../support/test-clock.ts";

function open(batchMax: number) {
  const clock = new TestClock();
  const asked: string[] = [];
  let answer = (): void => undefined;
  const queue = createRefreshQueue({
    batchMax,
    clock,
    run: (ids) => {
      asked.push(ids.join(" "));
      return new Promise((resolve) => (answer = resolve));
    },
  });
  /** The request under way is answered, and the pause after it is over. */
  const next = async (): Promise<void> => {
    answer();
    await settled();
    await clock.advanceAsync(100);
  };
  return { clock, queue, asked, next };
}

test("the first wish is asked at once; those of a burst become one request", async () => {
  const { queue, asked, next } = open(10);
  queue.want(["a"], "happened");
  expect(asked).toEqual(["a"]);
  for (const id of ["a", "b", "b", "c", "a"]) queue.want([id], "happened");
  expect(asked).toHaveLength(1);
  await next();
  expect(asked.slice(1)).toEqual(["a b c"]);
  await next();
  expect(asked).toHaveLength(2);
});

test("never more than allowed, and what happened goes before what ages", async () => {
  const { queue, asked, next } = open(2);
  queue.want(["a", "b", "c", "d"], "ages");
  queue.want(["d", "e"], "happened");
  expect(asked).toEqual(["a b"]);
  await next();
  await next();
  expect(asked.slice(1)).toEqual(["d e", "c"]);
});

test("what waits is forgotten on clear", async () => {
  const { clock, queue, asked, next } = open(1);
  queue.want(["a", "b"], "happened");
  queue.clear();
  await next();
  expect([asked, clock.pendingTimers]).toEqual([["a"], 0]);
});
