/** The book of API tokens in a file of the state directory: replaced as a whole, for its owner. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";
import { HubError } from "../../base/hub-error.ts";
import type { ApiToken } from "./api-token.ts";
import { roles } from "./principal.ts";
import type { TokenShelf } from "./token-book.ts";

/**
 * A book with tenants in it. A Holdfast that knows of none would take their tokens for the hub's
 * own, so it is to refuse the whole of it.
 */
const WITH_TENANTS = 2;

const Book = Type.Object({
  version: Type.Union([Type.Literal(1), Type.Literal(WITH_TENANTS)]),
  tokens: Type.Array(
    Type.Object({
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
    }),
  ),
});

export function tokenFile(path: string): TokenShelf {
  return {
    read() {
      if (!existsSync(path)) return [];
      const { tokens } = parse(path, readText(path));
      return tokens.map(({ tenant = null, ...token }) => ({ ...token, tenant }));
    },
    write(tokens) {
      try {
        const text = `${JSON.stringify(bookOf(tokens), null, 1)}\n`;
        writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
        renameSync(`${path}.new`, path);
      } catch (cause) {
        throw new HubError("HomeNotWritable", `${path}: ${String(cause)}`, { cause });
      }
    },
  };
}

function bookOf(tokens: readonly ApiToken[]): Static<typeof Book> {
  return {
    version: tokens.some(({ tenant }) => tenant !== null) ? WITH_TENANTS : 1,
    tokens: tokens.map(({ tenant, sessions, ...token }) => ({
      ...token,
      sessions: sessions === null ? null : [...sessions],
      ...(tenant === null ? {} : { tenant }),
    })),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new HubError("HomeNotWritable", `${path} cannot be read: ${String(cause)}`, { cause });
  }
}

/** A book that cannot be read lets nobody in: the hub does not start with it. */
function parse(path: string, text: string): Static<typeof Book> {
  try {
    const book: unknown = JSON.parse(text);
    if (Value.Check(Book, book)) return book;
  } catch (cause) {
    throw new HubError("StoreCorrupt", `${path} is no JSON`, { cause });
  }
  throw new HubError("StoreCorrupt", `${path} holds no tokens of this version`);
}
