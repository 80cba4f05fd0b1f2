/**
 * Requests with an Idempotency-Key, for as long as somebody may ask again: the second request
 * joins the first, or gets its answer. In memory; after a restart of the hub the sandbox's own
 * ledger still keeps the command from running twice.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";

const KEPT_MS = 10 * 60 * 1_000;
/** With 1 MiB of each output, as it is kept by default, 128 MiB. */
const ENTRIES_MAX = 64;

interface Entry<T> {
  readonly request: string;
  readonly answer: Promise<T>;
  /** Null while it runs. */
  endedAt: number | null;
}

export class RepeatBook<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * `request` says what is asked for; another one under the same key is refused, for neither may
   * win. @throws HubError BadRequest
   */
  once(key: string, request: string, work: () => Promise<T>): Promise<T> {
    this.#forget();
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (known.request === request) return known.answer;
      throw new HubError("BadRequest", "this Idempotency-Key was used for another request");
    }
    const entry: Entry<T> = { request, answer: work(), endedAt: null };
    this.#entries.set(key, entry);
    const ended = (): void => {
      entry.endedAt = this.#clock.mono();
    };
    // What failed did not run to an end: the next request may try it, and the ledger guards it.
    entry.answer.then(ended, () => this.#entries.delete(key));
    return entry.answer;
  }

  #forget(): void {
    const now = this.#clock.mono();
    let surplus = this.#entries.size - ENTRIES_MAX;
    for (const [key, { endedAt }] of this.#entries) {
      if (endedAt === null) continue;
      if (surplus-- >= 0 || now - endedAt > KEPT_MS) this.#entries.delete(key);
    }
  }
}
