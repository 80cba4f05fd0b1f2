/**
 * The tables of docs/PERFORMANCE.md and its list of goals that are not reached, from what the last
 * whole run of each topic measured. All above its first table is written by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../src/base/counted.ts";
import { boundOf } from "./bounds.ts";
import { rounded } from "./statistics.ts";
import { ratioOf, verdictsOf, type Result, type Row, type Verdict } from "./topic.ts";

const PAGE = join(import.meta.dirname, "..", "docs", "PERFORMANCE.md");
const BEGIN = "## Figures\n";
const COLUMNS_MAX = 100;
const UNKNOWN = "what bounds it is not known yet";

export function writePage(results: readonly Result[]): void {
  const page = readFileSync(PAGE, "utf8");
  const from = page.indexOf(BEGIN);
  if (from < 0) throw new Error(`${PAGE}: there is no line ${BEGIN.trim()}`);
  writeFileSync(PAGE, page.slice(0, from) + figuresPage(results));
}

export function figuresPage(results: readonly Result[]): string {
  const missed = results.flatMap(missedBy);
  const list = missed.length > 0 ? missed.join("\n") : "Nothing: each goal above is reached.";
  return `${BEGIN}\n${results.map(tableOf).join("\n")}\n## Not reached\n\n${list}\n`;
}

function tableOf(result: Result): string {
  const { topic, words, at, rounds, seconds, rows, load, othersPercent } = result;
  const head = `| Work | Holdfast | Beside | Goal |\n|---|---|---|---|`;
  const noise = `load ${load}, others had ${othersPercent} % of the processors`;
  const how = `\`npm run bench -- ${words}\`: ${at} UTC, ${counted(rounds, "round")}, ${seconds} s, ${noise}.`;
  const drawn = topic === "growth" ? `\n${GROWTH}\n` : "";
  const lines = rows.map(lineOf).join("\n");
  return `### ${topic}\n\n${wrapped(how)}\n${drawn}\n${head}\n${lines}\n`;
}

const GROWTH = "![What one session costs, over the number of sessions](growth.svg)";

function lineOf(row: Row): string {
  const { work, unit, figure, others = {} } = row;
  const own = figure === null ? "did not come that far" : `${rounded(figure, 2)} ${unit}`.trim();
  const beside = Object.entries(others).map(([name, value]) => {
    const ratio = figure === null || value === 0 ? "" : `, ${ratioOf(figure, value)}`;
    return `${name} ${rounded(value, 2)}${ratio}`;
  });
  const goals = verdictsOf(row).map(({ goal, met }) => `${goal}: ${met ? "reached" : "**not**"}`);
  return `| ${work} | ${own} | ${beside.join("; ")} | ${goals.join("; ")} |`;
}

/** One sentence for each row that misses something: by how much, and why. */
function missedBy(result: Result): readonly string[] {
  return result.rows.flatMap((row) => {
    const missed = verdictsOf(row).filter(({ met }) => !met);
    if (missed.length === 0) return [];
    const told = missed.map(saidOf).join("; ");
    const bound = boundOf(result, row) ?? UNKNOWN;
    return [wrapped(`- **${result.topic}: ${row.work}.** ${told}: ${bound}.`, "  ")];
  });
}

function saidOf({ goal, value }: Verdict): string {
  return `${value === null ? "It did not come that far" : rounded(value, 2)} (${goal})`;
}

function wrapped(text: string, indent = ""): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= COLUMNS_MAX || line === "") line = longer;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line].join("\n");
}
