/**
 * The one place in front of every route: whether this principal may have it. A session that one
 * may not see is answered as one that does not exist.
 */
import { HubError } from "../../base/hub-error.ts";
import { demand, demandAll, isConfined, meant, sees } from "./principal.ts";
import type { Principal, Seen } from "./principal.ts";
import type { RouteRight } from "./route-rights.ts";

/** The session of this id or full name in the tenant, or in the hub where that is null. */
export type Lookup = (session: string, tenant: string | null) => Seen | undefined;

/** What is asked of the caller alone, whatever session it names. @throws HubError Forbidden */
export function allow(principal: Principal, { right, reach }: Exclude<RouteRight, string>): void {
  demand(principal, right);
  if (reach === "hub" || reach === "tenant") demandAll(principal, reach);
}

/** @throws HubError Forbidden, SessionNotFound */
export function admit(
  principal: Principal,
  row: Exclude<RouteRight, string>,
  session: string,
  lookup: Lookup,
): void {
  allow(principal, row);
  if (row.reach !== "session" || !isConfined(principal)) return;
  demandSeen(principal, session, lookup(meant(principal, session), principal.tenant));
}

/** @throws HubError SessionNotFound, in the same words for none and for one of others */
export function demandSeen(
  principal: Principal,
  asked: string,
  found: Seen | null | undefined,
): asserts found is Seen {
  if (found === undefined || found === null || !sees(principal, found)) throw noSession(asked);
}

/** The same words as for one that nobody ever made. */
export function noSession(session: string): HubError {
  return new HubError("SessionNotFound", `there is no session ${JSON.stringify(session)}`);
}
