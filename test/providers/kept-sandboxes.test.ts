import { expect, test } from "vitest";
import { KeptSandboxes } from "../../src/providers/daytona/kept-sandboxes.ts";

test("thousands of sandboxes leave few objects of the SDK, and the door of each", () => {
  const kept = new KeptSandboxes();
  const count = 2_000;
  for (let n = 0; n < count; n++) {
    kept.keep({ id: `box-${n}`, organizationId: "org", toolboxProxyUrl: `http://t/${n}` });
  }
  const ids = Array.from({ length: count }, (_, n) => `box-${n}`);
  expect(ids.filter((id) => kept.whole(id) !== undefined)).toHaveLength(512);
  expect(kept.whole(`box-${count - 1}`)).toBeDefined();
  expect(ids.filter((id) => kept.door(id) !== undefined)).toHaveLength(count);
  expect(kept.door("box-0")?.toolboxProxyUrl).toBe("http://t/0");
});

test("what was forgotten has no door, and what lost its client still has one", () => {
  const kept = new KeptSandboxes();
  for (const id of ["a", "b"]) kept.keep({ id, organizationId: "o", toolboxProxyUrl: "u" });
  kept.forget("a");
  kept.forgetWhole();
  expect([kept.door("a"), kept.whole("b")]).toEqual([undefined, undefined]);
  expect(kept.door("b")).toEqual({ organizationId: "o", toolboxProxyUrl: "u" });
});
