/**
 * Work that is one hub's at a time, however many there are. Unset, where it is asked for, in a hub
 * of its own; whose it is among several is cluster/job-holder.ts.
 */
export interface SoleJob {
  /** True while it is this hub's: asked before each piece of it. @throws as the store does */
  take(): Promise<boolean>;
  /** Another may have it. */
  end(): Promise<void>;
}
