/** What a dialler says in `Sec-WebSocket-Protocol`: its protocol, and a ticket where it has one. */
import type { IncomingHttpHeaders } from "node:http";
import { TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/version.ts";
import type { Access } from "./access.ts";

export function protocolsOf(headers: IncomingHttpHeaders): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
}

export function isTicket(protocol: string): boolean {
  return protocol.startsWith(TICKET_SUBPROTOCOL_PREFIX);
}

/** By the admin's token or by a ticket, which is used up by it. @throws HubError Unauthenticated */
export function checkPerson(access: Access, headers: IncomingHttpHeaders): void {
  const ticket = protocolsOf(headers).find(isTicket);
  if (ticket === undefined) access.checkAdmin(headers.authorization);
  else access.redeemTicket(ticket.slice(TICKET_SUBPROTOCOL_PREFIX.length));
}
