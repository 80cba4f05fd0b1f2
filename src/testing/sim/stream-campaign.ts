/** Many worlds of streams on all cores. The result depends on the seeds alone. */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { StreamPlan } from "./stream-plan.ts";
import type { StreamViolation } from "./stream-simulate.ts";

export interface BrokenStreamSeed {
  readonly seed: number;
  readonly violations: readonly StreamViolation[];
  /** The plan with only the faults that matter. */
  readonly shrunk: StreamPlan;
}

/** What a worker says after each range. */
export interface StreamRangeReport {
  readonly first: number;
  readonly seeds: number;
  readonly faults: number;
  readonly eventsRun: number;
  readonly broken: readonly BrokenStreamSeed[];
  /** Faults and ends that were reached, by the number of seeds that did. */
  readonly sometimes: Readonly<Record<string, number>>;
  readonly traces: readonly string[];
}

export interface StreamCampaignResult extends Omit<StreamRangeReport, "first" | "traces"> {
  /** Hash over the traces of all seeds, in order. */
  readonly trace: string;
}

const RANGE = 10;

/**
 * Runs seeds `first` to `first + count - 1` on `jobs` threads.
 * @throws what a worker died of.
 */
export async function runStreamCampaign(options: {
  readonly first: number;
  readonly count: number;
  readonly jobs: number;
  readonly onProgress: (done: number, broken: number) => void;
}): Promise<StreamCampaignResult> {
  const { first, count, jobs, onProgress } = options;
  const reports: StreamRangeReport[] = [];
  let next = first;
  let done = 0;
  let broken = 0;
  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./stream-worker.ts", import.meta.url));
      const feed = (): void => {
        if (next >= first + count) {
          void worker.terminate().then(() => resolve(), reject);
          return;
        }
        const range = { first: next, count: Math.min(RANGE, first + count - next) };
        next += range.count;
        worker.postMessage(range);
      };
      worker.on("message", (report: StreamRangeReport) => {
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

function addUp(reports: StreamRangeReport[]): StreamCampaignResult {
  reports.sort((a, b) => a.first - b.first);
  const sometimes: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, seen] of Object.entries(report.sometimes)) {
      sometimes[name] = (sometimes[name] ?? 0) + seen;
    }
  }
  const sum = (pick: (report: StreamRangeReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const traces = reports.flatMap((report) => report.traces).join("\n");
  return {
    seeds: sum((report) => report.seeds),
    faults: sum((report) => report.faults),
    eventsRun: sum((report) => report.eventsRun),
    broken: reports.flatMap((report) => report.broken),
    sometimes,
    trace: createHash("sha256").update(traces).digest("hex").slice(0, 16),
  };
}
