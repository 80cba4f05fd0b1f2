import { expect, test } from "vitest";
import { importsOf } from "./imports.ts";

const text = `
import fastify from "fastify";
import type { Clock } from "../../base/clock.ts";
import {
  a,
  b,
} from "@scope/name/deep";
import "./side-effect.ts";
export { c } from "./c.ts";
const late = await import("./late.ts");
type Late = typeof import("./late-type.ts");
const text = "import nothing";
import { readFile } from "node:fs/promises";
`;

test("every form of import is seen, and a text is none", () => {
  const found = importsOf({ path: "src/hub/server/http.ts", text, lines: text.split("\n") });
  const seen = found.map(({ target, typeOnly, later }) => [
    target,
    ...(typeOnly ? ["type"] : []),
    ...(later ? ["later"] : []),
  ]);
  expect(seen).toEqual([
    ["fastify"],
    ["src/base/clock.ts", "type"],
    ["@scope/name"],
    ["src/hub/server/side-effect.ts"],
    ["src/hub/server/c.ts"],
    ["src/hub/server/late.ts", "later"],
    ["src/hub/server/late-type.ts", "type", "later"],
    ["node:fs/promises"],
  ]);
  expect(found[0]?.line).toBe(2);
});
