/**
 * How the cost of one session grows with their number. Each number of sessions is a run of minutes,
 * so bench/growth.json keeps what was measured before, and docs/growth.svg draws all of it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rounded } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";
import { idleCost, type IdleCost } from "./idle.ts";

const WHOLE = [100, 1_000, 3_000, 10_000];
const QUICK = [50, 200];
const KEPT = join(import.meta.dirname, "..", "growth.json");
const SVG = join(import.meta.dirname, "..", "..", "docs", "growth.svg");

async function run(asked: Run): Promise<readonly Row[]> {
  const counts = asked.sessions.length > 0 ? asked.sessions : asked.quick ? QUICK : WHOLE;
  const measured: IdleCost[] = [];
  for (const count of counts) measured.push(await idleCost(count, asked));
  const costs = asked.quick ? measured : keep(measured);
  const [first] = costs;
  const last = costs.at(-1);
  if (first === undefined || last === undefined) return [];
  const span = `from ${first.sessions} to ${last.sessions} sessions`;
  const grows = { atMost: 1.1, of: `with ${first.sessions}` };
  const percentEach = ({ percentOfCore, sessions }: IdleCost) => (1_000 * percentOfCore) / sessions;
  return [
    {
      work: `memory of a session, ${span}`,
      unit: "KiB",
      figure: last.kibEach,
      others: { [`with ${first.sessions}`]: first.kibEach },
      goals: [grows],
    },
    {
      work: `processor of 1,000 sessions, ${span}`,
      unit: "% of a core",
      figure: percentEach(last),
      others: { [`with ${first.sessions}`]: percentEach(first) },
      goals: [grows],
    },
  ];
}

function keep(measured: readonly IdleCost[]): readonly IdleCost[] {
  const before = existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, "utf8")) as IdleCost[]) : [];
  const others = before.filter((old) =>
    measured.every(({ sessions }) => sessions !== old.sessions),
  );
  const costs = [...others, ...measured].toSorted((a, b) => a.sessions - b.sessions);
  writeFileSync(KEPT, `${JSON.stringify(costs, null, 2)}\n`);
  writeFileSync(SVG, drawing(costs));
  return costs;
}

const [WIDTH, HEIGHT, MARGIN] = [640, 320, 56];

/** Two lines over the number of sessions, which is drawn by its logarithm. */
function drawing(costs: readonly IdleCost[]): string {
  const logs = costs.map(({ sessions }) => Math.log10(sessions));
  const [from, to] = [Math.min(...logs), Math.max(...logs)];
  const x = (sessions: number): number =>
    MARGIN + ((Math.log10(sessions) - from) / (to - from || 1)) * (WIDTH - 2 * MARGIN);
  const lines = [
    { name: "KiB a session", colour: "#2563eb", of: (cost: IdleCost) => cost.kibEach },
    {
      name: "% of a core for 1,000 sessions",
      colour: "#b45309",
      of: (cost: IdleCost) => (1_000 * cost.percentOfCore) / cost.sessions,
    },
  ];
  const drawn = lines.map(({ name, colour, of }, n) => {
    const most = Math.max(...costs.map(of)) * 1.2;
    const y = (cost: IdleCost): number =>
      HEIGHT - MARGIN - (of(cost) / most) * (HEIGHT - 2 * MARGIN);
    const points = costs.map((cost) => `${rounded(x(cost.sessions))},${rounded(y(cost))}`);
    const labels = costs.map((cost) => {
      const at = `x="${rounded(x(cost.sessions))}" y="${rounded(y(cost) - 8)}"`;
      return `<text ${at} fill="${colour}" text-anchor="middle">${rounded(of(cost))}</text>`;
    });
    const key = `<text x="${MARGIN}" y="${20 + 16 * n}" fill="${colour}">${name}</text>`;
    const path = `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}"/>`;
    return [key, path, ...labels].join("\n  ");
  });
  const axis = costs.map(({ sessions }) => {
    const at = `x="${rounded(x(sessions))}" y="${HEIGHT - MARGIN + 20}"`;
    return `<text ${at} fill="#555" text-anchor="middle">${sessions}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}"
  font-family="sans-serif" font-size="12" role="img"
  aria-label="Cost of one idle session, over the number of sessions">
  <title>Cost of one idle session, over the number of sessions</title>
  <rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
  ${[...drawn, ...axis].join("\n  ")}
</svg>
`;
}

export const growth: Topic = {
  name: "growth",
  about: "cost of one session from 100 to 10,000 of them, as a plot",
  needs: [],
  onlyByName: true,
  run,
};
