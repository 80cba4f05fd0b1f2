/** A thread of a campaign: runs the ranges it is given and shrinks what breaks. */
import type { BrokenSeed } from "./campaign.ts";
import { serveRanges } from "./seed-ranges.ts";
import { runSeed, shrink } from "./simulate.ts";

// Calls are refused by the thousand, nobody reads where, and a stack is a tenth of the time.
Error.stackTraceLimit = 0;

serveRanges(runSeed, (seed, broken): BrokenSeed => {
  const { violations, plan } = shrink(broken);
  return { seed, violations, shrunk: plan };
});
