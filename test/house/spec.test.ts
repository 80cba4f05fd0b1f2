/**
 * Holds docs/SPEC.md and the tests together: a rule `**SM7**` of the document is cited as `[SM7]`
 * in the name of at least one test, and a test cites no rule that the document does not have.
 */
import { expect, test } from "vitest";
import { codeFiles, report, textFiles, type Finding } from "./tree.ts";

const ID = /[A-Z]{2,4}\d{1,3}[a-z]?/;
/** A rule is defined where a list item, heading or table row begins with its bold id. */
const DEFINED = new RegExp(`^(?:[-*|#]+\\s*)?\\*\\*\\[?(${ID.source})\\]?\\*\\*`);
const HEADED = new RegExp(`^#{2,6}\\s+\\[?(${ID.source})\\]?\\b`);
/** In the name of a test, several may stand in one bracket: `[SM7, SM8] …`. */
const CITED = new RegExp(`["'\`]\\[(${ID.source}(?:,? ${ID.source})*)\\]`, "g");

const spec = textFiles().find(({ path }) => path === "docs/SPEC.md");
const rules = new Map<string, number>();
const twice: Finding[] = [];
for (const [index, line] of (spec?.lines ?? []).entries()) {
  const id = (DEFINED.exec(line) ?? HEADED.exec(line))?.[1];
  if (id === undefined) continue;
  if (rules.has(id))
    twice.push({ path: "docs/SPEC.md", line: index + 1, message: `${id} is another rule, too` });
  rules.set(id, index + 1);
}

const citations = codeFiles("test")
  .filter(({ path }) => !path.startsWith("test/house/"))
  .flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      [...line.matchAll(CITED)].flatMap((match) =>
        (match[1] ?? "").split(/,? /).map((id) => ({ id, path, line: index + 1 })),
      ),
    ),
  );

test("docs/SPEC.md has rules", ({ skip }) => {
  skip(spec === undefined, "docs/SPEC.md is not written yet");
  expect(rules.size).toBeGreaterThan(10);
});

test("an id is one rule", () => {
  expect(report(twice)).toBe("");
});

test("each rule has a test", () => {
  const cited = new Set(citations.map(({ id }) => id));
  const found = [...rules]
    .filter(([id]) => !cited.has(id))
    .map(([id, line]): Finding => ({ path: "docs/SPEC.md", line, message: `${id} has no test` }));
  expect(report(found)).toBe("");
});

test("each citation has its rule", ({ skip }) => {
  skip(spec === undefined, "docs/SPEC.md is not written yet");
  expect(report(citations.filter(({ id }) => !rules.has(id)).map(unknown))).toBe("");
});

function unknown({ id, path, line }: (typeof citations)[number]): Finding {
  return { path, line, message: `cites ${id}, which docs/SPEC.md does not have` };
}
