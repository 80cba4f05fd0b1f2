/**
 * What one life of a hub sees of a store that keeps facts later, as one that several hubs share
 * does: the hub's own journal over the world's disk. A commit takes its time there and back, its
 * answer may get lost although it was made, and one that is still on its way when its hub dies
 * arrives all the same, and finds that the disk is another's.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type { Fact, SessionRecord } from "../../store/facts.ts";
import { Journal, type Verdict, type Write } from "../../store/journal.ts";
import type { Appended, EventQuery, Store } from "../../store/store.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Of the answers of commits. */
const LOST_SHARE = 0.03;

export interface LateStoreOptions {
  readonly disk: MemoryStore;
  /** The hub's. */
  readonly clock: Clock;
  readonly random: Random;
  /** Runs what happens at the store, whether the hub lives or not. */
  readonly at: (delayMs: number, run: () => void) => void;
  /** Of one commit, there and back. */
  readonly lateMs: number;
}

export class LateStore implements Store {
  readonly #options: LateStoreOptions;
  readonly #journal: Journal;
  readonly #answers = new Map<number, ReadonlyMap<string, Verdict>>();

  constructor(options: LateStoreOptions) {
    this.#options = options;
    this.#journal = new Journal(
      { keep: (number, batch) => this.#keep(number, batch) },
      options.clock,
    );
    // Whoever wrote before is superseded from now on.
    options.disk.writer = this;
  }

  load(): readonly SessionRecord[] {
    return this.#options.disk.load();
  }

  create(record: SessionRecord, fact: Fact): Appended | null {
    const { disk } = this.#options;
    if (disk.load().some(({ name }) => name === record.name)) return null;
    return this.#append(record, fact, true);
  }

  append(record: SessionRecord, fact: Fact): Appended {
    return this.#append(record, fact, false);
  }

  settled(sessionId: string): Promise<void> | null {
    return this.#journal.settled(sessionId);
  }

  find(sessionId: string): SessionRecord | null {
    return this.#options.disk.find(sessionId);
  }

  book(kind: string, ms: number): void {
    this.#options.disk.book(kind, ms);
  }

  booked(): ReturnType<Store["booked"]> {
    return this.#options.disk.booked();
  }

  endedCost(): ReturnType<Store["endedCost"]> {
    return this.#options.disk.endedCost();
  }

  events(query: EventQuery): ReturnType<MemoryStore["events"]> {
    return this.#options.disk.events(query);
  }

  check(): void {
    if (this.#journal.trouble !== null) throw this.#journal.trouble;
  }

  close(): Promise<void> {
    return this.#journal.close();
  }

  #append(record: SessionRecord, fact: Fact, fresh: boolean): Appended {
    if (this.#journal.trouble !== null) this.#options.disk.onRefused(record.id);
    const appended = this.#journal.append(record, fact, fresh);
    this.#options.disk.onDecided(record, appended.record);
    return appended;
  }

  #keep(number: number, batch: readonly Write[]): Promise<ReadonlyMap<string, Verdict>> {
    const { at, clock, random, lateMs } = this.#options;
    return new Promise((done, fail) => {
      at(lateMs / 2, () => {
        const answer = this.#commit(number, batch);
        const lost = answer === null || random.next() < LOST_SHARE;
        clock.setTimeout(() => {
          if (lost) fail(new HubError("StoreUnreachable", "the store does not answer"));
          else done(answer);
        }, lateMs / 2);
      });
    });
  }

  /** Null when the disk takes nothing now. */
  #commit(number: number, batch: readonly Write[]): ReadonlyMap<string, Verdict> | null {
    const { disk } = this.#options;
    const known = this.#answers.get(number);
    if (known !== undefined) return known;
    const answer = new Map<string, Verdict>();
    if (disk.writer !== this) {
      const error = new HubError("SessionMoved", "another hub has the store");
      for (const { session } of batch) answer.set(session, { kept: false, error });
      return answer;
    }
    if (disk.refuses) return null;
    for (const { session, facts } of batch) {
      const seqs = facts.map(({ fact, record }) => disk.put(record, fact).seq);
      answer.set(session, { kept: true, seqs });
    }
    this.#answers.set(number, answer);
    return answer;
  }
}
