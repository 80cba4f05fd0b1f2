import { expect, test } from "vitest";
import { createRefreshQueue } from "../../src/web/refresh-queue.ts";
import { settled } from "../support/test-clock.ts";

function open(parallelMax: number) {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = createRefreshQueue({
    parallelMax,
    run: (id, refresh) => {
      started.push(`${id} ${refresh}`);
      return new Promise((resolve) => ends.set(id, resolve));
    },
  });
  const end = async (id: string): Promise<void> => {
    ends.get(id)?.();
    await settled();
  };
  return { queue, started, end };
}

test("one request per session at a time; wishes meanwhile become one more", async () => {
  const { queue, started, end } = open(4);
  queue.want("a", "all");
  queue.want("a", "health");
  queue.want("a", "all");
  queue.want("a", "health");
  expect(started).toEqual(["a all"]);
  await end("a");
  expect(started).toEqual(["a all", "a all"]);
  await end("a");
  expect(started).toHaveLength(2);
});

test("never more than allowed, and what happened goes before what ages", async () => {
  const { queue, started, end } = open(2);
  for (const id of ["a", "b", "c", "d"]) queue.want(id, "health");
  queue.want("e", "all");
  expect(started).toEqual(["a health", "b health"]);
  await end("b");
  expect(started.at(-1)).toBe("e all");
  await end("a");
  expect(started.at(-1)).toBe("c health");
});

test("what waits is forgotten on clear", async () => {
  const { queue, started, end } = open(1);
  queue.want("a", "all");
  queue.want("b", "all");
  queue.clear();
  await end("a");
  expect(started).toEqual(["a all"]);
});
