/** A thread of a campaign over streams: runs the ranges it is given and shrinks what breaks. */
import { serveRanges } from "./seed-ranges.ts";
import type { BrokenStreamSeed } from "./stream-campaign.ts";
import { runStreamSeed, shrinkStreams } from "./stream-simulate.ts";

serveRanges(runStreamSeed, (seed, broken): BrokenStreamSeed => {
  const { violations, plan } = shrinkStreams(broken);
  return { seed, violations, shrunk: plan };
});
