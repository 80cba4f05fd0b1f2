/**
 * One session's written truth: its record, changed only by facts that are durable before anyone
 * acts on them. Owns no timers and decides nothing.
 */
import type { Clock } from "../../base/clock.ts";
import type { Fact, FactKind, SessionEvent, SessionRecord } from "../../store/facts.ts";
import type { Store } from "../../store/store.ts";

export class SessionLedger {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #publish: (event: SessionEvent) => void;
  #record: SessionRecord;

  constructor(options: {
    store: Store;
    clock: Clock;
    record: SessionRecord;
    publish: (event: SessionEvent) => void;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#record = options.record;
    this.#publish = options.publish;
  }

  get record(): SessionRecord {
    return this.#record;
  }

  /** Writes one fact, then tells those who watch. When it returns, the fact survives kill -9. */
  note(
    kind: FactKind,
    text: string,
    data: Readonly<Record<string, unknown>> = {},
    change: Fact["change"] = {},
  ): void {
    const fact: Fact = { kind, at: this.#clock.now(), text, data, change };
    const { record, event } = this.#store.append(this.#record, fact);
    this.#record = record;
    this.#publish(event);
  }
}
