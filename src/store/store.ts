/**
 * The port to whatever keeps facts. `append` applies a fact in the same turn. A store of one hub
 * has kept it when it returns; one that several hubs share keeps it soon, and says when: nothing
 * that rests on a fact leaves the hub before (docs/decisions/0801).
 */
import type { SandboxCost } from "./cost.ts";
import type { Fact, SessionEvent, SessionRecord } from "./facts.ts";
import type { Soon } from "./soon.ts";

export interface EventQuery {
  /** Only events with a higher sequence number. */
  readonly after: number;
  /** Only events with a lower sequence number. */
  readonly before?: number;
  readonly session?: string;
  readonly limit: number;
  /** The newest `limit` instead of the oldest; still in ascending order. */
  readonly newest?: boolean;
}

export interface Appended {
  /** The record after the fact. */
  readonly record: SessionRecord;
  /**
   * There once the fact is kept.
   * @throws HubError SessionMoved when the session is another hub's, SessionNameTaken when a
   * session that was new is not wanted under its name.
   */
  readonly event: Soon<SessionEvent>;
}

/**
 * Sessions that are likely paused, with nothing to do until somebody asks for them. One that is not
 * is told by its record.
 */
export interface AsleepSessions {
  /** All as they are when their page is read. @throws HubError StoreCorrupt */
  pages(): Iterable<readonly SessionRecord[]>;
  /** By id or full name, also one that is awake. @throws HubError StoreCorrupt */
  known(idOrName: string): SessionRecord | null;
  /** Ids of those with this sandbox, also of one that is awake. */
  ownersOf(sandboxId: string): readonly string[];
}

export interface Store {
  /**
   * Every session of this hub that is not gone for good, oldest first, but for those `asleep`; an
   * engine may read them as they are taken, so nothing is written before the last was.
   */
  load(): Soon<Iterable<SessionRecord>>;
  /** Unset where `load` has all. */
  readonly asleep?: AsleepSessions;
  /**
   * Keeps a new session with its first fact. A name that a living session is known to have is
   * refused: null is returned and nothing is written.
   */
  create(record: SessionRecord, fact: Fact): Appended | null;
  /**
   * Applies one fact and keeps record and event in one transaction.
   * @throws HubError StoreRefuses when it cannot be kept; nothing of it is then.
   */
  append(record: SessionRecord, fact: Fact): Appended;
  /**
   * Null when all that was appended to the session is kept; else there once it is, and rejected
   * with what `Appended.event` is when it never will be.
   */
  settled(sessionId: string): Promise<void> | null;
  /** Any session that this store ever had, removed ones included. */
  find(sessionId: string): Soon<SessionRecord | null>;
  /** Adds the time of one sandbox that belonged to no session. */
  book(kind: string, ms: number): void;
  /** What was booked, by kind. */
  booked(): Readonly<Partial<Record<string, { readonly ms: number; readonly count: number }>>>;
  /** The sum over all sessions that are gone; null when there is none. */
  endedCost(): SandboxCost | null;
  events(query: EventQuery): Soon<readonly SessionEvent[]>;
  /** Keeps nothing. @throws HubError StoreRefuses when nothing could be kept now. */
  check(): void;
  close(): Soon<void>;
}
