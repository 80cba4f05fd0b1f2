/**
 * The API tokens of a hub: makes them, knows them again, takes them back. Keeps hashes only, so
 * that who reads the file gets in by none of them. What a principal may is principal.ts.
 */
import { timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type { Shelf } from "../shelf.ts";
import { hashOf, idOfToken, newToken, type ApiToken } from "./api-token.ts";
import type { Principal } from "./principal.ts";

/** People and tools, of all hubs on one store, not thousands; more is a program without end. */
const TOKENS_MAX = 1_000;
/** Of these, for one tenant: the others need some, too. */
const TENANT_MAX = 200;
/** When a token was used last is worth a write this often. */
const USED_EVERY_MS = 60_000;
/** And told no finer than this: a program that asks without end changes nothing each time. */
const USED_TOLD_MS = 1_000;
/** One that is over stays to be seen for so long. */
const OVER_KEEP_MS = 30 * 24 * 60 * 60 * 1_000;

/** Of a token that a login made: what its maker is called begins with it. */
export const LOGIN = "login:";

export interface TokenBookOptions {
  readonly shelf: Shelf<ApiToken>;
  readonly clock: Clock;
  readonly random: Random;
  /** The token of this id opens nothing any more. */
  readonly onRevoked: (id: string) => void;
}

type Wanted = Pick<ApiToken, "name" | "role" | "tenant" | "sessions" | "createdBy"> & {
  readonly forMs: number;
};

export class TokenBook {
  readonly #options: TokenBookOptions;
  #byId = new Map<string, ApiToken>();
  /** When uses were last written down. */
  #toldAt = -Infinity;

  constructor(options: TokenBookOptions) {
    this.#options = options;
    this.#take(options.shelf.all);
    options.shelf.onChange((all) => this.#take(all));
  }

  get all(): readonly ApiToken[] {
    return [...this.#byId.values()];
  }

  /** Those of the tenant; the hub's own people see them all. */
  seenBy({ tenant }: Pick<Principal, "tenant">): readonly ApiToken[] {
    return this.all.filter((token) => isSeen(token, { tenant }));
  }

  /**
   * The token is told this once. `makeRoom` is given all there are and returns those that stay, or
   * refuses.
   * @throws HubError RateLimited, HomeNotWritable, StoreUnreachable
   */
  async create(
    { forMs, ...wanted }: Wanted,
    makeRoom: (all: readonly ApiToken[]) => readonly ApiToken[] = (all) => all,
  ): Promise<{ readonly token: string; readonly kept: ApiToken }> {
    const { clock, random, shelf } = this.#options;
    const now = clock.now();
    const { id, token, hash } = newToken(random);
    const times = { createdAt: now, expiresAt: now + forMs, lastUsedAt: null };
    const kept: ApiToken = { id, ...wanted, hash, ...times };
    await shelf.change((all) => {
      const alive = makeRoom(all).filter(
        (old) => old.expiresAt + (isPassing(old) ? 0 : OVER_KEEP_MS) > now,
      );
      demandRoom(alive, wanted.tenant);
      return [...alive, kept];
    });
    return { token, kept };
  }

  /**
   * Opens nothing from now on, also what it has open; nor does what it shared. What `by` does not
   * see is answered as one that nobody made.
   * @throws HubError NotFound, HomeNotWritable, StoreUnreachable
   */
  async revoke(id: string, by: Pick<Principal, "tenant"> = { tenant: null }): Promise<ApiToken> {
    let known = null as ApiToken | null;
    await this.#options.shelf.change((all) => {
      known = all.find((token) => token.id === id && isSeen(token, by)) ?? null;
      if (known === null) throw noToken(id);
      return without(all, [id]);
    });
    assert(known !== null, "it was found, or refused");
    return known;
  }

  /**
   * Null for what is no token of this book, is over or was taken back. `hash` is the token's own,
   * for who has it already.
   */
  check(token: string, hash: Buffer = hashOf(token)): Principal | null {
    const id = idOfToken(token);
    const known = id === null ? undefined : this.#byId.get(id);
    // An unknown id takes as long as a wrong secret.
    const expected = known === undefined ? hash : Buffer.from(known.hash, "base64url");
    const isRight = expected.length === hash.length && timingSafeEqual(expected, hash);
    if (known === undefined || !isRight) return null;
    const now = this.#options.clock.now();
    if (known.expiresAt <= now) return null;
    this.#used(known, now);
    return principalOf(known);
  }

  /** As `check`, of somebody whom it gave before: what a token opens never changes. */
  knowsStill(principal: Principal): boolean {
    if (!this.stands(principal)) return false;
    const known = this.#byId.get(principal.id);
    if (known !== undefined) this.#used(known, this.#options.clock.now());
    return true;
  }

  /** Whether what was known by this id may still go on. */
  stands({ id, expiresAt }: Pick<Principal, "id" | "expiresAt">): boolean {
    if (expiresAt !== null && expiresAt <= this.#options.clock.now()) return false;
    return !id.startsWith("tok_") || this.#byId.has(id);
  }

  /** Writes down what was only remembered. */
  async close(): Promise<void> {
    if (this.all.some(({ lastUsedAt }) => (lastUsedAt ?? 0) > this.#toldAt)) await this.#tellUsed();
  }

  #used(token: ApiToken, now: number): void {
    if (token.lastUsedAt !== null && now - token.lastUsedAt < USED_TOLD_MS) return;
    this.#byId.set(token.id, { ...token, lastUsedAt: now });
    if (token.lastUsedAt !== null && now - this.#toldAt < USED_EVERY_MS) return;
    void this.#tellUsed();
  }

  async #tellUsed(): Promise<void> {
    this.#toldAt = this.#options.clock.now();
    try {
      await this.#options.shelf.change((all) => all.map((one) => this.#byId.get(one.id) ?? one));
    } catch (error) {
      // When it was used is told to people; that it may be used does not hang on it.
      if (!(error instanceof HubError)) throw error;
    }
  }

  /** What the shelf holds now; whatever is not on it any more is over here, too. */
  #take(all: readonly ApiToken[]): void {
    const before = this.#byId;
    this.#byId = new Map(all.map((token) => [token.id, laterUsed(token, before.get(token.id))]));
    for (const id of before.keys()) if (!this.#byId.has(id)) this.#options.onRevoked(id);
  }
}

/** These, and what they shared, are not among them. */
export function without(all: readonly ApiToken[], ids: readonly string[]): readonly ApiToken[] {
  return all.filter(({ id, role, createdBy }) => {
    return !ids.includes(id) && !(role === "watcher" && ids.includes(createdBy));
  });
}

/** @throws HubError RateLimited */
function demandRoom(alive: readonly ApiToken[], tenant: string | null): void {
  if (alive.length >= TOKENS_MAX) {
    throw new HubError("RateLimited", `there are ${TOKENS_MAX} tokens: revoke some`);
  }
  if (tenant !== null && alive.filter((one) => one.tenant === tenant).length >= TENANT_MAX) {
    throw new HubError("RateLimited", `${tenant} has ${TENANT_MAX} tokens: revoke some`);
  }
}

/** The hub's own people see them all. */
function isSeen(token: ApiToken, { tenant }: Pick<Principal, "tenant">): boolean {
  return tenant === null || token.tenant === tenant;
}

function laterUsed(token: ApiToken, known: ApiToken | undefined): ApiToken {
  const isLater = (known?.lastUsedAt ?? 0) > (token.lastUsedAt ?? 0);
  return isLater && known !== undefined ? known : token;
}

/** The same words for one of another tenant. */
function noToken(id: string): HubError {
  return new HubError("NotFound", `there is no token ${JSON.stringify(id)}`);
}

/** Of a share or a login, of which there are many: the audit log remembers them. */
function isPassing({ role, createdBy }: ApiToken): boolean {
  return role === "watcher" || createdBy.startsWith(LOGIN);
}

function principalOf(token: ApiToken): Principal {
  const { id, role, tenant, sessions, expiresAt, createdBy } = token;
  const plain = { id, role, tenant, sessions, expiresAt };
  if (!createdBy.startsWith(LOGIN)) return plain;
  return { ...plain, person: createdBy.slice(LOGIN.length) };
}
