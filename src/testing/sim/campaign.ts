/**
 * Many seeds on all cores: hands ranges to workers, adds up what they saw, and shrinks what broke.
 * The result depends on the seeds alone, not on how they were split.
 */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { Plan } from "./faults.ts";
import { gapsOf, SEEDS_TO_SEE_ALL } from "./sometimes.ts";
import type { Violation } from "./invariants/check.ts";

export interface BrokenSeed {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The plan with only the faults that matter. */
  readonly shrunk: Plan;
}

export interface CampaignResult {
  readonly seeds: number;
  readonly broken: readonly BrokenSeed[];
  readonly eventsRun: number;
  readonly faults: number;
  /** States, facts and faults that were reached, by the number of seeds that did. */
  readonly sometimes: Readonly<Record<string, number>>;
  /** What a campaign of this size should have reached and did not, in sentences. */
  readonly gaps: readonly string[];
  /** Hash over the traces of all seeds, in order. */
  readonly trace: string;
}

/** What a worker says after each range. */
export interface RangeReport extends Omit<CampaignResult, "trace" | "gaps"> {
  readonly first: number;
  readonly traces: readonly string[];
}

/** The worker beside this file, which is TypeScript in a checkout and not in a package. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./campaign-worker.ts" : "./campaign-worker.js",
  import.meta.url,
);

/** Small enough for a moving progress line, large enough to keep workers busy. */
const RANGE = 25;

/**
 * Runs seeds `first` to `first + count - 1` on `jobs` threads.
 * @throws what a worker died of.
 */
export async function runCampaign(options: {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  readonly onProgress: (done: number, broken: number) => void;
}): Promise<CampaignResult> {
  const { first, count, jobs, onProgress } = options;
  const reports: RangeReport[] = [];
  let next = first;
  let done = 0;
  let broken = 0;
  const takeRange = (): { first: number; count: number } | null => {
    if (next >= first + count) return null;
    const range = { first: next, count: Math.min(RANGE, first + count - next) };
    next += range.count;
    return range;
  };
  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(WORKER);
      const feed = (): void => {
        const range = takeRange();
        if (range !== null) worker.postMessage(range);
        else void worker.terminate().then(() => resolve(), reject);
      };
      worker.on("message", (report: RangeReport) => {
        reports.push(report);
        done += report.seeds;
        broken += report.broken.length;
        onProgress(done, broken);
        feed();
      });
      worker.on("error", reject);
      feed();
    });
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, runWorker));
  return addUp(reports);
}

function addUp(reports: RangeReport[]): CampaignResult {
  reports.sort((a, b) => a.first - b.first);
  const sometimes: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, seen] of Object.entries(report.sometimes)) {
      sometimes[name] = (sometimes[name] ?? 0) + seen;
    }
  }
  const sum = (pick: (report: RangeReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const seeds = sum((report) => report.seeds);
  const traces = reports.flatMap((report) => report.traces).join("\n");
  return {
    seeds,
    broken: reports.flatMap((report) => report.broken),
    eventsRun: sum((report) => report.eventsRun),
    faults: sum((report) => report.faults),
    sometimes,
    gaps: seeds < SEEDS_TO_SEE_ALL ? [] : gapsOf(sometimes),
    trace: createHash("sha256").update(traces).digest("hex").slice(0, 16),
  };
}
