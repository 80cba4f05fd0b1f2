/**
 * WebSockets of foreign clients, one JSON-RPC message a text frame: `/v1/sessions/:id/lsp/:name`.
 * What must hold before there is a socket is checked here; what is said on it is lsp-room.ts.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Clock } from "../../base/clock.ts";
import { faults } from "../../base/faults.ts";
import { toHubError, type HubError } from "../../base/hub-error.ts";
import { MESSAGE_BYTES_MAX } from "../../protocol/message-frames.ts";
import { fromTextWebSocket } from "../../transport/text-socket.ts";
import { clipReason, wsOptions } from "../../transport/ws-socket.ts";
import type { Lookup } from "../auth/guard.ts";
import { isLspPath, lspSessionOf } from "../lsp/lsp-request.ts";
import type { LspRoom } from "../lsp/lsp-room.ts";
import type { Sessions } from "../sessions.ts";
import type { Access } from "./access.ts";
import { refuseUpgrade } from "./problem.ts";
import { starting } from "./starting.ts";
import { admitPerson, checkHandshake, heldBy, isTicket, linkNote } from "./subprotocols.ts";

/** To a page, by the status of a program: for good, or for as long as the session is away. */
const REFUSED: Readonly<Record<number, number>> = { 400: 4400, 403: 4403, 404: 4404, 410: 4404 };
const REFUSED_FOR_NOW = 4408;

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
  const lookup: Lookup = (session, tenant) => sessions.known(session, tenant)?.record;
  const server = new WebSocketServer({
    ...wsOptions,
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    // A ticket rides in the same header and must not be echoed.
    handleProtocols: (offered) => [...offered].find((one) => !isTicket(one)) ?? false,
  });
  const closeWith = (
    { code, message }: HubError,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void => {
    server.handleUpgrade(request, socket, head, (ws) => {
      ws.on("error", () => undefined);
      ws.close(REFUSED[faults[code].http] ?? REFUSED_FOR_NOW, clipReason(`${code}: ${message}`));
    });
  };
  return {
    isFor: ({ url = "" }) => isLspPath(url.split("?")[0] ?? ""),
    async upgrade(request, socket, head) {
      const { headers, url = "" } = request;
      const isPage = headers.origin !== undefined;
      let isKnown = false;
      try {
        await access.learn(request);
        checkHandshake(access, request);
        if (!isReady()) throw starting();
        const session = lspSessionOf(url);
        const route = "WS /v1/sessions/:id/lsp/:name";
        const person = admitPerson(access, request, { route, session, lookup });
        isKnown = true;
        const seat = await lsp.admit(url, person);
        let isTaken = false;
        server.handleUpgrade(request, socket, head, (ws) => {
          isTaken = true;
          heldBy(access, person, ws);
          seat.sit((events) => fromTextWebSocket(ws, clock, events));
        });
        // Nobody is there any more, or what was sent is no handshake: that is answered.
        if (!isTaken) seat.leave();
      } catch (error) {
        const fault = toHubError(error);
        access.audit.refused(linkNote(access, request, "nobody", `refused ${fault.code}`));
        // A script in a page sees neither status nor body of a refusal: it gets a close instead.
        if (isPage && isKnown) closeWith(fault, request, socket, head);
        else refuseUpgrade(socket, error);
      }
    },
    close() {
      lsp.close();
      for (const ws of server.clients) if (ws.readyState === ws.OPEN) ws.terminate();
    },
  };
}
