/**
 * The one place in front of every route: whether this principal may have it. A session that one
 * may not see is answered as one that does not exist.
 */
import { HubError } from "../../base/hub-error.ts";
import { demand, demandAll, sees, type Principal } from "./principal.ts";
import type { RouteRight } from "./route-rights.ts";

/** The id behind a name or id; null when there is no such session. */
export type IdOf = (session: string) => string | null;

/** @throws HubError Forbidden, SessionNotFound */
export function admit(
  principal: Principal,
  row: Exclude<RouteRight, string>,
  session: string,
  idOf: IdOf,
): void {
  demand(principal, row.right);
  if (row.reach === "hub") demandAll(principal);
  if (row.reach !== "session" || principal.sessions === null) return;
  const id = idOf(session);
  if (id === null || !sees(principal, id)) throw noSession(session);
}

/** The same words as for one that nobody ever made. */
export function noSession(session: string): HubError {
  return new HubError("SessionNotFound", `there is no session ${JSON.stringify(session)}`);
}
