/** A store in memory with the durability of the real one: what `append` returned is kept. */
import { HubError } from "../../base/hub-error.ts";
import { addCosts, noCost, type SandboxCost } from "../../store/cost.ts";
import {
  applyFact,
  eventOf,
  type SessionEvent,
  type SessionRecord,
  type Fact,
} from "../../store/facts.ts";
import {
  isDoomed,
  outcomeKinds,
  TRIMMED,
  trimmedOf,
  type Shelved,
  type TimelineShelf,
  type TrimLaw,
} from "../../store/retention.ts";
import type { Appended, EventQuery, Store } from "../../store/store.ts";

type Kept = Appended & { readonly event: SessionEvent };

export class MemoryStore implements Store, TimelineShelf {
  readonly #records = new Map<string, SessionRecord>();
  #events: SessionEvent[] = [];
  #seq = 0;
  readonly #booked: Record<string, { ms: number; count: number }> = {};

  /** The journal that may write here, where hubs have one; none is kept for ever. */
  writer: object | null = null;
  /** A disk that is full: nothing can be kept while this is so. */
  refuses = false;
  /** Set by who watches: a fact was not kept. */
  onRefused: (session: string) => void = () => undefined;

  /** Set by who watches: a hub applied a fact, which a late store keeps only some time after. */
  onDecided: (before: SessionRecord, next: SessionRecord) => void = () => undefined;

  /** Set by who watches: told of each fact once it is kept. */
  onAppend: (before: SessionRecord | null, record: SessionRecord, event: SessionEvent) => void =
    () => undefined;

  load(): readonly SessionRecord[] {
    return [...this.#records.values()].filter((record) => record.detail !== "ended.gone");
  }

  create(record: SessionRecord, fact: Fact): Kept | null {
    if (this.load().some((living) => living.name === record.name)) return null;
    return this.append(record, fact);
  }

  append(record: SessionRecord, fact: Fact): Kept {
    const next = applyFact(record, fact);
    if (this.refuses) this.onRefused(next.id);
    this.check();
    this.onDecided(record, next);
    return { record: next, event: this.put(next, fact) };
  }

  /** Keeps a fact and the record that it made. */
  put(next: SessionRecord, fact: Fact): SessionEvent {
    const before = this.#records.get(next.id) ?? null;
    this.#records.set(next.id, next);
    const event = eventOf(++this.#seq, next, fact);
    this.#events.push(event);
    this.onAppend(before, next, event);
    return event;
  }

  settled(): null {
    return null;
  }

  find(sessionId: string): SessionRecord | null {
    return this.#records.get(sessionId) ?? null;
  }

  check(): void {
    if (this.refuses) throw new HubError("StoreRefuses", "the store takes no facts: disk is full");
  }

  book(kind: string, ms: number): void {
    this.check();
    const before = this.#booked[kind] ?? { ms: 0, count: 0 };
    this.#booked[kind] = { ms: before.ms + ms, count: before.count + 1 };
  }

  booked(): ReturnType<Store["booked"]> {
    return { ...this.#booked };
  }

  endedCost(): SandboxCost | null {
    const gone = [...this.#records.values()].filter(({ detail }) => detail === "ended.gone");
    if (gone.length === 0) return null;
    return gone.reduce((sum, { cost }) => addCosts(sum, cost), noCost(0));
  }

  events(query: EventQuery): readonly SessionEvent[] {
    const found = this.#events.filter(
      (event) =>
        event.seq > query.after &&
        event.seq < (query.before ?? Infinity) &&
        (query.session === undefined || event.session === query.session),
    );
    return query.newest === true ? found.slice(-query.limit) : found.slice(0, query.limit);
  }

  shelved(after: number, limit: number): readonly Shelved[] {
    const all = [...this.#records.keys()].map((id, at) => ({ place: at + 1, id }));
    return all.filter(({ place }) => place > after).slice(0, limit);
  }

  trim(session: string, law: TrimLaw): number {
    this.check();
    const mine = this.#events.filter((event) => event.session === session);
    const byRows = seqAt(mine, law.rowsMax);
    const outcomes = mine.filter(
      ({ seq, kind }) => seq <= byRows && outcomeKinds.some((one) => one === kind),
    );
    const byOutcomes = seqAt(outcomes, law.outcomesMax);
    const bounds = { byRows, byOutcomes, spared: seqAt(mine, law.spare) };
    const doomed = mine.filter((event) => isDoomed(event, bounds, law)).slice(0, law.batch);
    const last = doomed.at(-1);
    if (last === undefined) return 0;
    const before = mine.find(({ kind }) => kind === TRIMMED);
    const told = trimmedOf(before?.data ?? null, doomed.length, last.at);
    const gone = new Set([...doomed, before].filter((event) => event !== last));
    this.#events = this.#events
      .filter((event) => !gone.has(event))
      .map((event) => (event === last ? { ...last, kind: TRIMMED, ...told } : event));
    return doomed.length;
  }

  close(): void {
    // Nothing to release: the map is the disk, and it outlives every hub of the world.
  }
}

/** Of the newest fact that is not among the newest `count`; 0 when there is none. */
function seqAt(events: readonly SessionEvent[], count: number): number {
  return events[events.length - 1 - count]?.seq ?? 0;
}
