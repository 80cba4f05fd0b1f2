/**
 * Every fault switch under a real hub, by hand: when and where the hub says it in public. `node
 * bench/switches.ts [WORD…]` runs those whose name has one of the words, or all; `--keep` writes
 * the figures to bench/switches.json, from which docs/FAULT-TABLE.md is made.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { detectAll, type Detected } from "../test/e2e/detection-run.ts";

const words = process.argv.slice(2).filter((word) => word !== "--keep");
const results: Detected[] = [];
const met = await detectAll(
  (fault) => words.length === 0 || words.some((word) => fault.includes(word)),
  (result) => {
    results.push(result);
    process.stdout.write(`${line(result)}\n`);
  },
);
for (const fault of met) process.stdout.write(`${fault}: a call of the hub met it\n`);
if (process.argv.includes("--keep")) keep();
process.exitCode = met.length > 0 || results.some(({ wrong }) => wrong.length > 0) ? 1 : 0;

function line({ fault, said, seconds, boundS, where, wrong }: Detected): string {
  const figure = seconds === null ? "never" : `${seconds.toFixed(2)} s of ${boundS.toFixed(1)} s`;
  return [fault, figure, `${said ?? "nothing"} (${where})`, ...wrong].join("  ");
}

/** Those of an earlier run stay where this one did not measure anew. */
function keep(): void {
  const file = join(import.meta.dirname, "switches.json");
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const measured = results.map(({ fault, said, where, seconds, boundS }) => {
    return [fault, { said, where, seconds, boundS }] as const;
  });
  const all = { ...before, ...Object.fromEntries(measured) };
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}
