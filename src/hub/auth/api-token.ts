/** What an API token looks like, and what is kept of it: never the token itself. Pure. */
import { hash } from "node:crypto";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import type { Role } from "./principal.ts";

/** Secret scanners find tokens by it. */
const PREFIX = "hft_";
/** 256 bits: not to be guessed, so that a plain hash of it is enough. */
const SECRET_BYTES = 32;
const TOKEN = /^hft_([0-9a-z]{20})\.[A-Za-z0-9_-]{43}$/;

export interface ApiToken {
  /** `tok_…`; no secret. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** As a principal's. */
  readonly tenant: string | null;
  /** Ids of sessions; null for all. A name could be another session's tomorrow. */
  readonly sessions: readonly string[] | null;
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  readonly createdAt: number;
  /** Whose token made it. */
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly lastUsedAt: number | null;
}

export function newToken(random: Random): { id: string; token: string; hash: string } {
  const id = newId("tok", random);
  const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString("base64url");
  const token = `${PREFIX}${id.slice(4)}.${secret}`;
  return { id, token, hash: hashOf(token).toString("base64url") };
}

/** The id that a token names; null for what is no API token. */
export function idOfToken(token: string): string | null {
  const found = TOKEN.exec(token)?.[1];
  return found === undefined ? null : `tok_${found}`;
}

export function hashOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}
