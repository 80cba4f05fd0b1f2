/**
 * `holdfast/testing`: whole Holdfast worlds in one process, for whoever wants to know what the hub
 * does when things break. The session machine, judge, ladder, switchboard and links are the
 * product's own; platform, network, drivers, disk and time are simulated, and every run repeats by
 * its seed. See docs/SIMULATE.md.
 */
export { simulate, replay, planForSeed } from "./sim/entry.ts";
export { FAULT_KINDS, type Fault, type FaultKind, type Plan } from "./sim/faults.ts";
export type { Violation } from "./sim/invariants/check.ts";
export type { Outcome } from "./sim/simulate.ts";
export { runCampaign, type BrokenSeed, type CampaignResult } from "./sim/campaign.ts";
export { readReplay, seedFileName, seedFileText, type KeptSeed } from "./sim/seed-file.ts";
/** For worlds of one's own: what `replay` puts together, piece by piece. */
export { Watcher } from "./sim/invariants/watcher.ts";
export type { Check, Stand } from "./sim/invariants/check.ts";
export { SimPlatform } from "./sim/platform.ts";
export { World } from "./sim/world.ts";
