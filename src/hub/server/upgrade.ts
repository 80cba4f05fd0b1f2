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
import { fromWebSocket, wsOptions, type Below } from "../../transport/ws-socket.ts";
import { guestOf } from "../auth/guest.ts";
import type { Principal } from "../auth/principal.ts";
import type { Elsewhere } from "../cluster/company.ts";
import type { Previews } from "../preview/previews.ts";
import type { Sessions } from "../sessions.ts";
import type { Switchboard } from "../switchboard/attach.ts";
import type { HelloRate } from "../switchboard/hello-rate.ts";
import type { Access } from "./access.ts";
import { HANDLES } from "./acceptors.ts";
import { FarRoad } from "./far-road.ts";
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

/**
 * A door that gives nearly all that it can, turn after turn, has more behind it. A hub that drains
 * sends some twenty at a time: these are no crowd.
 */
const CROWD_TURNS = 5;
export const CROWD_DIALS = (CROWD_TURNS - 1) * HANDLES;

type Accept = (ws: WebSocket, below: Below) => void;

export interface UpgradeGate {
  attach(server: Server): void;
  /** Ends what has not said hello yet or is another hub's; the rest are the switchboard's. */
  close(): void;
}

export interface UpgradeGateOptions {
  access: Access;
  sessions: Sessions;
  switchboard: Switchboard;
  log: Logger;
  isReady: () => boolean;
  /** What is asked of its hosts is none of the API's. */
  previews: Pick<Previews, "door">;
  /** Foreign clients, who speak in messages of their own. */
  texts: TextDoor;
  /** Sessions of other hubs; unset for a hub of its own. */
  elsewhere?: Elsewhere;
  /** Hears when more drivers come than the doors give in a turn. */
  queue: Pick<HelloRate, "crowded">;
}

export function createUpgradeGate(options: UpgradeGateOptions): UpgradeGate {
  const { access, log, previews, texts, elsewhere } = options;
  const server = new WebSocketServer({
    ...wsOptions,
    noServer: true,
    // The ticket rides in the same header and must not be echoed.
    handleProtocols: () => SUBPROTOCOL,
  });
  const road = elsewhere === undefined ? null : new FarRoad({ ...options, elsewhere });

  // One for all: one of each socket's own would hold its request for as long as the socket lives.
  const failed = (error: Error): void =>
    log.debug({ error: error.message }, "upgrade socket failed");
  const driverDials = countTurns(() => options.queue.crowded());
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on("error", failed);
    if (request.url?.startsWith("/v1/driver") === true) driverDials();
    if (previews.door.isFor(request)) {
      void previews.door.upgrade(request, socket, head);
      return;
    }
    if (texts.isFor(request)) {
      void texts.upgrade(request, socket, head);
      return;
    }
    const refuse = (error: unknown): void => {
      access.audit.refused(
        linkNote(access, request, "nobody", `refused ${toHubError(error).code}`),
      );
      refuseUpgrade(socket, error);
    };
    const enter = (accept: Accept): void =>
      server.handleUpgrade(request, socket, head, (ws) => accept(ws, { socket, maskBytes: 0 }));
    whenKnown(access, request, refuse, () => {
      const wanted = road?.wants(request) ?? null;
      if (road === null || wanted === null) {
        enter(admitted(options, request));
        return;
      }
      const here = (person: Principal | null): void =>
        enter(person === null ? admitted(options, request) : seated(options, person));
      checkProtocol(request);
      road.take(wanted, { request, socket, head }, here).catch(refuse);
    });
  };
  return {
    attach: (http) => {
      access.strangers.watch(http);
      http.on("upgrade", onUpgrade);
    },
    close: () => {
      texts.close();
      road?.close();
      for (const ws of server.clients) if (ws.readyState === ws.OPEN) ws.terminate();
    },
  };
}

/** Returns what counts; `full` is called when so many come in a few turns of the event loop. */
function countTurns(full: () => void): () => void {
  let [dials, turns] = [0, 0];
  const turn = (): void => {
    turns += 1;
    if (turns < CROWD_TURNS) setImmediate(turn);
    else dials = turns = 0;
  };
  return () => {
    if (dials === 0) setImmediate(turn);
    dials += 1;
    if (dials === CROWD_DIALS) full();
  };
}

/** Says who gets the socket; throws when nobody does. */
function admitted(options: UpgradeGateOptions, request: IncomingMessage): Accept {
  const { access, sessions, switchboard, elsewhere } = options;
  const { headers } = request;
  const path = (request.url ?? "").split("?")[0];
  if (path !== "/v1/client" && path !== "/v1/driver") {
    throw new HubError("NotFound", `there is no WebSocket at ${path ?? "/"}`);
  }
  checkHandshake(access, request);
  checkProtocol(request);
  // Drivers re-dial while the hub starts: a 404 would send them away for a minute.
  if (!options.isReady()) throw starting();
  if (path === "/v1/driver") {
    const { sessionId, sandboxName } = access.driverOwner(headers.authorization);
    if (elsewhere?.isPeer(request) === true && sessions.known(sessionId) === undefined) {
      throw new HubError("SessionMoved", `session ${sessionId} is not here any more`);
    }
    const session = sessions.find(sessionId);
    if (session.record.sandboxName !== sandboxName) {
      throw new HubError("SessionNotFound", `${sandboxName} was replaced: it has no session`);
    }
    countLink(access, request, `driver of ${sessionId}`);
    return (ws, below) => switchboard.acceptDriver(fromWebSocket(calm(access, ws), below), session);
  }
  return seated(options, admitPerson(access, request, { route: "WS /v1/client" }));
}

function seated({ access, switchboard }: UpgradeGateOptions, person: Principal): Accept {
  return (ws, below) =>
    switchboard.acceptClient(fromWebSocket(heldBy(access, person, ws), below), guestOf(person));
}

/** @throws HubError VersionUnsupported */
function checkProtocol({ headers }: IncomingMessage): void {
  if (protocolsOf(headers).includes(SUBPROTOCOL)) return;
  throw new HubError("VersionUnsupported", `the subprotocol ${SUBPROTOCOL} was not offered`);
}

/** At once, unless the identity provider has to be asked about the token first. */
function whenKnown(
  access: Access,
  request: IncomingMessage,
  refuse: (error: unknown) => void,
  enter: () => void,
): void {
  const learning = access.learn(request);
  if (learning !== null) {
    learning.then(enter).catch(refuse);
    return;
  }
  try {
    enter();
  } catch (error) {
    refuse(error);
  }
}
