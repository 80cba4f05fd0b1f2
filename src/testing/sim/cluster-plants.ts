/** Mistakes that a campaign of simulated clusters must find when they are planted. */
export const clusterPlants = [
  "claim-without-compare",
  "wall-clock-lease",
  "beat-shared-with-queries",
  "epoch-reuse-after-failover",
  "drain-stops-beating",
  "end-right-after-claim",
  "job-without-compare",
  "job-without-lease",
  "refused-is-anothers",
  "dead-by-its-line-alone",
  "cut-off-acts-on",
] as const;
export type ClusterPlant = (typeof clusterPlants)[number];
