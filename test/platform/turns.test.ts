import { expect, test } from "vitest";
import { Turns } from "../../src/platform/sandbox/turns.ts";

test("so many at once, the rest in their order, also when one fails", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3, 4].map((id) =>
    turns
      .take(async () => {
        begun.push(id);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (id === 1) throw new Error("one failed");
      })
      .catch(() => undefined),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  for (let done = 0; done < 5; done++) {
    ends[done]?.();
    await all[done];
    await Promise.resolve();
    expect(begun.length).toBe(Math.min(5, 3 + done));
  }
  expect(begun).toEqual([0, 1, 2, 3, 4]);
});
