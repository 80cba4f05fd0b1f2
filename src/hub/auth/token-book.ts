/**
 * The API tokens of a hub: makes them, knows them again, takes them back. Keeps hashes only, so
 * that who reads the file gets in by none of them. What a principal may is principal.ts.
 */
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import { hashOf, idOfToken, newToken, type ApiToken } from "./api-token.ts";
import type { Principal } from "./principal.ts";

/** Where the book is kept. `write` returns once a power cut cannot take it back. */
export interface TokenShelf {
  /** @throws HubError StoreCorrupt, HomeNotWritable */
  read(): readonly ApiToken[];
  /** @throws HubError HomeNotWritable */
  write(tokens: readonly ApiToken[]): void;
}

/** A hub has people and tools, not thousands of them; more is a program that does not stop. */
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
  readonly shelf: TokenShelf;
  readonly clock: Clock;
  readonly random: Random;
  /** The token of this id opens nothing any more. */
  readonly onRevoked: (id: string) => void;
}

export class TokenBook {
  readonly #options: TokenBookOptions;
  readonly #byId: Map<string, ApiToken>;
  #writtenAt = -Infinity;

  constructor(options: TokenBookOptions) {
    this.#options = options;
    this.#byId = new Map(options.shelf.read().map((token) => [token.id, token]));
  }

  get all(): readonly ApiToken[] {
    return [...this.#byId.values()];
  }

  /** Those of the tenant; the hub's own people see them all. */
  seenBy({ tenant }: Pick<Principal, "tenant">): readonly ApiToken[] {
    return this.all.filter((token) => tenant === null || token.tenant === tenant);
  }

  /** The token is told this once. @throws HubError RateLimited, HomeNotWritable */
  create(
    wanted: Pick<ApiToken, "name" | "role" | "tenant" | "sessions" | "createdBy"> & {
      readonly forMs: number;
    },
  ): { readonly token: string; readonly kept: ApiToken } {
    const { clock, random } = this.#options;
    const now = clock.now();
    const alive = this.all.filter(
      (old) => old.expiresAt + (isPassing(old) ? 0 : OVER_KEEP_MS) > now,
    );
    if (alive.length >= TOKENS_MAX) {
      throw new HubError("RateLimited", `this hub has ${TOKENS_MAX} tokens: revoke some`);
    }
    const { tenant } = wanted;
    if (tenant !== null && alive.filter((one) => one.tenant === tenant).length >= TENANT_MAX) {
      throw new HubError("RateLimited", `${tenant} has ${TENANT_MAX} tokens: revoke some`);
    }
    const { id, token, hash } = newToken(random);
    const { name, role, sessions, createdBy, forMs } = wanted;
    const times = { createdAt: now, expiresAt: now + forMs, lastUsedAt: null };
    const kept: ApiToken = { id, name, role, tenant, sessions, hash, createdBy, ...times };
    this.#replace([...alive, kept]);
    return { token, kept };
  }

  /**
   * Opens nothing from now on, also what it has open; nor does what it shared.
   * @throws HubError NotFound
   */
  revoke(id: string): ApiToken {
    const known = this.#byId.get(id);
    if (known === undefined) throw noToken(id);
    const goes = (token: ApiToken): boolean =>
      token.id === id || (token.role === "watcher" && token.createdBy === id);
    const gone = this.all.filter(goes);
    this.#replace(this.all.filter((token) => !goes(token)));
    for (const token of gone) this.#options.onRevoked(token.id);
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
  close(): void {
    if (this.all.some(({ lastUsedAt }) => (lastUsedAt ?? 0) > this.#writtenAt)) this.#write();
  }

  #used(token: ApiToken, now: number): void {
    if (token.lastUsedAt !== null && now - token.lastUsedAt < USED_TOLD_MS) return;
    this.#byId.set(token.id, { ...token, lastUsedAt: now });
    if (token.lastUsedAt !== null && now - this.#writtenAt < USED_EVERY_MS) return;
    try {
      this.#write();
    } catch (error) {
      // When it was used is told to people; that it may be used does not hang on it.
      if (!(error instanceof HubError)) throw error;
      this.#writtenAt = now;
    }
  }

  /** On the shelf before it is true here: a revoked token does not come back with a restart. */
  #replace(tokens: readonly ApiToken[]): void {
    this.#options.shelf.write(tokens);
    this.#writtenAt = this.#options.clock.now();
    this.#byId.clear();
    for (const token of tokens) this.#byId.set(token.id, token);
  }

  #write(): void {
    this.#writtenAt = this.#options.clock.now();
    this.#options.shelf.write(this.all);
  }
}

/** The same words for one of another tenant. */
export function noToken(id: string): HubError {
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
