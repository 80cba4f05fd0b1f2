/** The page of figures tells each goal that is missed, by how much, and what bounds it if known. */
import { expect, test } from "vitest";
import { figuresPage } from "../../bench/performance-page.ts";
import { told, type Result, type Row } from "../../bench/topic.ts";

const result = (topic: string, ...rows: readonly Row[]): Result => ({
  ...{ topic, words: `${topic} --rounds 3`, at: "2026-01-02 03:04", rounds: 3, seconds: 5 },
  ...{ load: 0.1, othersPercent: 2, rows, failed: null },
});
const goals = [{ atMost: 1.2, of: "nginx" }];
const others = { nginx: 2 };

test("says command, time, rounds and noise of each table", () => {
  const page = figuresPage([result("storm", { work: "w", unit: "ms", figure: 1 })]);
  expect(page).toContain(
    "`npm run bench -- storm --rounds 3`: 2026-01-02 03:04 UTC, 3 rounds, 5 s",
  );
  expect(page).toContain("Nothing: each goal above is reached.");
});

test("lists a missed goal with its ratio and what bounds it", () => {
  const row = { work: "bulk, MB/s", unit: "", figure: 5, others, goals };
  const missed = figuresPage([result("streams", row)]).split("## Not reached")[1];
  expect(missed).toContain("**streams: bulk, MB/s.** 2.5 (at most 1.2 x nginx): each of three");
});

test("says so where what bounds it is not known, and where a figure is missing", () => {
  const row = { work: "w", unit: "ms", figure: null, others, goals };
  const missed = figuresPage([result("nothing like it", row)]).split("## Not reached")[1];
  expect(missed?.replace(/\s+/g, " ")).toContain(
    "It did not come that far (at most 1.2 x nginx): what bounds it is not known yet.",
  );
});

test("a baseline that is not installed is neither reached nor missed", () => {
  const row = { work: "w", unit: "ms", figure: 5, others: {}, goals };
  expect(figuresPage([result("echo", row)])).toContain("| w | 5 ms |  |  |");
});

test("what is no number is no figure, so that no page is lost for it", () => {
  const row = { work: "w", unit: "ms", figure: NaN, others: { nginx: NaN, ssh: 2 }, goals };
  expect(told(row)).toEqual({ ...row, figure: null, others: { ssh: 2 } });
});
