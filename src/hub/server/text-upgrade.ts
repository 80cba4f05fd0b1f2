/**
 * WebSockets of foreign clients, one JSON-RPC message a text frame: `/v1/sessions/:id/lsp/:name`.
 * What must hold before there is a socket is checked here; what is said on it is lsp-room.ts.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { toHubError } from "../../base/hub-error.ts";
import type { Clock } from "../../base/clock.ts";
import { MESSAGE_BYTES_MAX } from "../../protocol/message-frames.ts";
import { fromTextWebSocket } from "../../transport/text-socket.ts";
import { wsOptions } from "../../transport/ws-socket.ts";
import { isLspPath, lspRequestOf } from "../lsp/lsp-request.ts";
import type { LspRoom } from "../lsp/lsp-room.ts";
import type { Sessions } from "../sessions.ts";
import type { Access } from "./access.ts";
import { refuseUpgrade } from "./problem.ts";
import { starting } from "./starting.ts";
import { admitPerson, heldBy, isTicket, linkNote } from "./subprotocols.ts";

export interface TextDoor {
  isFor(request: IncomingMessage): boolean;
  /** Answers, whatever comes of it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  close(): void;
}

export function createTextDoor(options: {
  readonly access: Access;
  readonly lsp: LspRoom;
  readonly sessions: Pick<Sessions, "known">;
  readonly clock: Clock;
  readonly isReady: () => boolean;
}): TextDoor {
  const { access, lsp, sessions, clock, isReady } = options;
  const idOf = (session: string): string | null => sessions.known(session)?.record.id ?? null;
  const server = new WebSocketServer({
    ...wsOptions,
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    // A ticket rides in the same header and must not be echoed.
    handleProtocols: (offered) => [...offered].find((one) => !isTicket(one)) ?? false,
  });
  return {
    isFor: ({ url = "" }) => isLspPath(url.split("?")[0] ?? ""),
    async upgrade(request, socket, head) {
      const { headers, url = "" } = request;
      try {
        access.checkHost(headers.host);
        access.checkOrigin(headers.origin, headers.host);
        if (!isReady()) throw starting();
        const { session } = lspRequestOf(url);
        const route = "WS /v1/sessions/:id/lsp/:name";
        const person = admitPerson(access, request, { route, session, idOf });
        const seat = await lsp.admit(url);
        let isTaken = false;
        server.handleUpgrade(request, socket, head, (ws) => {
          isTaken = true;
          heldBy(access, person, ws);
          seat.sit((events) => fromTextWebSocket(ws, clock, events));
        });
        // Nobody is there any more, or what was sent is no handshake: that is answered.
        if (!isTaken) seat.leave();
      } catch (error) {
        access.audit.refused(linkNote(request, "nobody", `refused ${toHubError(error).code}`));
        refuseUpgrade(socket, error);
      }
    },
    close() {
      lsp.close();
      for (const ws of server.clients) if (ws.readyState === ws.OPEN) ws.terminate();
    },
  };
}
