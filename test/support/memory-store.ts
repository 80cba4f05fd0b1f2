/** The store's contract without a disk: for tests in which durability is not the question. */
import {
  applyFact,
  type Fact,
  type SessionEvent,
  type SessionRecord,
} from "../../src/store/facts.ts";
import type { EventQuery, Store } from "../../src/store/store.ts";

export class MemoryStore implements Store {
  readonly #records = new Map<string, SessionRecord>();
  readonly #events: SessionEvent[] = [];

  load(): readonly SessionRecord[] {
    return [...this.#records.values()];
  }

  create(record: SessionRecord, fact: Fact): ReturnType<Store["create"]> {
    const taken = this.load().some(({ name }) => name === record.name);
    return taken ? null : this.append(record, fact);
  }

  append(record: SessionRecord, fact: Fact): ReturnType<Store["append"]> {
    const next = applyFact(record, fact);
    if (next.detail === "ended.gone") this.#records.delete(next.id);
    else this.#records.set(next.id, next);
    const { kind, at, text, data } = fact;
    const { id: session, name, state, detail } = next;
    const seq = this.#events.length + 1;
    const event = { seq, at, session, name, kind, state, detail, text, data };
    this.#events.push(event);
    return { record: next, event };
  }

  events(query: EventQuery): readonly SessionEvent[] {
    const { after, session, limit, newest } = query;
    const found = this.#events.filter(
      (event) => event.seq > after && (session === undefined || event.session === session),
    );
    return newest === true ? found.slice(-limit) : found.slice(0, limit);
  }

  close(): void {
    this.#records.clear();
  }
}
