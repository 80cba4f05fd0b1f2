/**
 * Who asks, and what that one may: the roles, the rights that each has, and the sessions that a
 * principal can see. Pure. Which right a route needs is route-rights.ts.
 */
import { HubError } from "../../base/hub-error.ts";
import { meantBy, tenantOf } from "../../base/tenant.ts";

/**
 * `watch` reads terminals that are open, `look` sees how sessions are, too, `work` changes sessions
 * and acts inside, `measure` reads the hub's numbers, `govern` gives and takes rights.
 */
export type Right = "watch" | "look" | "work" | "measure" | "govern";

/** Those that a token can be made with. */
export const tokenRoles = ["owner", "operator", "viewer", "metrics"] as const;
/** `watcher` is whoever was sent a link to a session's terminals: it comes by a share only. */
export const roles = [...tokenRoles, "watcher"] as const;
export type Role = (typeof roles)[number];

const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  owner: ["watch", "look", "work", "measure", "govern"],
  operator: ["watch", "look", "work"],
  viewer: ["watch", "look"],
  metrics: ["measure"],
  watcher: ["watch"],
};

export interface Principal {
  /**
   * `admin`, `metrics`, the id of an API token, or `oidc_…` of who carries a token of the identity
   * provider: what logs and the audit log call it.
   */
  readonly id: string;
  /** Whose login it is: several of one person share what is counted. */
  readonly person?: string;
  readonly role: Role;
  /** Sees the sessions of that tenant alone; null for the hub's own people, who see all. */
  readonly tenant: string | null;
  /** Ids of the only sessions that it can see; null for all of them. */
  readonly sessions: readonly string[] | null;
  /** Wall ms; null for one that does not end by itself. */
  readonly expiresAt: number | null;
}

/** What of a session tells whether one sees it. */
export interface Seen {
  readonly id: string;
  readonly name: string;
}

const always = { tenant: null, sessions: null, expiresAt: null } as const;
/** Whoever has the token of the hub's own state directory. */
export const ADMIN: Principal = { id: "admin", role: "owner", ...always };
export const COLLECTOR: Principal = { id: "metrics", role: "metrics", ...always };

export function has({ role }: Principal, right: Right): boolean {
  return RIGHTS[role].includes(right);
}

/** The one judge of it. Both are looked at, whatever the first says. */
export function sees({ tenant, sessions }: Principal, { id, name }: Seen): boolean {
  const isOurs = tenant === null || tenantOf(name) === tenant;
  const isNamed = sessions === null || sessions.includes(id);
  return isOurs && isNamed;
}

/** The session that this caller means: names are those of its own tenant. */
export function meant({ tenant }: Principal, idOrName: string): string {
  return tenant === null ? idOrName : meantBy(tenant, idOrName);
}

/** Sees less than the whole hub. */
export function isConfined({ tenant, sessions }: Principal): boolean {
  return tenant !== null || sessions !== null;
}

/** @throws HubError Forbidden */
export function demand(principal: Principal, right: Right): void {
  if (has(principal, right)) return;
  throw new HubError("Forbidden", `a token of the role ${principal.role} may not do that`);
}

/** For what concerns all sessions of its tenant, or of the hub. @throws HubError Forbidden */
export function demandAll({ sessions, tenant }: Principal, of: "tenant" | "hub"): void {
  if (sessions !== null) throw new HubError("Forbidden", "this token is for some sessions only");
  if (of === "tenant" || tenant === null) return;
  throw new HubError("Forbidden", "this token is for one tenant only");
}
