/** Many worlds on all cores, what broke in them, and what they should have shown and did not. */
import type { Plan } from "./faults.ts";
import type { Violation } from "./invariants/check.ts";
import { runRanges, type CampaignOptions, type RangeTotals } from "./seed-ranges.ts";
import { gapsOf, SEEDS_TO_SEE_ALL } from "./sometimes.ts";

export interface BrokenSeed {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** The plan with only the faults that matter. */
  readonly shrunk: Plan;
}

export interface CampaignResult extends RangeTotals<BrokenSeed> {
  /** What a campaign of this size should have reached and did not, in sentences. */
  readonly gaps: readonly string[];
}

/** The worker beside this file, which is TypeScript in a checkout and not in a package. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "./campaign-worker.ts" : "./campaign-worker.js",
  import.meta.url,
);

/** Small enough for a moving progress line, large enough to keep workers busy. */
const RANGE = 25;

/**
 * Runs seeds `first` to `first + count - 1` on `jobs` threads, or fewer when `stop` is aborted.
 * @throws what a worker died of.
 */
export async function runCampaign(options: CampaignOptions<BrokenSeed>): Promise<CampaignResult> {
  const totals = await runRanges<BrokenSeed>(WORKER, RANGE, options);
  const gaps = totals.seeds < SEEDS_TO_SEE_ALL ? [] : gapsOf(totals.sometimes);
  return { ...totals, gaps };
}
