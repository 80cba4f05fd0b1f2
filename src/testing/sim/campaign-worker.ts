/** A thread of a campaign: runs the ranges it is given and reports each. */
import { parentPort } from "node:worker_threads";
import type { BrokenSeed, RangeReport } from "./campaign.ts";
import { runSeed, shrink } from "./simulate.ts";

// Calls are refused by the thousand, nobody reads where, and a stack is a tenth of the time.
Error.stackTraceLimit = 0;

parentPort?.on("message", (range: { first: number; count: number }) => {
  // Out of the message's own turn: simulated promises run only where no real one is under way.
  setImmediate(() => parentPort?.postMessage(runRange(range.first, range.count)));
});

function runRange(first: number, count: number): RangeReport {
  const broken: BrokenSeed[] = [];
  const sometimes: Record<string, number> = {};
  const traces: string[] = [];
  let eventsRun = 0;
  let faults = 0;
  for (let seed = first; seed < first + count; seed++) {
    const outcome = runSeed(seed);
    eventsRun += outcome.eventsRun;
    faults += outcome.plan.faults.length;
    traces.push(outcome.trace);
    for (const name of outcome.sometimes) sometimes[name] = (sometimes[name] ?? 0) + 1;
    if (outcome.violations.length === 0) continue;
    const shrunk = shrink(outcome);
    broken.push({ seed, violations: shrunk.violations, shrunk: shrunk.plan });
  }
  return { first, seeds: count, broken, eventsRun, faults, sometimes, traces };
}
