/** What is told of the hubs of a cluster, as the last good beat of this one saw them. */
import type { DrainView } from "./drain.ts";
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
  /** Null while it serves; else no balancer should send anybody here. */
  readonly drain: DrainView | null;
  /** What is left of this hub's lease, ms; 0 means that it must not act. */
  readonly leaseMs: number;
  readonly hubs: readonly HubOfCluster[];
}

/** What is counted, for those who watch many hubs. */
export interface ClusterNumbers {
  /** As its last good beat saw them, itself included. */
  readonly hubs: Readonly<Record<HubRow["state"], number>>;
  readonly leaseMs: number;
  /** Other hubs that died in this one's life. */
  readonly deaths: number;
  /** Sessions that it took, and that it gave back or lost. */
  readonly claims: number;
  readonly releases: number;
  /** Requests and links that it joined to the hub that has their session, and those still open. */
  readonly splices: number;
  readonly splicesOpen: number;
  /** Waiting until somebody can tell who has their session. */
  readonly parked: number;
}

export function viewOf(members: Membership, drain: DrainView | null): ClusterView {
  const hubs = members.hubs.map(({ inc, name, state, version, advertise, started }) => ({
    id: inc,
    name,
    self: inc === members.inc,
    state,
    version,
    advertise,
    startedAt: new Date(started).toISOString(),
  }));
  return { drain, leaseMs: Math.round(members.leaseMs), hubs };
}
