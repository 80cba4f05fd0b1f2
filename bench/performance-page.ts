/** The table of docs/PERFORMANCE.md, from what the newest whole run of each topic measured. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rounded } from "./statistics.ts";
import { ratioOf, verdictsOf, type Result, type Row } from "./topic.ts";

const PAGE = join(import.meta.dirname, "..", "docs", "PERFORMANCE.md");
/** The table is all that stands between these two. */
const [BEGIN, END] = ["## Figures\n", "## Not reached\n"];

export function writePage(results: readonly Result[]): void {
  const page = readFileSync(PAGE, "utf8");
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from)
    throw new Error(`${PAGE}: the headings around its table are not there`);
  const tables = results.map(tableOf).join("\n");
  writeFileSync(PAGE, `${page.slice(0, from)}${BEGIN}\n${tables}\n${page.slice(to)}`);
}

function tableOf({ topic, words: asked, rows, load, othersPercent }: Result): string {
  const noise = `load ${load}, others had ${othersPercent} % of the processors`;
  const head = `| Work | Holdfast | Beside | Goal |\n|---|---|---|---|`;
  const words = `### ${topic}\n\n\`npm run bench -- ${asked}\`, ${noise}.\n`;
  return `${words}\n${head}\n${rows.map(lineOf).join("\n")}\n`;
}

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
