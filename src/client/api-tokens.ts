/** API tokens of a hub, and who one is to it. Part of api.ts. */

export type TokenRole = "owner" | "operator" | "viewer" | "metrics";

/** A token, without the token. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  /** Ids of the only sessions that it sees; null for all. */
  readonly sessions: readonly string[] | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

/** The only time that the token itself is told. */
export type NewApiToken = ApiToken & { readonly token: string };

export interface Me {
  readonly id: string;
  readonly role: TokenRole;
  readonly sessions: readonly string[] | null;
  readonly expiresAt: string | null;
}

export interface TokenWish {
  readonly name: string;
  readonly role: TokenRole;
  /** Ids or names; all when it is left out. */
  readonly sessions?: readonly string[];
  /** 30 days when it is left out. */
  readonly expiresInSeconds?: number;
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

export function tokenCalls(call: Call) {
  return {
    /** Who the token of this client is to the hub. */
    async me(): Promise<Me> {
      return (await call("GET", "/v1/me")) as Me;
    },

    async tokens(): Promise<readonly ApiToken[]> {
      return ((await call("GET", "/v1/tokens")) as { items: ApiToken[] }).items;
    },

    async createToken(wish: TokenWish): Promise<NewApiToken> {
      return (await call("POST", "/v1/tokens", wish)) as NewApiToken;
    },

    /** What it has open ends with it. */
    async revokeToken(id: string): Promise<ApiToken> {
      return (await call("DELETE", `/v1/tokens/${encodeURIComponent(id)}`)) as ApiToken;
    },
  };
}
