/** Many worlds of streams on all cores. */
import { runRanges, type CampaignOptions, type RangeTotals } from "./seed-ranges.ts";
import type { StreamPlan } from "./stream-plan.ts";
import type { StreamViolation } from "./stream-simulate.ts";

export interface BrokenStreamSeed {
  readonly seed: number;
  readonly violations: readonly StreamViolation[];
  /** The plan with only the faults that matter. */
  readonly shrunk: StreamPlan;
}

export type StreamCampaignResult = RangeTotals<BrokenStreamSeed>;

/** The worker beside this file, which is TypeScript in a checkout and not in a package. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./stream-worker.ts" : "./stream-worker.js",
  import.meta.url,
);

const RANGE = 10;

/**
 * Runs seeds `first` to `first + count - 1` on `jobs` threads, or fewer when `stop` is aborted.
 * @throws what a worker died of.
 */
export function runStreamCampaign(
  options: CampaignOptions<BrokenStreamSeed>,
): Promise<StreamCampaignResult> {
  return runRanges(WORKER, RANGE, options);
}
