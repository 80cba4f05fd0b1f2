/** How API tokens are written down: a book of them in a file, and one alone as text. */
import { join } from "node:path";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import { HubError } from "../../base/hub-error.ts";
import { FileShelf, type BookForm } from "../shelf.ts";
import type { ApiToken } from "./api-token.ts";
import { roles } from "./principal.ts";

/**
 * A book with tenants in it. A Holdfast that knows of none would take their tokens for the hub's
 * own, so it is to refuse the whole of it.
 */
const WITH_TENANTS = 2;

const Token = Type.Object({
  id: Type.String({ pattern: "^tok_[0-9a-z]{20}$" }),
  name: Type.String(),
  role: Type.Enum(roles),
  tenant: Type.Optional(Type.String()),
  sessions: Type.Union([Type.Array(Type.String()), Type.Null()]),
  hash: Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" }),
  createdAt: Type.Number(),
  createdBy: Type.String(),
  expiresAt: Type.Number(),
  lastUsedAt: Type.Union([Type.Number(), Type.Null()]),
});

const Book = Type.Object({
  version: Type.Union([Type.Literal(1), Type.Literal(WITH_TENANTS)]),
  tokens: Type.Array(Token),
});

const form: BookForm<ApiToken> = {
  read: (book) => (Value.Check(Book, book) ? book.tokens.map(tokenOf) : null),
  write: (tokens) => ({
    version: tokens.some(({ tenant }) => tenant !== null) ? WITH_TENANTS : 1,
    tokens: tokens.map(written),
  }),
};

export function tokenFileIn(home: string): string {
  return join(home, "tokens.json");
}

/** For its owner alone. @throws HubError StoreCorrupt, HomeNotWritable */
export function tokenFile(path: string): FileShelf<ApiToken> {
  return new FileShelf(path, form);
}

export function tokenText(token: ApiToken): string {
  return JSON.stringify(written(token));
}

/** @throws HubError StoreCorrupt */
export function tokenIn(text: string): ApiToken {
  const token: unknown = JSON.parse(text);
  if (Value.Check(Token, token)) return tokenOf(token);
  throw new HubError("StoreCorrupt", "PostgreSQL holds an API token of no known form");
}

function written({ tenant, sessions, ...token }: ApiToken): Static<typeof Token> {
  return {
    ...token,
    sessions: sessions === null ? null : [...sessions],
    ...(tenant === null ? {} : { tenant }),
  };
}

function tokenOf({ tenant, ...token }: Static<typeof Token>): ApiToken {
  return { ...token, tenant: tenant ?? null };
}
