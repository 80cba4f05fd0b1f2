/** Holds docs/ATTACKS.md and the tests together: each row has a test, or says why not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { report, textFiles, type Finding } from "./tree.ts";

const PATH = "docs/ATTACKS.md";
const ROOT = join(import.meta.dirname, "../..");
const ATTACKS = 112;
/** What no test shows says so, and why. */
const UNSHOWN = /^(?:not shown|not applicable): \S|^`bench\/[\w.-]+` by hand$/;

const lines = textFiles().find(({ path }) => path === PATH)?.lines ?? [];
const numbers = lines.flatMap((line) => Number(/^\| (\d+) \|/.exec(line)?.[1] ?? []) || []);

test("the table has each attack once, with the answer that was seen", () => {
  expect(numbers).toEqual(Array.from({ length: ATTACKS }, (_, index) => index + 1));
});

test("each row names a test that is there, or says why there is none", () => {
  const found = lines.flatMap((line, index): Finding[] => {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, number = "", attack = "", shown = "", answer = ""] = cells;
    if (!/^\d+$/.test(number)) return [];
    const place = { path: PATH, line: index + 1 };
    if (attack === "" || answer === "") return [{ ...place, message: `${number} is half a row` }];
    return shown.split("<br>").flatMap((entry) => {
      const [, file, title] = /^`([^`]+)` (.+)$/.exec(entry) ?? [];
      if (UNSHOWN.test(entry)) {
        const bench = /^`(bench\/[^`]+)`/.exec(entry)?.[1];
        const isThere = bench === undefined || existsSync(join(ROOT, bench));
        return isThere ? [] : [{ ...place, message: `${number}: there is no ${bench}` }];
      }
      if (file === undefined || title === undefined) {
        return [{ ...place, message: `${number} is shown by nothing` }];
      }
      const path = join(ROOT, "test", `${file}.test.ts`);
      const isThere = existsSync(path) && readFileSync(path, "utf8").includes(title);
      return isThere ? [] : [{ ...place, message: `${number}: ${file} has no ${title}` }];
    });
  });
  expect(report(found)).toBe("");
});
