/**
 * Who opens a WebSocket: what it says in `Sec-WebSocket-Protocol` (its protocol, and a ticket where
 * it has one), what it may then do, and that its socket ends with its token.
 */
import type { IncomingHttpHeaders } from "node:http";
import { assert } from "../../base/assert.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/version.ts";
import { admit, type IdOf } from "../auth/guard.ts";
import type { Principal } from "../auth/principal.ts";
import { routeRights } from "../auth/route-rights.ts";
import type { Access } from "./access.ts";

export function protocolsOf(headers: IncomingHttpHeaders): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
}

export function isTicket(protocol: string): boolean {
  return protocol.startsWith(TICKET_SUBPROTOCOL_PREFIX);
}

/** By a token or by a ticket, which is used up by it. @throws HubError Unauthenticated */
export function personOf(access: Access, headers: IncomingHttpHeaders): Principal {
  const ticket = protocolsOf(headers).find(isTicket);
  if (ticket === undefined) return access.identify(headers.authorization);
  return access.redeemTicket(ticket.slice(TICKET_SUBPROTOCOL_PREFIX.length));
}

/** The guard of ../auth in front of a WebSocket. @throws HubError Forbidden, SessionNotFound */
export function checkRight(person: Principal, route: string, session: string, idOf: IdOf): void {
  const row = routeRights[route];
  assert(typeof row === "object", `${route} is no route for people`);
  admit(person, row, session, idOf);
}

/** What of a WebSocket is needed to end it. */
interface Endable {
  close(code: number, reason: string): void;
  removeAllListeners(event: "message"): unknown;
  once(event: "close", listener: () => void): unknown;
}

/** The socket, which ends with the token: nothing that comes afterwards is read. */
export function heldBy<Socket extends Endable>(
  access: Access,
  person: Principal,
  ws: Socket,
): Socket {
  const release = access.admitted.hold(person, (why) => {
    ws.removeAllListeners("message");
    ws.close(CloseCodes.unauthenticated.code, why);
  });
  ws.once("close", release);
  return ws;
}
