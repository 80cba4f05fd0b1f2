/** Keeps files small, named for what they are, opened by a sentence, and free of what is banned. */
import { expect, test } from "vitest";
import { bans, emptyNames, foreign, linesWith } from "./bans.ts";
import { codeFiles, report, textFiles, type Finding, type SourceFile } from "./tree.ts";

const LINES_MAX = 400;
const COLUMNS_MAX = 100;
/** A text that stays in one piece, so that it can be searched for, may be this wide. */
const TEXT_COLUMNS_MAX = 120;
/** Above this a file opens with what it owns and what it does not. */
const LINES_WITHOUT_OPENING = 60;
/** Fewer than this means that the walk is broken. */
const FILES_MIN = 150;

const code = [...codeFiles("src", "test", "build", "bench"), ...scripts()];
/** This folder names what it bans. */
const LAWS = new Set(["test/house/bans.ts"]);

function scripts(): readonly SourceFile[] {
  return textFiles().filter(({ path }) => /\.(js|mjs)$/.test(path));
}

function finding(path: string, line: number, message: string): Finding {
  return { path, line, message };
}

test("the tests below see the whole checkout", () => {
  expect(code.length).toBeGreaterThan(FILES_MIN);
  const paths = new Set(textFiles().map(({ path }) => path));
  for (const path of ["README.md", "package.json", "bin/holdfast.js", ".ci/run"])
    expect(paths, path).toContain(path);
});

test(`no file has more than ${LINES_MAX} lines`, () => {
  const found = code
    .filter(({ lines }) => lines.length - 1 > LINES_MAX)
    .map(({ path, lines }) => finding(path, 0, `has ${lines.length - 1} lines: split it`));
  expect(report(found)).toBe("");
});

test(`no line has more than ${COLUMNS_MAX} columns`, () => {
  /** One long text alone on its line is data that cannot be broken. */
  const isText = (line: string): boolean => /^\s*(["'`]).*\1[,;)]*$/.test(line);
  const columnsMax = (line: string): number =>
    isText(line)
      ? Infinity
      : /["'`]/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line)
        ? TEXT_COLUMNS_MAX
        : COLUMNS_MAX;
  const found = code.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      // Columns are what a reader sees, so a character of several units counts once.
      Array.from(line).length > columnsMax(line) ? [finding(path, index + 1, "is too wide")] : [],
    ),
  );
  expect(report(found)).toBe("");
});

test("a longer file opens with what it owns and what it does not", () => {
  const opens = (text: string): boolean => /^(#!.*\n)?(import [^;]*;\n)*\n?\/[*/]/.test(text);
  const found = codeFiles("src", "build")
    .filter(({ lines, text }) => lines.length - 1 > LINES_WITHOUT_OPENING && !opens(text))
    .map(({ path, lines }) => finding(path, 1, `has ${lines.length - 1} lines and no opening`));
  expect(report(found)).toBe("");
});

test.each(bans)("nobody writes $what", ({ pattern, instead, where, excusedByComment }) => {
  const judged = code.filter(({ path }) => where(path) && !LAWS.has(path));
  expect(judged.length).toBeGreaterThan(0);
  const isExcused = (file: SourceFile, line: number): boolean =>
    excusedByComment === true && /\/\//.test(file.lines.slice(line - 2, line).join());
  const found = judged.flatMap((file) =>
    linesWith(file, pattern)
      .filter((line) => !isExcused(file, line))
      .map((line) => finding(file.path, line, instead)),
  );
  expect(report(found)).toBe("");
});

test("file names are kebab-case and say what is inside", () => {
  const shape = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|contract|config|bench|run|d))?\.(ts|tsx|js|mjs)$/;
  const found = code.flatMap(({ path }) => {
    const name = path.split("/").at(-1) ?? "";
    if (!shape.test(name)) return [finding(path, 0, "is not kebab-case")];
    return emptyNames.test(path) ? [finding(path, 0, "has a name that says nothing")] : [];
  });
  expect(report(found)).toBe("");
});

test.each(foreign)("nothing names $what", ({ pattern }) => {
  const found = textFiles()
    .filter(({ path }) => !LAWS.has(path))
    .flatMap((file) =>
      linesWith(file, pattern).map((line) =>
        finding(file.path, line, `is true on one machine only: ${file.lines[line - 1] ?? ""}`),
      ),
    );
  expect(report(found)).toBe("");
});
