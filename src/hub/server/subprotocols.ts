/**
 * Who opens a WebSocket: what it says in `Sec-WebSocket-Protocol` (its protocol, and a ticket where
 * it has one), what it may then do, and that its socket ends with its token.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { assert } from "../../base/assert.ts";
import { HubError } from "../../base/hub-error.ts";
import { CloseCodes } from "../../protocol/close-codes.ts";
import { TICKET_SUBPROTOCOL_PREFIX } from "../../protocol/version.ts";
import type { AuditNote } from "../auth/audit-chain.ts";
import { admit, type Lookup } from "../auth/guard.ts";
import type { Principal } from "../auth/principal.ts";
import { routeRights } from "../auth/route-rights.ts";
import type { Access } from "./access.ts";

/** Longer than any path of ours. */
const PATH_CHARS_MAX = 200;

export function protocolsOf(headers: IncomingHttpHeaders): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
}

export function isTicket(protocol: string): boolean {
  return protocol.startsWith(TICKET_SUBPROTOCOL_PREFIX);
}

/**
 * What must hold before anybody is asked who they are, at every WebSocket.
 * @throws HubError HostNotAllowed, BadRequest, OriginNotAllowed, VersionUnsupported
 */
export function checkHandshake(access: Access, request: IncomingMessage): void {
  const { headers, rawHeaders, url = "/" } = request;
  if (!access.isPeer(request)) access.checkHost(headers.host);
  access.checkHead(rawHeaders, url);
  access.checkOrigin(headers.origin, headers.host);
  const version = headers["sec-websocket-version"];
  // An older draft has its origin in another header, and the library would still take it.
  if (version !== undefined && version !== "13") {
    throw new HubError("VersionUnsupported", "of WebSocket this hub speaks version 13");
  }
}

/**
 * The guard of ../auth in front of a WebSocket: known by a token, or by a ticket, which is used up
 * by it; allowed; and written down.
 * @throws HubError Unauthenticated, Forbidden, SessionNotFound, StoreRefuses
 */
export function admitPerson(
  access: Access,
  request: IncomingMessage,
  way: { readonly route: string; readonly session?: string; readonly lookup?: Lookup },
): Principal {
  const { route, session = "", lookup = () => undefined } = way;
  const { headers } = request;
  // A ticket was used up where it was shown first.
  const ticket = access.isPeer(request) ? undefined : protocolsOf(headers).find(isTicket);
  const person =
    ticket === undefined
      ? access.caller(request)
      : access.redeemTicket(ticket.slice(TICKET_SUBPROTOCOL_PREFIX.length), route);
  const row = routeRights[route];
  assert(typeof row === "object", `${route} is no route for people`);
  admit(person, row, session, lookup);
  countLink(access, request, person.id);
  access.audit.note(linkNote(access, request, person.id, "asked"));
  return person;
}

/** For as long as its connection lasts, also when no WebSocket comes of it. @throws HubError */
export function countLink(access: Access, { socket }: IncomingMessage, id: string): void {
  socket.on("close", access.links.enter({ id }));
  access.strangers.hold(socket);
}

/** A link in the audit log; of its path no query, which may hold anything. */
export function linkNote(
  access: Access,
  request: IncomingMessage,
  who: string,
  outcome: string,
): AuditNote {
  const path = (request.url ?? "").split("?")[0] ?? "";
  const from = access.callers.addressOf(request);
  const what = `WS ${path.slice(0, PATH_CHARS_MAX)}`;
  return { who, from, what, target: null, outcome, detail: null };
}

/** What of a WebSocket is needed to end it. */
interface Endable {
  close(code: number, reason: string): void;
  removeAllListeners(event: "message"): unknown;
  on(event: "close" | "ping", listener: () => void): unknown;
  terminate(): void;
}

/** Each is answered, and costs its sender nothing; ours ask in frames of their own. */
const PINGS_PER_SECOND_MAX = 100;

/** The socket, which ends when it is pinged without end. */
export function calm<Socket extends Endable>(access: Access, ws: Socket): Socket {
  let [second, pings] = [0, 0];
  ws.on("ping", () => {
    const now = Math.floor(access.mono() / 1_000);
    pings = now === second ? pings + 1 : 1;
    second = now;
    if (pings <= PINGS_PER_SECOND_MAX) return;
    ws.removeAllListeners("message");
    ws.close(CloseCodes.rateLimited.code, "too many pings");
    // Who floods does not wait for an answer, and gets no more of them.
    ws.terminate();
  });
  return ws;
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
  ws.on("close", release);
  return calm(access, ws);
}
