/** Columns for people. Widths are counted without colour codes. */
import { stripVTControlCharacters } from "node:util";

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => width(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
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
