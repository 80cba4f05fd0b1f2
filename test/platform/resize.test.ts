import { expect, test } from "vitest";
import { resizeRefusal } from "../../src/platform/sandbox/resize.ts";

const size = { cpu: 2, memoryGib: 2, diskGib: 3 };

test.each([
  ["started", { cpu: 4 }, undefined],
  ["started", { cpu: 1 }, "Sandbox must be in stopped state to decrease the number of CPU cores"],
  ["started", { memory: 1 }, "Sandbox must be in stopped state to decrease memory"],
  ["started", { disk: 9 }, "Disk resize can only be performed on a stopped sandbox"],
  ["stopped", { cpu: 1, memory: 1, disk: 9 }, undefined],
  ["stopped", { disk: 1 }, "Sandbox disk size cannot be decreased"],
  ["stopped", { cpu: 2 }, "No resource changes specified"],
  ["stopped", {}, "No resource changes specified"],
  ["paused", { cpu: 4 }, "Sandbox must be in started or stopped state to resize"],
] as const)("%s, to %o: %s", (state, wish, text) => {
  const refusal = resizeRefusal({ ...size, state }, false, wish);
  if (text === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toEqual({ status: 400, message: expect.stringContaining(text) as string });
});

test("nothing is changed while something changes", () => {
  const refusal = resizeRefusal({ ...size, state: "started" }, true, { cpu: 4 });
  expect(refusal?.status).toBe(409);
});
