/**
 * Tells one address what somebody should know: facts of the chosen kinds, signed, in order, each at
 * least once. The store is the queue: what was told is remembered in a file, so that a hub that was
 * killed goes on where it was, and a receiver that is away for a day costs no memory.
 *
 * Bodies and signatures follow Standard Webhooks: `webhook-id` is the same each time a fact is
 * told, for a receiver to know it again.
 */
import { createHmac } from "node:crypto";
import { createBackoff, type Backoff } from "../../base/backoff.ts";
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import { fetchWhole } from "../../base/fetch-whole.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { whenThere, type Soon } from "../../store/soon.ts";
import type { SessionEvent } from "../../store/facts.ts";
import type { EventQuery } from "../../store/store.ts";
import { eventView } from "../event-view.ts";

const PAGE = 100;
/** A receiver takes a message and works later; one that thinks for longer is told again. */
const ANSWER_MS = 10_000;
const RETRY_MS = { minMs: 1_000, maxMs: 300_000 } as const;
/** What a receiver refuses for a day is left out, aloud: those behind it are younger news. */
const GIVE_UP_MS = 24 * 3_600_000;

/** What was told up to now. */
export interface Cursor {
  /** Null before the first start: then the past is nobody's news. */
  read(): number | null;
  /** @throws HubError HomeNotWritable */
  write(seq: number): void;
}

export interface WebhookFacts {
  readonly told: number;
  readonly failed: number;
  readonly leftOut: number;
  /** Wall ms since when the receiver takes nothing; null while it does. */
  readonly failingSince: number | null;
}

export interface WebhookOptions {
  readonly url: string;
  /** Key of the signatures, as bytes. */
  readonly secret: Uint8Array;
  /** Null tells all. */
  readonly kinds: ReadonlySet<string> | null;
  readonly hubId: string;
  readonly cursor: Cursor;
  readonly facts: {
    events(query: EventQuery): Soon<readonly SessionEvent[]>;
    onEvent(listener: (event: SessionEvent) => void): () => void;
  };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly ask?: typeof fetch;
}

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #seq = 0;
  #told = 0;
  #failed = 0;
  #leftOut = 0;
  #failingSince: number | null = null;
  #running = false;
  #timer: unknown = null;
  #forget: () => void = () => undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#backoff = createBackoff({ ...RETRY_MS, random: options.random });
  }

  get counts(): WebhookFacts {
    const failingSince = this.#failingSince;
    return { told: this.#told, failed: this.#failed, leftOut: this.#leftOut, failingSince };
  }

  start(): void {
    const { facts, log } = this.#options;
    whenThere(
      facts.events({ after: 0, limit: 1, newest: true }),
      ([newest]) => this.#follow(newest?.seq ?? 0),
      (error) => log.error({ err: error }, "the webhook cannot read facts, and tells none"),
    );
  }

  #follow(newest: number): void {
    if (this.#stop.signal.aborted) return;
    const { cursor, facts } = this.#options;
    const known = cursor.read();
    this.#seq = known ?? newest;
    // From here on nothing is missed, also when this hub dies before its first message.
    if (known === null) this.#remember();
    this.#forget = facts.onEvent(({ kind }) => {
      if (this.#isNews(kind)) this.#wake();
    });
    this.#wake();
  }

  stop(): void {
    this.#stop.abort();
    this.#forget();
    this.#options.clock.clearTimeout(this.#timer);
  }

  #wake(): void {
    // One that waits for its next try is not hurried by more news.
    if (this.#running || this.#timer !== null || this.#stop.signal.aborted) return;
    this.#running = true;
    void this.#tellAll().finally(() => (this.#running = false));
  }

  #isNews(kind: string): boolean {
    return this.#options.kinds?.has(kind) ?? true;
  }

  async #tellAll(): Promise<void> {
    const { facts, clock } = this.#options;
    for (;;) {
      const page = await facts.events({ after: this.#seq, limit: PAGE });
      for (const event of page) {
        if (this.#isNews(event.kind) && !(await this.#tell(event))) {
          this.#timer = clock.setTimeout(() => {
            this.#timer = null;
            this.#wake();
          }, this.#backoff.next());
          return;
        }
        if (this.#stop.signal.aborted) return;
        this.#seq = event.seq;
      }
      if (page.length > 0) this.#remember();
      if (page.length < PAGE) return;
    }
  }

  /** False when it is to be told again later. */
  async #tell(event: SessionEvent): Promise<boolean> {
    const { clock, log, url } = this.#options;
    try {
      await this.#post(event);
      if (this.#failingSince !== null) log.info({ url }, "the webhook takes messages again");
      this.#failingSince = null;
      this.#backoff.reset();
      this.#told += 1;
      // A hub that dies now has told at most this one twice.
      this.#seq = event.seq;
      this.#remember();
      return true;
    } catch (error) {
      if (this.#stop.signal.aborted) return false;
      this.#failed += 1;
      const since = (this.#failingSince ??= clock.now());
      const said = toHubError(error).message;
      log.warn({ url, event: event.seq, error: said }, "the webhook did not take a message");
      if (clock.now() - since < GIVE_UP_MS) return false;
      log.error({ url, event: event.seq }, "a message was refused for a day and is left out");
      this.#failingSince = null;
      this.#leftOut += 1;
      return true;
    }
  }

  async #post(event: SessionEvent): Promise<void> {
    const { url, hubId, secret, clock, ask } = this.#options;
    const body = JSON.stringify({
      type: event.kind,
      timestamp: new Date(event.at).toISOString(),
      data: { hub: hubId, ...eventView(event) },
    });
    const id = `msg_${hubId}_${event.seq}`;
    const timestamp = String(Math.floor(clock.now() / 1_000));
    const headers = {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signature(secret, id, timestamp, body),
    };
    // What is redirected would be told to somebody who was not configured.
    const init = { method: "POST", headers, body, redirect: "manual" } as const;
    const { ok, status } = await withDeadline(
      clock,
      ANSWER_MS,
      (signal) => fetchWhole(url, init, signal, ask),
      () => new HubError("PlatformTimeout", `no answer within ${ANSWER_MS} ms`),
      this.#stop.signal,
    );
    if (!ok) throw new HubError("NotFound", `it answered ${status}`);
  }

  #remember(): void {
    try {
      this.#options.cursor.write(this.#seq);
    } catch (error) {
      // The next hub tells again what this one told: twice is promised, silence is not.
      this.#options.log.warn({ error: toHubError(error).message }, "what was told is not kept");
    }
  }
}

/** `v1,` and the base64 of HMAC-SHA256 over id, time and body, as Standard Webhooks writes it. */
export function signature(secret: Uint8Array, id: string, timestamp: string, body: string): string {
  const mac = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
  return `v1,${mac}`;
}
