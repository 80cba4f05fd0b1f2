/**
 * Facts on their way to an engine that cannot keep them in the same turn. A fact is applied at once
 * and kept soon: one batch is under way at a time, and whatever comes meanwhile goes with the next.
 * Owns the order, what waits, and the trouble of an engine that does not answer. How a batch is
 * kept, and who owns a session, is the engine's.
 */
import type { Clock } from "../base/clock.ts";
import { HubError, toHubError } from "../base/hub-error.ts";
import { applyFact, eventOf, type Fact, type SessionEvent, type SessionRecord } from "./facts.ts";
import type { Appended } from "./store.ts";

/** What one session is to keep with a batch. */
export interface Write {
  readonly session: string;
  /** The engine has no row of it yet. */
  readonly fresh: boolean;
  /** In order, each with the record after it. */
  readonly facts: readonly { readonly fact: Fact; readonly record: SessionRecord }[];
}

/** Numbers of the facts in order, or why nothing of this session was kept. */
export type Verdict =
  | { readonly kept: true; readonly seqs: readonly number[] }
  | { readonly kept: false; readonly error: HubError };

export interface Keeper {
  /**
   * Keeps a batch in one transaction; each session is judged for itself. Asked again with the same
   * number it answers as before, and keeps nothing twice. Rejects when it is not known what became
   * of it: then it is asked again.
   */
  keep(number: number, batch: readonly Write[]): Promise<ReadonlyMap<string, Verdict>>;
}

interface Entry {
  readonly fresh: boolean;
  readonly facts: {
    readonly fact: Fact;
    readonly record: SessionRecord;
    readonly tell: (event: SessionEvent) => void;
  }[];
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: HubError) => void;
}

type Batch = Map<string, Entry>;

/** Runs the work once the facts that belong together are there. */
type Gather = (work: () => void) => void;

/** An engine that is away is asked again this soon. */
const RETRY_MS = 250;

export class Journal {
  readonly #keeper: Keeper;
  readonly #clock: Clock;
  readonly #gather: Gather;
  #gathering: Batch = new Map();
  /** What is being kept, or is to be offered again. */
  #flying: Batch | null = null;
  #number = 0;
  #trouble: HubError | null = null;
  /** Sessions that this journal may not write to any more, and why. */
  readonly #lost = new Map<string, HubError>();
  #closed = false;
  #timer: unknown = null;

  /** `gather` is the end of this turn's promises unless told otherwise. */
  constructor(keeper: Keeper, clock: Clock, gather: Gather = queueMicrotask) {
    this.#keeper = keeper;
    this.#clock = clock;
    this.#gather = gather;
  }

  /** Why the engine keeps nothing now; null while it does. */
  get trouble(): HubError | null {
    return this.#trouble;
  }

  /** @throws HubError StoreRefuses, or why the session was lost */
  append(record: SessionRecord, fact: Fact, fresh: boolean): Appended {
    const next = applyFact(record, fact);
    const lost = this.#lost.get(record.id) ?? this.#trouble;
    if (lost !== null) throw lost;
    if (this.#closed) throw new HubError("StoreRefuses", "the store is closed");
    const entry = this.#entryOf(record.id, fresh);
    const event = new Promise<SessionEvent>((tell, fail) => {
      entry.facts.push({ fact, record: next, tell });
      entry.done.catch(fail);
    });
    // The one who appended is told; nobody else has to listen.
    event.catch(() => undefined);
    return { record: next, event };
  }

  settled(sessionId: string): Promise<void> | null {
    const entry = this.#gathering.get(sessionId) ?? this.#flying?.get(sessionId);
    return entry?.done ?? null;
  }

  /** The engine gave the session to this hub, whatever was before. */
  adopt(sessionId: string): void {
    this.#lost.delete(sessionId);
  }

  /** The session is another's: what is on its way is refused, and what would follow. */
  drop(sessionId: string, error: HubError): void {
    this.#lost.set(sessionId, error);
    this.#gathering.get(sessionId)?.reject(error);
    this.#gathering.delete(sessionId);
  }

  /** Keeps what is on its way, if the engine answers, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#flying?.size === 0) this.#fly();
    while (this.#flying !== null && this.#trouble === null) await this.#idle(this.#flying);
    this.#clock.clearTimeout(this.#timer);
  }

  async #idle(batch: Batch): Promise<void> {
    await Promise.allSettled([...batch.values()].map(({ done }) => done));
    await Promise.resolve();
  }

  #entryOf(session: string, fresh: boolean): Entry {
    const known = this.#gathering.get(session);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    // Whoever waits for it hears of it; a refusal that nobody waits for is told by the events.
    promise.catch(() => undefined);
    const entry: Entry = {
      fresh,
      facts: [],
      done: promise,
      resolve: () => {
        resolve(undefined);
      },
      reject,
    };
    this.#gathering.set(session, entry);
    if (this.#flying === null) {
      this.#flying = new Map();
      this.#gather(() => {
        if (this.#flying?.size === 0) this.#fly();
      });
    }
    return entry;
  }

  #fly(): void {
    this.#flying = this.#gathering;
    this.#gathering = new Map();
    this.#number += 1;
    void this.#keep(this.#flying);
  }

  async #keep(batch: Batch): Promise<void> {
    const writes = [...batch].map(([session, { fresh, facts }]) => ({ session, fresh, facts }));
    try {
      const verdicts = await this.#keeper.keep(this.#number, writes);
      this.#trouble = null;
      for (const [session, entry] of batch) this.#tell(session, entry, verdicts.get(session));
    } catch (error) {
      this.#trouble = refusalOf(toHubError(error));
      this.#timer = this.#clock.setTimeout(() => void this.#keep(batch), RETRY_MS);
      return;
    }
    this.#flying = null;
    if (this.#gathering.size > 0) this.#fly();
  }

  #tell(session: string, entry: Entry, verdict: Verdict | undefined): void {
    if (verdict?.kept === true) {
      for (const [at, { fact, record, tell }] of entry.facts.entries()) {
        tell(eventOf(verdict.seqs[at] ?? 0, record, fact));
      }
      entry.resolve();
      return;
    }
    const error = verdict?.error ?? new HubError("Internal", `no word of session ${session}`);
    entry.reject(error);
    this.drop(session, error);
  }
}

function refusalOf(error: HubError): HubError {
  if (error.code === "StoreRefuses") return error;
  const said = `the store takes no facts: ${error.message}`;
  return new HubError("StoreRefuses", said, { cause: error });
}
