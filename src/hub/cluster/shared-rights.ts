/**
 * API tokens and revoked preview links of all hubs on one PostgreSQL, as this hub knows them. Who
 * asks is judged from memory; each beat brings the stamp of the last change, and another one than
 * was read has all read anew. A change is decided on what was read for it, and decided again when
 * another hub was faster. While PostgreSQL is away nothing changes, and what is known goes on.
 */
import { toHubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { RightRows } from "../../store/postgres/right-rows.ts";
import type { ApiToken } from "../auth/api-token.ts";
import type { Revocation } from "../preview/revocations.ts";
import type { Shelf } from "../shelf.ts";
import { changeOf, rightsOf, type KnownRights } from "./right-views.ts";

/** What is over for longer is of interest to nobody. */
const OVER_KEEP_MS = 30 * 24 * 60 * 60 * 1_000;

type Decide<T> = (now: T) => T;
type Told = Pick<KnownRights, "tokens" | "links">;

export class SharedRights {
  readonly #rows: RightRows;
  readonly #log: Logger;
  readonly #random: Random;
  #now: KnownRights;
  /** One after the other: what was read before a change must not come after it. */
  #turn: Promise<unknown> = Promise.resolve();
  #isReading = false;
  readonly tokens: Shelf<ApiToken>;
  readonly links: Shelf<Revocation>;
  readonly #hearers: (() => void)[] = [];

  private constructor(rows: RightRows, now: KnownRights, told: { log: Logger; random: Random }) {
    this.#rows = rows;
    this.#now = now;
    this.#log = told.log;
    this.#random = told.random;
    this.tokens = this.#shelf(
      ({ tokens }) => tokens,
      (decide) => this.change((all) => ({ ...all, tokens: decide(all.tokens) })),
    );
    this.links = this.#shelf(
      ({ links }) => links,
      (decide) => this.change((all) => ({ ...all, links: decide(all.links) })),
    );
  }

  /** @throws HubError StoreUnreachable, StoreCorrupt */
  static async open(
    rows: RightRows,
    { now, ...told }: { readonly now: number; readonly log: Logger; readonly random: Random },
  ): Promise<SharedRights> {
    await rows.prune(now - OVER_KEEP_MS);
    return new SharedRights(rows, rightsOf(await rows.read()), told);
  }

  /** The stamp of now. A read that failed is tried again with the next. */
  hear(stamp: string): void {
    if (stamp === this.#now.stamp || this.#isReading) return;
    this.#isReading = true;
    const read = this.#inTurn(() => this.#read());
    void read
      .catch((error: unknown) => {
        const { message } = toHubError(error);
        this.#log.warn({ error: message }, "changes of API tokens cannot be read now");
      })
      .finally(() => (this.#isReading = false));
  }

  /** Of both at once. @throws HubError StoreUnreachable, and what `decide` throws */
  change(decide: Decide<Told>): Promise<void> {
    return this.#inTurn(async () => {
      for (;;) {
        await this.#read();
        const next = decide(this.#now);
        const stamp = newId("rgt", this.#random);
        const isDone = await this.#rows.write(this.#now.stamp, changeOf(this.#now, next, stamp));
        if (!isDone) continue;
        this.#take({ ...next, stamp });
        return;
      }
    });
  }

  /** As it is there, whatever is known here. @throws HubError StoreUnreachable, StoreCorrupt */
  readAnew(): Promise<void> {
    return this.#inTurn(async () => this.#take(rightsOf(await this.#rows.read())));
  }

  async #read(): Promise<void> {
    const read = await this.#rows.read();
    if (read.stamp !== this.#now.stamp) this.#take(rightsOf(read));
  }

  #take(now: KnownRights): void {
    this.#now = now;
    for (const hear of this.#hearers) hear();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    // Whoever asked is told; the next has its turn all the same.
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #shelf<T>(
    part: (now: KnownRights) => readonly T[],
    change: (decide: Decide<readonly T[]>) => Promise<void>,
  ): Shelf<T> {
    const current = (): readonly T[] => part(this.#now);
    return {
      get all() {
        return current();
      },
      change,
      onChange: (told) => void this.#hearers.push(() => told(current())),
    };
  }
}
