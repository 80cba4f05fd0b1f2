/**
 * Who asks, and what that one may: the roles, the rights that each has, and the sessions that a
 * principal can see. Pure. Which right a route needs is route-rights.ts.
 */
import { HubError } from "../../base/hub-error.ts";

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
  /** `admin`, `metrics`, or the id of an API token: what logs and the audit log call it. */
  readonly id: string;
  readonly role: Role;
  /** Ids of the only sessions that it can see; null for all of them. */
  readonly sessions: readonly string[] | null;
  /** Wall ms; null for one that does not end by itself. */
  readonly expiresAt: number | null;
}

const always = { sessions: null, expiresAt: null } as const;
/** Whoever has the token of the hub's own state directory. */
export const ADMIN: Principal = { id: "admin", role: "owner", ...always };
export const COLLECTOR: Principal = { id: "metrics", role: "metrics", ...always };

export function has({ role }: Principal, right: Right): boolean {
  return RIGHTS[role].includes(right);
}

export function sees({ sessions }: Principal, sessionId: string): boolean {
  return sessions === null || sessions.includes(sessionId);
}

/** @throws HubError Forbidden */
export function demand(principal: Principal, right: Right): void {
  if (has(principal, right)) return;
  throw new HubError("Forbidden", `a token of the role ${principal.role} may not do that`);
}

/** For what concerns all sessions of the hub. @throws HubError Forbidden */
export function demandAll({ sessions }: Principal): void {
  if (sessions === null) return;
  throw new HubError("Forbidden", "this token is for some sessions only");
}
