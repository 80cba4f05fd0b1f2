/** docs/FAULT-TABLE.md from the rows of faults, the drills' figures and nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { faultNames } from "../../src/platform/faults/catalogue.ts";
import { boundS, shippedPolicy } from "../../test/e2e/detection-bounds.ts";
import { detection, type DetectionRow } from "../../test/e2e/detection-rows.ts";
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

By \`node bench/switches.ts\`, under a hub as it is shipped, sixteen sessions broken at once on a
machine with other work. A bound is that of the fault itself, which counts from when the hub looks,
and the longest that it may take until it looks: nothing where a call, a link or a beat meets the
fault; the pace of the patrol over the platform's path (30 s, spread by a fifth, and 4.5 s for a
round that was under way and looked too early) or of the one over the driver's own path (8 s, the
same); two looks of the janitor (15 s, the same); the deadline of a start without progress (45 s) or
of an activation (60 s). The test has the shortest paces that the config takes, and the same
formula.

The patrol is not quicker, because its rounds are calls of an account whose rate is limited: all
sessions share 2,000 a minute. What is broken as a session is resumed waits for no patrol: the last
column has its figure, and the bound of the fault alone.

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

function switchTable(): string {
  const figures = measured("switches.json") as Switches;
  const seen = (fault: string, { scene }: Pick<DetectionRow, "scene">): string =>
    seconds(figures[`${fault} ${scene}`]?.seconds);
  const rows = faultNames.map((fault) => {
    const row = detection[fault];
    if ("apart" in row) {
      const shown = `${row.apart}; on the wire by test \`e2e/fault-detection.test.ts\`: ${fault}`;
      return [`\`${fault}\``, "meets no call of the hub", shown, "", "", ""];
    }
    const { scene, where, withinS } = row;
    const atResume = `${seen(fault, { scene: "resume" })} of ${withinS.toFixed(1)} s`;
    return [
      `\`${fault}\``,
      figures[`${fault} ${scene}`]?.said ?? "",
      where,
      seen(fault, row),
      `${boundS(row, shippedPolicy).toFixed(1)} s`,
      row.atResume ? atResume : "",
    ];
  });
  return markdown(["switch", "the hub says", "in", "after", "bound", "at resume"], rows);
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
