/** Holds docs/CASES.md and the tests together: a test that the table names is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { report, textFiles, type Finding } from "./tree.ts";

const PATH = "docs/CASES.md";
const ROOT = join(import.meta.dirname, "../..");
const CASES = 78;
const INVARIANTS = 15;
/** What is shown by nothing says so, and why. */
const OPEN = /^(?:not shown|no such message): \S/;

const lines = textFiles().find(({ path }) => path === PATH)?.lines ?? [];
const rows = lines.flatMap((line, index) => {
  const [, id, , shown] = line.split("|").map((cell) => cell.trim());
  const isRow = id !== undefined && /^I?\d+$/.test(id) && shown !== undefined;
  return isRow ? [{ id, line: index + 1, entries: shown.split("<br>") }] : [];
});

function named(entry: string): { readonly file: string; readonly title: string } | null {
  const [, file, title] = /^`([^`]+)` (.+)$/.exec(entry) ?? [];
  return file === undefined || title === undefined ? null : { file: `test/${file}.test.ts`, title };
}

test("the table has each case and each invariant once", () => {
  const ids = [
    ...Array.from({ length: CASES }, (_, index) => String(index + 1)),
    ...Array.from({ length: INVARIANTS }, (_, index) => `I${index + 1}`),
  ];
  expect(rows.map(({ id }) => id)).toEqual(ids);
});

test("each row names a test, or says that none shows it", () => {
  const found = rows
    .filter(({ entries }) => !entries.some((entry) => named(entry) !== null || OPEN.test(entry)))
    .map(({ id, line }): Finding => ({ path: PATH, line, message: `${id} is shown by nothing` }));
  expect(report(found)).toBe("");
});

test("each test that is named is there", () => {
  const found = rows.flatMap(({ id, line, entries }) =>
    entries.flatMap((entry): Finding[] => {
      const test = named(entry);
      if (test === null) return [];
      const path = join(ROOT, test.file);
      const there = existsSync(path) && readFileSync(path, "utf8").includes(test.title);
      return there ? [] : [{ path: PATH, line, message: `${id}: ${test.file} has no such title` }];
    }),
  );
  expect(report(found)).toBe("");
});
