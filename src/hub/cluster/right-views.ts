/** Rights as PostgreSQL keeps them, and as the hub knows them. Pure. */
import type { Rights, RightsChange, TokenRow } from "../../store/postgres/right-rows.ts";
import type { ApiToken } from "../auth/api-token.ts";
import { tokenIn, tokenText } from "../auth/token-file.ts";
import type { Revocation } from "../preview/revocations.ts";

export interface KnownRights {
  readonly stamp: string;
  /** The oldest first. */
  readonly tokens: readonly ApiToken[];
  readonly links: readonly Revocation[];
}

/** @throws HubError StoreCorrupt */
export function rightsOf({ stamp, tokens, links }: Rights): KnownRights {
  const known = tokens.map(({ used, body }) => ({ ...tokenIn(body), lastUsedAt: used }));
  return { stamp, links, tokens: known.sort((a, b) => a.createdAt - b.createdAt) };
}

export function tokenRow(token: ApiToken): TokenRow {
  const { id, expiresAt: ends, lastUsedAt } = token;
  const used = lastUsedAt === null ? null : Math.round(lastUsedAt);
  return { id, ends, used, body: tokenText(token) };
}

/** What leads from one to the other. */
export function changeOf(
  before: KnownRights,
  after: Pick<KnownRights, "tokens" | "links">,
  stamp: string,
): RightsChange {
  const old = new Map(before.tokens.map((token) => [token.id, token]));
  const staying = new Set(after.tokens.map(({ id }) => id));
  const known = new Set(before.links);
  return {
    stamp,
    put: after.tokens.filter((token) => isNews(token, old.get(token.id))).map(tokenRow),
    revoked: [...old.keys()].filter((id) => !staying.has(id)),
    links: after.links.filter((one) => !known.has(one)),
  };
}

function isNews({ lastUsedAt }: ApiToken, old: ApiToken | undefined): boolean {
  return old === undefined || (lastUsedAt ?? 0) > (old.lastUsedAt ?? 0);
}
