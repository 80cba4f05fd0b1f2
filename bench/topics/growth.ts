/**
 * How the cost of one session grows with their number: what it keeps, what it uses while nothing
 * happens, what one more costs, and how long a look at one takes. Each number of sessions is a run
 * of minutes, so bench/growth.json keeps what was measured before, and docs/growth.svg draws it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CrowdHub } from "../crowd-hub.ts";
import { plot } from "../plot.ts";
import { cpuMs } from "../process-reading.ts";
import { rounded } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";
import { idleCost } from "./idle.ts";

const WHOLE = [100, 1_000, 5_000, 10_000];
const QUICK = [50, 200];
const MADE = 50;
const HEALTH_MS = 5_000;
/** Of one client each, 10,000 sessions would need more files than a process may have. */
const SESSIONS_A_CLIENT = 10;
const KEPT = join(import.meta.dirname, "..", "growth.json");
const SVG = join(import.meta.dirname, "..", "..", "docs", "growth.svg");

const COSTS = {
  kibEach: { name: "memory of a session", unit: "KiB" },
  percentOf1000: { name: "processor of 1,000 idle sessions", unit: "% of a core" },
  createMs: { name: "processor to make and prove one more", unit: "ms" },
  healthMs: { name: "a read of health, p50", unit: "ms" },
} as const;
type Cost = Readonly<Record<"sessions" | keyof typeof COSTS, number>>;
const KINDS = Object.keys(COSTS) as (keyof typeof COSTS)[];

async function run(asked: Run): Promise<readonly Row[]> {
  const counts = asked.sessions.length > 0 ? asked.sessions : asked.quick ? QUICK : WHOLE;
  const measured: Cost[] = [];
  for (const count of counts) measured.push(await costWith(count, asked));
  const costs = asked.quick ? measured : keep(measured);
  const [first] = costs;
  const last = costs.at(-1);
  if (first === undefined || last === undefined) return [];
  return KINDS.map((kind) => ({
    work: `${COSTS[kind].name}, with ${last.sessions} sessions`,
    unit: COSTS[kind].unit,
    figure: last[kind],
    others: Object.fromEntries(
      costs.slice(0, -1).map(({ sessions, [kind]: cost }) => [`with ${sessions}`, cost]),
    ),
    goals: [{ atMost: 1.1, of: `with ${first.sessions}` }],
  }));
}

async function costWith(count: number, asked: Run): Promise<Cost> {
  const options = { sessionsOfClient: Math.min(SESSIONS_A_CLIENT, count), also: oneMore };
  const { sessions, kibEach, percentOfCore, also } = await idleCost(count, asked, options);
  if (also === null) throw new Error("nothing was made");
  const cost = { sessions, kibEach, percentOf1000: (1_000 * percentOfCore) / sessions, ...also };
  asked.say(`  ${JSON.stringify(cost)}`);
  return cost;
}

/** What the hub uses for the others meanwhile is not the price of one more. */
async function oneMore(crowd: CrowdHub, percentOfCore: number) {
  const { hub } = crowd;
  const [beganAtMs, cpuBefore] = [performance.now(), cpuMs(hub.pid)];
  for (let n = 0; n < MADE; n++) {
    const session = await hub.ask("POST", "/sessions?wait=60", { name: `one-more-${n}` });
    if (session.state !== "connected") throw new Error(JSON.stringify(session));
  }
  const besides = ((performance.now() - beganAtMs) * percentOfCore) / 100;
  const createMs = (cpuMs(hub.pid) - cpuBefore - besides) / MADE;
  const { p50Ms } = await crowd.healthFor(HEALTH_MS);
  return { createMs, healthMs: p50Ms };
}

function keep(measured: readonly Cost[]): readonly Cost[] {
  const before = existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, "utf8")) as Cost[]) : [];
  const others = before.filter((old) =>
    measured.every(({ sessions }) => sessions !== old.sessions),
  );
  const costs = [...others, ...measured].toSorted((a, b) => a.sessions - b.sessions);
  writeFileSync(KEPT, `${JSON.stringify(costs, null, 2)}\n`);
  writeFileSync(SVG, plot("What one session costs, over the number of sessions", linesOf(costs)));
  return costs;
}

/** As a share of what it is with the fewest sessions: level is what is hoped for. */
function linesOf(costs: readonly Cost[]) {
  return KINDS.map((kind) => ({
    name: `${COSTS[kind].name}, ${COSTS[kind].unit}`,
    points: costs.map((cost) => ({
      x: cost.sessions,
      y: cost[kind] / (costs[0]?.[kind] ?? NaN),
      label: String(rounded(cost[kind], 2)),
    })),
  }));
}

export const growth: Topic = {
  name: "growth",
  about: "cost of one session from 100 to 10,000 of them, as a plot",
  needs: [],
  once: true,
  onlyByName: true,
  run,
};
