import { expect, test } from "vitest";
import { paceScreen } from "../../src/web/screen-pace.ts";

function open() {
  const drawn: (() => void)[] = [];
  const take = paceScreen({ write: (_, done) => drawn.push(done) });
  const draw = (): void => drawn.shift()?.();
  return { take, draw };
}

const chunk = new Uint8Array(16 * 1024);

test("small output never waits for a frame", () => {
  const { take } = open();
  for (let i = 0; i < 3; i++) expect(take(chunk)).toBeUndefined();
});

test("a flood waits until half of it is drawn, and every byte is drawn once", async () => {
  const { take, draw } = open();
  let resumed = false;
  for (let i = 0; i < 3; i++) expect(take(chunk)).toBeUndefined();
  const held = take(chunk);
  expect(held).toBeInstanceOf(Promise);
  void held?.then(() => (resumed = true));
  draw();
  await Promise.resolve();
  expect(resumed).toBe(false);
  draw();
  await held;
  expect(resumed).toBe(true);
  expect(take(chunk)).toBeUndefined();
});
