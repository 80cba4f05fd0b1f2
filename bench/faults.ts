/**
 * Every drill of test/e2e/drill-scenarios.ts on this machine, with its figures as a table. By hand:
 * `npm run drill [-- WORD…]` runs those whose name has one of the words, or all; `--keep` writes
 * the figures to bench/figures.json, from which docs/FAULT-TABLE.md is made.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DrillRig } from "../test/e2e/drill-rig.ts";
import { runDrills, type DrillResult } from "../test/e2e/drill-run.ts";
import { patrolMs, scenarios, type Scenario } from "../test/e2e/drill-scenarios.ts";

const atOnce = 3;

const words = process.argv.slice(2).filter((word) => word !== "--keep");
const wanted = scenarios.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);
const results: DrillResult[] = [];
await runAll(wanted);
process.stdout.write(`${table(results)}\n`);
if (process.argv.includes("--keep")) keep(results);
process.exitCode = results.some(({ wrong }) => wrong.length > 0) ? 1 : 0;

async function runAll(drills: readonly Scenario[]): Promise<void> {
  const rig = await DrillRig.open({ patrolMs });
  try {
    await runDrills(rig, drills, atOnce, (result) => {
      results.push(result);
      const said = result.wrong.length === 0 ? "as it must be" : result.wrong.join("; ");
      process.stderr.write(`${result.scenario.name}: ${said}\n`);
    });
  } finally {
    await rig.close();
  }
}

function table(rows: readonly DrillResult[]): string {
  const head = [
    "| drill | first reason | after | suspected | link given up | re-dial | verdict | after |",
    "|---|---|--:|--:|--:|--:|---|--:|",
  ];
  const sorted = wanted.flatMap((scenario) => rows.filter((row) => row.scenario === scenario));
  const lines = sorted.map((row) =>
    [
      row.scenario.name,
      row.reason ?? "none",
      seconds(row.reasonS),
      seconds(row.suspectS),
      seconds(row.lostS),
      seconds(row.redialS),
      row.verdict ?? row.path.at(-1) ?? "unchanged",
      seconds(row.verdictS),
    ].join(" | "),
  );
  return [...head, ...lines.map((line) => `| ${line} |`)].join("\n");
}

/** Those of an earlier run stay where this one did not measure anew. */
function keep(rows: readonly DrillResult[]): void {
  const file = join(import.meta.dirname, "figures.json");
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const measured = rows.map(({ scenario, reason, reasonS, lostS, redialS, path, ...rest }) => {
    const verdict = rest.verdict ?? path.at(-1) ?? "unchanged";
    return [scenario.name, { reason, reasonS, lostS, redialS, verdict, verdictS: rest.verdictS }];
  });
  const all = { ...before, ...Object.fromEntries(measured) } as Record<string, unknown>;
  const known = scenarios.map(({ name }) => [name, all[name] ?? null]);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}

function seconds(value: number | null): string {
  return value === null ? "" : `${value.toFixed(2)} s`;
}
