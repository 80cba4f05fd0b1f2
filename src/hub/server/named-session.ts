/** Which session a caller names that is asked for beside a path, wherever among hubs it is. */
import type { FastifyRequest } from "fastify";
import { demandSeen } from "../auth/guard.ts";
import { meant } from "../auth/principal.ts";
import { principalOf } from "./door-keeper.ts";
import type { RouteOptions } from "./http.ts";

/** Its id. @throws HubError SessionNotFound, in the same words for none and for one of others */
export async function idNamed(
  request: FastifyRequest,
  wanted: string,
  { sessionsOf, elsewhere }: Pick<RouteOptions, "sessionsOf" | "elsewhere">,
): Promise<string> {
  const sessions = sessionsOf(request);
  const principal = principalOf(request);
  // What is here is found without the store, which may be away.
  if (elsewhere?.isShared !== true || sessions.has(wanted)) return sessions.find(wanted).record.id;
  const place = await elsewhere.place(meant(principal, wanted));
  demandSeen(principal, wanted, place);
  return place.id;
}
