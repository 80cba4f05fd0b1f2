/** Whom a hub shares its sessions with: nobody, or the others on its PostgreSQL. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Seen } from "../auth/principal.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { Store } from "../../store/store.ts";
import type { Sessions } from "../sessions.ts";
import { Cluster } from "./cluster.ts";
import { LEASE_TTL_MS } from "./membership.ts";
import type { ClusterSeat } from "./open-cluster.ts";
import type { Household } from "./ownership.ts";
import type { Roster } from "./roster.ts";
import type { ClusterNumbers, ClusterView } from "./view.ts";

/** A line to another hub, on which it waits for a request. */
export interface Way {
  /** The hub's name, for people. */
  readonly to: string;
  readonly peer: Socket;
}

/** The way to sessions that other hubs have. */
export interface Elsewhere {
  /** False for a hub of its own, which asks nobody. */
  readonly isShared: boolean;
  /** All sessions of all hubs; null for a hub of its own. */
  readonly roster: Roster | null;
  /** It was let in by another hub, and is passed on to no third. */
  isPeer(request: IncomingMessage): boolean;
  /**
   * The way to the hub that has the session; null when it is here, or nowhere. A driver brings it
   * here when it is nobody's. Waits for as long as a death takes while nobody can tell, or the hub
   * that is said to have it does not answer. @throws HubError SessionMoved
   */
  reach(session: string, isDriver: boolean): Promise<Way | null>;
  /** What the session of this id or full name is; null when there is none of no hub. */
  place(session: string): Promise<Seen | null>;
  /** The session that was made under this request key; null when there is none of no hub. */
  made(requestKey: string): Promise<Seen | null>;
  /** Why a session that is not here is not here: another has it; null when there is none. */
  explain(session: string): Promise<(Seen & { readonly error: HubError }) | null>;
}

export interface Company extends Elsewhere {
  /** There when others declared this hub dead and have its sessions: it must end. */
  readonly superseded: Promise<void>;
  /** Null for a hub of its own, as `numbers`. */
  readonly view: ClusterView | null;
  readonly numbers: ClusterNumbers | null;
  /**
   * After it can be reached, before it serves; what other hubs pass on is answered by `http`.
   * @throws HubError StoreUnreachable
   */
  join(http: Server): Promise<void>;
  /**
   * Gives all sessions back and goes on without any, as `view` tells. Asked again it goes on.
   * @throws HubError StateConflict when nobody is there to take them.
   */
  beginDrain(): void;
  /** Gives all sessions back, while it still serves; what takes too long is left to the others. */
  drain(): Promise<void>;
  /** The last of all: the store is closed behind it. */
  leave(): Promise<void>;
}

export function openCompany(
  { seat, store }: { readonly seat: ClusterSeat | null; readonly store: Store },
  sessions: Sessions,
  log: Logger,
): Company {
  if (seat === null) return alone(store);
  const household = householdOf(sessions, store);
  const cluster = new Cluster({ seat, household, clock: systemClock, log });
  sessions.onLost = () => cluster.doubt();
  return cluster;
}

/** What a hub among others does with its sessions. */
export function householdOf(sessions: Sessions, store: Store): Household<SessionRecord> {
  return {
    has: (idOrName) => sessions.known(idOrName) !== undefined,
    // One that is being made is not the store's yet: it may not be let go for that.
    owned: () => sessions.ids.filter((id) => store.settled(id) === null),
    adopt: (record) => sessions.adopt(record, LEASE_TTL_MS),
    let: sessions.let.bind(sessions),
    isCrowded: () => sessions.isCrowded,
  };
}

/** @throws HubError StateConflict always: nobody is there to take anything. */
export function drainAlone(): never {
  throw new HubError("StateConflict", "this hub shares its sessions with no other", {
    hint: "Stop it with `holdfast down`: sessions are kept, and go on with the next start.",
  });
}

function alone(store: Store): Company {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    superseded: new Promise(() => undefined),
    view: null,
    numbers: null,
    isShared: false,
    roster: null,
    isPeer: () => false,
    reach: () => Promise.resolve(null),
    place: () => Promise.resolve(null),
    made: () => Promise.resolve(null),
    explain: () => Promise.resolve(null),
    join: nothing,
    beginDrain: drainAlone,
    drain: nothing,
    leave: async () => store.close(),
  };
}
