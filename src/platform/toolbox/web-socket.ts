/**
 * WebSockets of the daemon: finishes the handshake for the routes that have one. Owns the limits
 * of a socket; what is said on it is the route's.
 */
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Reply, ToolboxRequest } from "./reply.ts";
import { matchPath } from "./router.ts";

/** A larger message ends the socket with 1009, as on Daytona. */
const TYPED_BYTES = 64 * 1024;

export interface UpgradeRoute {
  path: string;
  /** Where it takes more at once than what is typed. */
  maxMessageBytes?: number;
  /** Takes the socket, or answers with a reply instead of a handshake. */
  handler: (request: ToolboxRequest, accept: Accept) => Reply | undefined;
}

export type Accept = (connected: (socket: WebSocket) => void) => void;

export type Upgrader = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** `preferred` is echoed when it is offered; a client ends the handshake when none is. */
export function makeUpgrader(routes: readonly UpgradeRoute[], preferred: string): Upgrader {
  const servers = new Map(
    routes.map(({ path, maxMessageBytes = TYPED_BYTES }) => [
      path,
      makeServer(maxMessageBytes, preferred),
    ]),
  );
  return (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://toolbox");
    for (const route of routes) {
      const params = matchPath(route.path, pathname);
      if (params === undefined) continue;
      const request = { method: "GET", path: pathname, params, query: searchParams, raw: incoming };
      const reply = route.handler(request, (connected) => {
        servers.get(route.path)?.handleUpgrade(incoming, socket, head, (accepted) => {
          // What breaks a socket ends it, and its close is what is looked at.
          accepted.on("error", () => undefined);
          connected(accepted);
        });
      });
      if (reply !== undefined) refuse(socket, "status" in reply ? reply.status : 500);
      return;
    }
    refuse(socket, 404);
  };
}

function makeServer(maxPayload: number, preferred: string): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload,
    handleProtocols: (offered) =>
      offered.has(preferred) ? preferred : (offered.values().next().value ?? false),
  });
}

function refuse(socket: Duplex, status: number): void {
  const reason = STATUS_CODES[status] ?? "Error";
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}
