/** Questions that are asked together: how many, in which order, and what a failure is to each. */
import { expect, test } from "vitest";
import { Gathered, TOGETHER_MAX } from "../../src/store/postgres/gathered.ts";

function asking(): { readonly gathered: Gathered<number, number>; readonly asked: number[][] } {
  const asked: number[][] = [];
  const gathered = new Gathered<number, number>((questions) => {
    asked.push([...questions]);
    if (questions.includes(-1)) return Promise.reject(new Error("refused"));
    return Promise.resolve((question) => question * 2);
  });
  return { gathered, asked };
}

test("what is asked in one turn goes together, and what comes meanwhile with the next", async () => {
  const { gathered, asked } = asking();
  const first = [1, 2, 3].map((n) => gathered.one(n));
  await Promise.resolve();
  const second = [4, 5].map((n) => gathered.one(n));
  expect(await Promise.all([...first, ...second])).toEqual([2, 4, 6, 8, 10]);
  expect(asked).toEqual([
    [1, 2, 3],
    [4, 5],
  ]);
});

test("of hundreds the first have their answer before the last are asked", async () => {
  const { gathered, asked } = asking();
  const count = 2 * TOGETHER_MAX + 1;
  const askedBefore: number[] = [];
  const answers = Array.from({ length: count }, (_, n) =>
    gathered.one(n).then((answer) => {
      if (n === 0) askedBefore.push(asked.length);
      return answer;
    }),
  );
  const doubled = Array.from({ length: count }, (_, n) => n * 2);
  expect(await Promise.all(answers)).toEqual(doubled);
  expect(asked.map((questions) => questions.length)).toEqual([TOGETHER_MAX, TOGETHER_MAX, 1]);
  expect(askedBefore).toEqual([2]);
});

test("a failure is of those that were asked together, and the next are asked all the same", async () => {
  const { gathered } = asking();
  const failed = [gathered.one(-1), gathered.one(1)];
  const codes = Promise.allSettled(failed);
  await Promise.resolve();
  const next = gathered.one(2);
  expect((await codes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await next).toBe(4);
});
