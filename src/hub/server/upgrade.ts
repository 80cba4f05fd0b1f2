/**
 * The one gate for every WebSocket: path, Host, Origin, subprotocol, credentials and limits are
 * checked here, before there is a socket. Nothing else listens to `upgrade`.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { SUBPROTOCOL } from "../../protocol/version.ts";
import { fromWebSocket, wsOptions } from "../../transport/ws-socket.ts";
import { guestOf } from "../auth/guest.ts";
import type { Previews } from "../preview/previews.ts";
import type { Sessions } from "../sessions.ts";
import type { Switchboard } from "../switchboard/attach.ts";
import type { Access } from "./access.ts";
import { refuseUpgrade } from "./problem.ts";
import { starting } from "./starting.ts";
import {
  admitPerson,
  calm,
  checkHandshake,
  countLink,
  heldBy,
  linkNote,
  protocolsOf,
} from "./subprotocols.ts";
import type { TextDoor } from "./text-upgrade.ts";

export interface UpgradeGate {
  attach(server: Server): void;
  /** Ends what has not said hello yet; all others belong to the switchboard. */
  close(): void;
}

export function createUpgradeGate(options: {
  access: Access;
  sessions: Sessions;
  switchboard: Switchboard;
  log: Logger;
  isReady: () => boolean;
  /** What is asked of its hosts is none of the API's. */
  previews: Pick<Previews, "door">;
  /** Foreign clients, who speak in messages of their own. */
  texts: TextDoor;
}): UpgradeGate {
  const { access, sessions, switchboard, log, previews, texts } = options;
  const server = new WebSocketServer({
    ...wsOptions,
    noServer: true,
    // The ticket rides in the same header and must not be echoed.
    handleProtocols: () => SUBPROTOCOL,
  });
  /** Says who gets the socket; throws when nobody does. */
  const admitted = (request: IncomingMessage): ((ws: WebSocket) => void) => {
    const { headers } = request;
    const path = (request.url ?? "").split("?")[0];
    if (path !== "/v1/client" && path !== "/v1/driver") {
      throw new HubError("NotFound", `there is no WebSocket at ${path ?? "/"}`);
    }
    checkHandshake(access, request);
    if (!protocolsOf(headers).includes(SUBPROTOCOL)) {
      throw new HubError("VersionUnsupported", `the subprotocol ${SUBPROTOCOL} was not offered`);
    }
    // Drivers re-dial while the hub starts: a 404 would send them away for a minute.
    if (!options.isReady()) throw starting();
    if (path === "/v1/driver") {
      const { sessionId, sandboxName } = access.driverOwner(headers.authorization);
      const session = sessions.find(sessionId);
      if (session.record.sandboxName !== sandboxName) {
        throw new HubError("SessionNotFound", `${sandboxName} was replaced: it has no session`);
      }
      countLink(access, request, `driver of ${sessionId}`);
      return (ws) => switchboard.acceptDriver(fromWebSocket(calm(access, ws)), session);
    }
    const person = admitPerson(access, request, { route: "WS /v1/client" });
    const guest = guestOf(person);
    return (ws) => switchboard.acceptClient(fromWebSocket(heldBy(access, person, ws)), guest);
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on("error", (error) => log.debug({ error: error.message }, "upgrade socket failed"));
    if (previews.door.isFor(request)) {
      void previews.door.upgrade(request, socket, head);
      return;
    }
    if (texts.isFor(request)) {
      void texts.upgrade(request, socket, head);
      return;
    }
    try {
      const accept = admitted(request);
      server.handleUpgrade(request, socket, head, accept);
    } catch (error) {
      access.audit.refused(linkNote(request, "nobody", `refused ${toHubError(error).code}`));
      refuseUpgrade(socket, error);
    }
  };
  return {
    attach: (http) => http.on("upgrade", onUpgrade),
    close: () => {
      texts.close();
      for (const ws of server.clients) if (ws.readyState === ws.OPEN) ws.terminate();
    },
  };
}
