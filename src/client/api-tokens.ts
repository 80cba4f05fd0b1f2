/** API tokens of a hub, and who one is to it. Part of api.ts. */

export type TokenRole = "owner" | "operator" | "viewer" | "metrics";
/** `watcher` is whoever opened a share. */
export type Role = TokenRole | "watcher";

/** A token, without the token. */
export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** The only tenant whose sessions it sees; null for the hub's own people. */
  readonly tenant: string | null;
  /** Ids of the only sessions that it sees; null for all. */
  readonly sessions: readonly string[] | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

/** The only time that the token itself is told. */
export type NewApiToken = ApiToken & { readonly token: string };

/** A read-only share of the terminals of one session. */
export interface Share {
  readonly id: string;
  /** Id of the session. */
  readonly session: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

/** The only time that the link is told; its token is behind the #. */
export type NewShare = Share & { readonly url: string };

export interface Me {
  readonly id: string;
  /** What its maker called it; of a share, the session's name. */
  readonly name: string | null;
  readonly role: Role;
  readonly tenant: string | null;
  readonly sessions: readonly string[] | null;
  readonly expiresAt: string | null;
}

/** Whether it is told of the hub as a whole: platform, hubs, sums over all sessions. */
export function seesHub({ tenant, sessions }: Pick<Me, "tenant" | "sessions">): boolean {
  return tenant === null && sessions === null;
}

export interface TokenWish {
  readonly name: string;
  readonly role: TokenRole;
  /** The maker's own when it is left out. */
  readonly tenant?: string;
  /** Ids or names; all when it is left out. */
  readonly sessions?: readonly string[];
  /** 30 days when it is left out. */
  readonly expiresInSeconds?: number;
}

/** Who asked for what, as it was written before it was done. */
export interface AuditLine {
  readonly n: number;
  readonly at: string;
  readonly who: string;
  readonly from: string;
  /** The route. */
  readonly what: string;
  readonly target: string | null;
  /** `asked`, or `refused CODE`. */
  readonly outcome: string;
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

    /** The newest entries of the audit log, oldest first; for owners. */
    async audit(limit: number): Promise<{ readonly items: readonly AuditLine[] }> {
      return (await call("GET", `/v1/audit?limit=${limit}`)) as { items: AuditLine[] };
    },

    /** A link to the terminals of a session, to look at; an hour when no time is given. */
    async share(idOrName: string, forSeconds?: number): Promise<NewShare> {
      const body = forSeconds === undefined ? {} : { expiresInSeconds: forSeconds };
      return (await call("POST", sharesPath(idOrName), body)) as NewShare;
    },

    async shares(idOrName: string): Promise<readonly Share[]> {
      return ((await call("GET", sharesPath(idOrName))) as { items: Share[] }).items;
    },

    /** Who looks by it sees nothing more. */
    async revokeShare(idOrName: string, shareId: string): Promise<Share> {
      const path = `${sharesPath(idOrName)}/${encodeURIComponent(shareId)}`;
      return (await call("DELETE", path)) as Share;
    },

    /** What it has open ends with it. */
    async revokeToken(id: string): Promise<ApiToken> {
      return (await call("DELETE", `/v1/tokens/${encodeURIComponent(id)}`)) as ApiToken;
    },
  };
}

function sharesPath(idOrName: string): string {
  return `/v1/sessions/${encodeURIComponent(idOrName)}/shares`;
}
