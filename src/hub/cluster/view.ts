/** What is told of the hubs of a cluster, as the last good beat of this one saw them. */
import type { HubRow } from "./roll-book.ts";
import type { Membership } from "./membership.ts";

export interface HubOfCluster {
  readonly id: string;
  readonly name: string;
  readonly self: boolean;
  readonly state: HubRow["state"];
  readonly version: string;
  /** Where other hubs reach it; empty when they do not. */
  readonly advertise: string;
  readonly startedAt: string;
}

export interface ClusterView {
  /** It gives its sessions back: no balancer should send anybody here. */
  readonly isDraining: boolean;
  /** What is left of this hub's lease, ms; 0 means that it must not act. */
  readonly leaseMs: number;
  readonly hubs: readonly HubOfCluster[];
}

export function viewOf(members: Membership, isDraining: boolean): ClusterView {
  const hubs = members.hubs.map(({ inc, name, state, version, advertise, started }) => ({
    id: inc,
    name,
    self: inc === members.inc,
    state,
    version,
    advertise,
    startedAt: new Date(started).toISOString(),
  }));
  return { isDraining, leaseMs: Math.round(members.leaseMs), hubs };
}
