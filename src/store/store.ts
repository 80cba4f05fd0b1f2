/** The port to whatever keeps facts. When `append` returns, the fact survives kill -9. */
import type { SandboxCost } from "./cost.ts";
import type { Fact, SessionEvent, SessionRecord } from "./facts.ts";

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

export interface Store {
  /** Every session that is not gone for good, oldest first. */
  load(): readonly SessionRecord[];
  /**
   * Keeps a new session with its first fact. A name that a living session has is refused:
   * null is returned and nothing is written.
   */
  create(record: SessionRecord, fact: Fact): { record: SessionRecord; event: SessionEvent } | null;
  /**
   * Applies one fact and keeps record and event in one transaction.
   * @throws HubError StoreRefuses when it cannot be kept; nothing of it is then.
   */
  append(record: SessionRecord, fact: Fact): { record: SessionRecord; event: SessionEvent };
  /** Any session that this store ever had, removed ones included. */
  find(sessionId: string): SessionRecord | null;
  /** Adds the time of one sandbox that belonged to no session; durable when it returns. */
  book(kind: string, ms: number): void;
  /** What was booked, by kind. */
  booked(): Readonly<Partial<Record<string, { readonly ms: number; readonly count: number }>>>;
  /** The sum over all sessions that are gone; null when there is none. */
  endedCost(): SandboxCost | null;
  events(query: EventQuery): readonly SessionEvent[];
  /** Keeps nothing. @throws HubError StoreRefuses when nothing could be kept now. */
  check(): void;
  close(): void;
}
