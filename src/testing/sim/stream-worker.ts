/** A thread of a campaign over streams: runs the ranges that it is given and reports each. */
import { parentPort } from "node:worker_threads";
import type { BrokenStreamSeed, StreamRangeReport } from "./stream-campaign.ts";
import { runStreamSeed, shrinkStreams } from "./stream-simulate.ts";

parentPort?.on("message", (range: { first: number; count: number }) => {
  // Out of the message's own turn: simulated promises run only where no real one is under way.
  setImmediate(() => parentPort?.postMessage(runRange(range.first, range.count)));
});

function runRange(first: number, count: number): StreamRangeReport {
  const broken: BrokenStreamSeed[] = [];
  const sometimes: Record<string, number> = {};
  const traces: string[] = [];
  let eventsRun = 0;
  let faults = 0;
  for (let seed = first; seed < first + count; seed++) {
    const outcome = runStreamSeed(seed);
    eventsRun += outcome.eventsRun;
    faults += outcome.plan.faults.length;
    traces.push(outcome.trace);
    for (const name of outcome.sometimes) sometimes[name] = (sometimes[name] ?? 0) + 1;
    if (outcome.violations.length === 0) continue;
    const shrunk = shrinkStreams(outcome);
    broken.push({ seed, violations: shrunk.violations, shrunk: shrunk.plan });
  }
  return { first, seeds: count, broken, eventsRun, faults, sometimes, traces };
}
