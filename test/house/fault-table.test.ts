import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformRows } from "../../build/fault-table/platform-rows.ts";
import { sandboxRows } from "../../build/fault-table/sandbox-rows.ts";
import { FAULT_KINDS } from "../../src/testing/sim/faults.ts";
import { scenarios } from "../e2e/drill-scenarios.ts";

const rows = [...platformRows, ...sandboxRows];
const covers = rows.flatMap(({ covers: all }) => all);

test("every row of the fault table has its number, and none is left out", () => {
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_row, index) => index + 1));
  expect(rows.length).toBeGreaterThan(60);
});

test("a row that nothing covers says what is missing", () => {
  const drilled = scenarios.flatMap(({ rows: numbers }) => numbers);
  for (const { covers: all, gap, number } of rows) {
    if (all.length === 0 && !drilled.includes(number))
      expect(gap, `row ${number}`).toBeTypeOf("string");
  }
});

test("each fault of the simulator that it names exists", () => {
  const kinds: readonly string[] = FAULT_KINDS;
  for (const cover of covers) if ("sim" in cover) expect(kinds).toContain(cover.sim);
});

test("each test that it names exists under that name", () => {
  const named = covers.filter((cover) => "file" in cover);
  expect(named.length).toBeGreaterThan(50);
  for (const { file, test: name } of named) {
    const text = readFileSync(join(import.meta.dirname, "..", file), "utf8");
    expect(text.includes(`"${name}`), `${file}: ${name}`).toBe(true);
  }
});

test("each drill names rows that there are", () => {
  for (const { rows: numbers } of scenarios) {
    expect(numbers.length).toBeGreaterThan(0);
    for (const number of numbers) expect(rows.map((row) => row.number)).toContain(number);
  }
});
