import { expect, test } from "vitest";
import { quote } from "../../src/base/shell-quote.ts";

test.each([
  ["plain", "'plain'"],
  ["", "''"],
  ["two words; $(and) `more`", "'two words; $(and) `more`'"],
  ["it's", String.raw`'it'\''s'`],
  ["'", String.raw`''\'''`],
  ["a\nb", "'a\nb'"],
])("a shell takes %j as one word", (word, quoted) => {
  expect(quote(word)).toBe(quoted);
});
