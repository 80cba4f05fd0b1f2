/** Columns for people. Widths are counted without colour codes. */
import { stripVTControlCharacters } from "node:util";

type Row = readonly string[];

/** `columns` is how wide the screen is, where there is one. The last cell may be a sentence. */
export function renderTable(head: Row, rows: readonly Row[], columns?: number): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => width(row[column] ?? ""))),
  );
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const needed = before + (head.at(-1)?.length ?? 0);
  if (columns !== undefined && columns > 0 && columns < needed) return renderBlocks(head, rows);
  const line = (cells: Row): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}

/** For a narrow screen: a table whose lines wrap is read by nobody. */
function renderBlocks([, ...labels]: Row, rows: readonly Row[]): string {
  const block = ([first = "", ...cells]: Row): string => {
    const said = cells.map((cell, n) => [labels[n]?.toLowerCase() ?? "", cell] as const);
    const filled = said.filter(([, cell]) => cell !== "");
    // A column without a name is a mark: it stands beside what it marks.
    const marks = filled.filter(([label]) => label === "").map(([, cell]) => cell);
    const pairs = filled.filter(([label]) => label !== "");
    const indented = pairs.map(([label, cell]) => [`  ${label}`, cell] as const);
    return [[first, ...marks].join("  "), renderPairs(indented)].join("\n");
  };
  return rows.map(block).join("\n");
}

/** "name   value" lines under one another. */
export function renderPairs(pairs: readonly (readonly [string, string])[]): string {
  const labelWidth = Math.max(0, ...pairs.map(([label]) => label.length));
  return pairs
    .map(([label, value]) => `${label.padEnd(labelWidth)}  ${value}`.trimEnd())
    .join("\n");
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
