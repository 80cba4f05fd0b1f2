import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { missingFrom, PACKED_FILES } from "../../build/pack.ts";

const root = join(import.meta.dirname, "..", "..");

/** All that package.json says is there to be started, read or imported. */
function promised(): readonly string[] {
  const { bin, man, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly man: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [] : [entry.default.replace("./", "")],
  );
  return [...Object.values(bin), man, ...entries];
}

test("no tarball comes without what package.json promises", () => {
  expect(promised().length).toBeGreaterThan(4);
  expect(PACKED_FILES).toEqual(expect.arrayContaining([...promised()]));
});

test("a tree that was not built lacks the programs, and a built one nothing", () => {
  expect(missingFrom(["bin/holdfast.js", "package.json"])).toContain("lib/cli/main.js");
  expect(missingFrom(PACKED_FILES)).toEqual([]);
});
