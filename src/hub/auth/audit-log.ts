/**
 * The audit log: who asked for what, before it is done. What cannot be written down is not done.
 * Refusals are written too, but a flood of them is only counted.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { nextEntry, type AuditEntry, type AuditNote, type Head } from "./audit-chain.ts";

/** Where the chain is kept. */
export interface AuditPlace {
  readonly head: Head;
  readonly lost: Head | null;
  /** @throws HubError StoreRefuses */
  append(entry: AuditEntry, isDurable: boolean): void;
  tail(count: number): AuditEntry[];
  close(): void;
}

/** Refusals of one second that are told one by one. */
const REFUSALS_PER_SECOND = 5;

export class AuditLog {
  readonly #place: AuditPlace;
  readonly #clock: Clock;
  readonly #log: Logger;
  #second = -1;
  #refusals = 0;
  #unsaid = 0;

  constructor(place: AuditPlace, clock: Clock, log: Logger) {
    this.#place = place;
    this.#clock = clock;
    this.#log = log;
    if (place.lost === null) return;
    log.error({ had: place.lost.n, has: place.head.n }, "the end of the audit log is missing");
    this.#own("audit.lost", { had: place.lost.n, has: place.head.n });
  }

  get head(): Head {
    return this.#place.head;
  }

  tail(count: number): AuditEntry[] {
    return this.#place.tail(count);
  }

  /** Before the effect. `isDurable` waits for the disk. @throws HubError StoreRefuses */
  note(note: AuditNote, isDurable = false): void {
    this.#place.append(nextEntry(this.#place.head, this.#at(), note), isDurable);
  }

  /** Of what has no effect; a disk that is full changes nothing about the refusal. */
  refused(note: AuditNote): void {
    const second = Math.floor(this.#clock.mono() / 1_000);
    if (second !== this.#second) this.#tellUnsaid();
    this.#second = second;
    this.#refusals += 1;
    if (this.#refusals > REFUSALS_PER_SECOND) this.#unsaid += 1;
    else this.#quietly(note);
  }

  close(): void {
    this.#tellUnsaid();
    this.#place.close();
  }

  #tellUnsaid(): void {
    if (this.#unsaid > 0) this.#own("audit.unsaid", { refusals: this.#unsaid });
    this.#refusals = 0;
    this.#unsaid = 0;
  }

  #own(what: string, detail: Readonly<Record<string, unknown>>): void {
    this.#quietly({ who: "hub", from: "", what, target: null, outcome: "seen", detail });
  }

  #quietly(note: AuditNote): void {
    try {
      this.note(note);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      this.#log.error({ error: error.message }, "a refusal is not in the audit log");
    }
  }

  #at(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}
