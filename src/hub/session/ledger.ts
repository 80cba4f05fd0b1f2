/**
 * One session's written truth: its record, changed only by facts, which are durable before what
 * rests on them leaves the hub, and with no secret in what they say. Owns no timers and decides
 * nothing.
 */
import type { Clock } from "../../base/clock.ts";
import { toHubError, type HubError } from "../../base/hub-error.ts";
import type { Redact } from "../../base/redact.ts";
import type { Fact, FactKind, SessionEvent, SessionRecord } from "../../store/facts.ts";
import { isRefusal, whereKept } from "../../store/refusal.ts";
import { whenThere } from "../../store/soon.ts";
import type { Appended, Store } from "../../store/store.ts";

export class SessionLedger {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #publish: (event: SessionEvent) => void;
  /** Hides the hub's secrets and the values of the session's environment. */
  readonly redact: Redact;
  #record: SessionRecord;
  /** Monotonic ms of the record's activity; null while an earlier hub's word on it stands. */
  #activityMono: number | null = null;

  /** Set by the session: a fact could not be kept, and what stands on it must not be done. */
  onRefused: (error: HubError) => void = () => undefined;

  constructor(options: {
    store: Store;
    clock: Clock;
    record: SessionRecord;
    /** It was made in this very moment, and not read from the store. */
    isNew: boolean;
    publish: (event: SessionEvent) => void;
    redact: Redact;
  }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#record = options.record;
    if (options.isNew) this.#activityMono = options.clock.mono();
    this.redact = options.redact;
    this.#publish = options.publish;
  }

  get record(): SessionRecord {
    return this.#record;
  }

  /** For how long it was as the record's activity says, whatever was done to the wall clock. */
  get restedMs(): number | null {
    return this.#activityMono === null ? null : this.#clock.mono() - this.#activityMono;
  }

  /** Since when somebody, or nobody, uses the session: on both clocks. */
  noteActivity(
    text: string,
    data: Readonly<Record<string, unknown>>,
    activity: SessionRecord["activity"],
    mono: number,
  ): void {
    if (this.tryNote("activity.changed", text, data, { activity })) this.#activityMono = mono;
  }

  /** Null when all that was noted survives kill -9; else there once it does. */
  settled(): Promise<void> | null {
    return this.#store.settled(this.#record.id);
  }

  /** Writes one fact, and tells those who watch once it is kept. */
  note(
    kind: FactKind,
    text: string,
    data: Readonly<Record<string, unknown>> = {},
    change: Fact["change"] = {},
  ): void {
    const { redact } = this;
    const shown = change.fault === undefined ? change : { ...change, fault: redact(change.fault) };
    const at = this.#clock.now();
    const fact: Fact = { kind, at, text: redact(text), data: redact(data), change: shown };
    const { record, event } = this.#append(fact);
    if (record.activity.at !== this.#record.activity.at) this.#activityMono = this.#clock.mono();
    this.#record = record;
    whenThere(event, this.#publish, (error) => this.onRefused(toHubError(error)));
  }

  /**
   * The same for news on which nothing rests.
   * @returns false when it could not be kept.
   */
  tryNote(...fact: Parameters<SessionLedger["note"]>): boolean {
    return whereKept(() => this.note(...fact));
  }

  #append(fact: Fact): Appended {
    try {
      return this.#store.append(this.#record, fact);
    } catch (error) {
      if (isRefusal(error)) this.onRefused(error);
      throw error;
    }
  }
}
