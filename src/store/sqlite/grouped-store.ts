/**
 * A SQLite file that keeps the facts of one turn of the event loop together: one transaction and
 * one flush of the disk for all of them, where each alone held up the loop for its own. A fact is
 * applied at once and kept at the end of the turn, as with the store that several hubs share.
 */
import type { Clock } from "../../base/clock.ts";
import type { SandboxCost } from "../cost.ts";
import type { Fact, SessionEvent, SessionRecord } from "../facts.ts";
import { Journal, type Verdict, type Write } from "../journal.ts";
import type { Appended, AsleepSessions, EventQuery, Store } from "../store.ts";
import type { SqliteStore } from "./sqlite-store.ts";

export class GroupedSqliteStore implements Store {
  readonly #file: SqliteStore;
  readonly #journal: Journal;
  /** Of sessions that are made and not kept yet. */
  readonly #newNames = new Set<string>();

  constructor(file: SqliteStore, clock: Clock) {
    this.#file = file;
    const keep = (_: number, batch: readonly Write[]) =>
      Promise.resolve().then(() => this.#keep(batch));
    this.#journal = new Journal({ keep }, clock, setImmediate);
  }

  load(): Iterable<SessionRecord> {
    return this.#file.sessions.awake();
  }

  get asleep(): AsleepSessions {
    return this.#file.sessions;
  }

  create(record: SessionRecord, fact: Fact): Appended | null {
    if (this.#newNames.has(record.name) || this.#file.sessions.isNamed(record.name)) return null;
    const appended = this.#journal.append(record, fact, true);
    this.#newNames.add(record.name);
    return appended;
  }

  append(record: SessionRecord, fact: Fact): Appended {
    return this.#journal.append(record, fact, false);
  }

  settled(sessionId: string): Promise<void> | null {
    return this.#journal.settled(sessionId);
  }

  find(sessionId: string): SessionRecord | null {
    return this.#file.find(sessionId);
  }

  book(kind: string, ms: number): void {
    this.#file.book(kind, ms);
  }

  booked(): ReturnType<Store["booked"]> {
    return this.#file.booked();
  }

  endedCost(): SandboxCost | null {
    return this.#file.endedCost();
  }

  events(query: EventQuery): readonly SessionEvent[] {
    return this.#file.events(query);
  }

  check(): void {
    if (this.#journal.trouble !== null) throw this.#journal.trouble;
    this.#file.check();
  }

  /** Keeps what waits, if the disk takes it. */
  async close(): Promise<void> {
    await this.#journal.close();
    this.#file.close();
  }

  /** One transaction for all: what the disk refuses now is offered again, in the same order. */
  #keep(batch: readonly Write[]): ReadonlyMap<string, Verdict> {
    const seqs = this.#file.keep(batch.flatMap(({ facts }) => facts));
    let at = 0;
    return new Map(
      batch.map(({ session, facts, fresh }) => {
        if (fresh) for (const { record } of facts) this.#newNames.delete(record.name);
        return [session, { kept: true, seqs: seqs.slice(at, (at += facts.length)) }];
      }),
    );
  }
}
