/** docs/FAULT-TABLE.md from the rows of faults, the drills' figures and nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { faultNames } from "../../src/platform/faults/catalogue.ts";
import { boundOf, detection } from "../../test/e2e/detection-rows.ts";
import { scenarios } from "../../test/e2e/drill-scenarios.ts";
import { platformRows } from "./platform-rows.ts";
import type { Cover, FaultRow } from "./row.ts";
import { sandboxRows } from "./sandbox-rows.ts";

interface Figure {
  readonly reason: string | null;
  readonly reasonS: number | null;
  readonly lostS: number | null;
  readonly redialS: number | null;
  readonly verdict: string;
  readonly verdictS: number | null;
}

type Figures = Readonly<Record<string, Figure | null>>;

type Switches = Readonly<
  Record<
    string,
    {
      readonly said: string | null;
      readonly where: string;
      readonly seconds: number | null;
      readonly boundS: number;
    }
  >
>;

interface Kills {
  readonly kills: number;
  readonly killsAtWork: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly restart: { readonly medianMs: number; readonly worstMs: number };
  readonly deadlinesCompared: number;
  readonly deadlinesMoved: readonly string[];
  readonly doubled: readonly string[];
  readonly orphans: readonly string[];
}

interface Alarms {
  readonly minutes: number;
  readonly busyLoops: number;
  readonly sessions: number;
  readonly loadEvery30S: readonly number[];
  readonly suspected: number;
  readonly driversLost: number;
}

const measured = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, "..", "..", "bench", name), "utf8"));

export function faultTableDoc(): string {
  const figures = measured("figures.json") as Figures;
  const all = [...platformRows, ...sandboxRows];
  const bare = all.filter((row) => coverTexts(row).length === 0);
  const partial = all.filter((row) => coverTexts(row).length > 0 && row.gap !== undefined);
  const numbers = (rows: readonly FaultRow[]): string =>
    rows.map(({ number }) => String(number)).join(", ");
  return `# What can go wrong, and what shows that it is met

Each row is a fault; what covers it is checked against the code by a test, so that no name here is
stale. \`sim\` is a fault of \`holdfast simulate\` (virtual time, thousands of seeds), \`drill\` one
that is made for real on the local platform (\`npm run drill\`), \`test\` a test below \`test/\`. Times
are from the drills: seconds from the fault to the first coded reason. Where only a patrol can see a
fault, its pace decides; in the drills it is 3 s, in the product 30 s.

${all.length} rows; ${bare.length === 0 ? "each is covered" : `nothing covers ${numbers(bare)}`}. Covered with a
part missing, which the row names: ${numbers(partial)}.

## The platform's control plane

${table(platformRows, figures)}
## Driver and sandbox

${table(sandboxRows, figures)}
## The drills

${drillTable(figures)}
## Every switch of the platform, under a hub

By \`node bench/switches.ts\`, eight sessions broken at once on a machine with other work. The bound
is the fault's own; where only a patrol sees it, 4 s more for the patrol, which comes every 0.7 s
here and every 30 s in the product. Where a deadline of the session is what shows it, that deadline
is cut short here: 3 s for a start without progress, 2 s for a snapshot that wakes.

${switchTable()}
## The hub killed at random instants

${killText()}

## False alarms

${alarmText()}
`;
}

function table(rows: readonly FaultRow[], figures: Figures): string {
  const lines = rows.map((row) => [
    String(row.number),
    row.fault,
    coverTexts(row).join("<br>") || "**nothing**",
    seenText(row, figures),
    row.gap === undefined ? row.action : `${row.action}. *Missing: ${row.gap}*`,
  ]);
  return markdown(["#", "fault", "covered by", "seen after", "what comes of it"], lines);
}

const unmeasured = { said: null, seconds: null };

function switchTable(): string {
  const figures = measured("switches.json") as Switches;
  const rows = faultNames.map((fault) => {
    const row = detection[fault];
    if ("apart" in row) return [`\`${fault}\``, "meets no call of the hub", row.apart, "", ""];
    const {
      said,
      where,
      seconds: after,
      boundS,
    } = figures[fault] ?? {
      ...unmeasured,
      where: row.where,
      boundS: boundOf(row),
    };
    return [`\`${fault}\``, said ?? "", where, seconds(after), `${boundS.toFixed(1)} s`];
  });
  return markdown(["switch", "the hub says", "in", "after", "bound"], rows);
}

function drillTable(figures: Figures): string {
  const lines = Object.entries(figures).map(([name, figure]) => [
    name,
    figure?.reason ?? "none",
    seconds(figure?.reasonS),
    seconds(figure?.lostS),
    seconds(figure?.redialS),
    figure?.verdict ?? "not measured",
    seconds(figure?.verdictS),
  ]);
  const head = ["drill", "first reason", "after", "link given up", "re-dial", "end", "after"];
  return markdown(head, lines);
}

function killText(): string {
  const told = measured("hub-kills.json") as Kills;
  const { kills, killsAtWork, orphans, doubled, deadlinesMoved, deadlinesCompared, restart } = told;
  const ends = Object.entries(told.ends).map(([end, count]) => `${count} ${end}`);
  return `By \`node bench/hub-kills.ts\`, on a machine with other work: killed ${kills} times
while it created one session, resumed another and healed a third; ${killsAtWork} kills met one of
them at work.

| what | how many |
| --- | --- |
| ends of the sessions | ${ends.join(", ")} |
| sandboxes that nobody owns | ${orphans.length} |
| second sandboxes of a session | ${doubled.length} |
| deadlines that moved | ${deadlinesMoved.length} of ${deadlinesCompared} compared |
| process start to first answer | median ${restart.medianMs} ms, worst ${restart.worstMs} ms |`;
}

function alarmText(): string {
  const told = measured("false-alarms.json") as Alarms;
  const { sessions, minutes, busyLoops, loadEvery30S: loads, suspected, driversLost } = told;
  return `By \`node bench/false-alarms.ts\`: ${sessions} connected sessions for ${minutes} minutes
beside ${busyLoops} busy loops, on a machine with other work (load ${Math.min(...loads)} to
${Math.max(...loads)} on two cores). Nothing was broken, so each would be a false alarm: drivers
suspected ${suspected}, drivers lost ${driversLost}.`;
}

function coverTexts(row: FaultRow): string[] {
  return [...drillsOf(row).map((name) => `drill *${name}*`), ...row.covers.map(coverText)];
}

function drillsOf({ number }: FaultRow): string[] {
  return scenarios.filter(({ rows }) => rows.includes(number)).map(({ name }) => name);
}

function coverText(cover: Cover): string {
  if ("sim" in cover) return `sim \`${cover.sim}\``;
  return `test \`${cover.file}\`: ${cover.test.replaceAll("|", "\\|")}`;
}

/** The slowest drill of a row is its time. */
function seenText(row: FaultRow, figures: Figures): string {
  const times = drillsOf(row)
    .map((name) => figures[name]?.reasonS)
    .filter((time) => typeof time === "number");
  return times.length === 0 ? "" : seconds(Math.max(...times));
}

function seconds(value: number | null | undefined): string {
  return value === null || value === undefined ? "" : `${value.toFixed(2)} s`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}
