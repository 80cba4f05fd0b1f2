/** The hub's doors on a loopback port: real sockets, fake platform, the test's clock. */
import { WebSocket } from "ws";
import { connect, type AddressInfo, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { InnerClient } from "../../src/hub/inner-client.ts";
import { LspRoom } from "../../src/hub/lsp/lsp-room.ts";
import { createTextDoor } from "../../src/hub/server/text-upgrade.ts";
import { createUpgradeGate } from "../../src/hub/server/upgrade.ts";
import { Switchboard } from "../../src/hub/switchboard/attach.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../src/protocol/frame.ts";
import { splitAttach } from "../../src/protocol/resume.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/version.ts";
import { Channel, NEW_CHANNEL } from "../../src/stream/channel.ts";
import { OpenRequest } from "../../src/protocol/services.ts";
import { Egress } from "../../src/stream/egress.ts";
import type { FrameSocket, SocketEnd } from "../../src/transport/frame-socket.ts";
import {
  dialWebSocket,
  fromWebSocket,
  wsOptions,
  type DialOutcome,
} from "../../src/transport/ws-socket.ts";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "./hub-http.ts";
import type { HubWorld } from "./hub-world.ts";

export interface HubServer extends HubHttp {
  readonly port: number;
  readonly switchboard: Switchboard;
  driver(sessionId: string): Promise<Wire>;
  client(token?: string): Promise<Wire>;
  /** A client whose reading a test can stop. */
  pausableClient(): Promise<{ readonly wire: Wire; readonly ws: WebSocket }>;
  dial(path: string, headers: Record<string, string>, protocols?: string[]): Promise<DialOutcome>;
  close(): Promise<void>;
}

/** `ports` is the hub's own way into sessions; without it, it is the one of a real hub. */
export async function hubServer(
  world: HubWorld,
  ports: Pick<InnerClient, "attach"> | null = null,
): Promise<HubServer> {
  const { clock, sessions } = world;
  const switchboard = new Switchboard({
    hubId: "hub_test",
    clock,
    queue: world.queue,
    random: seededRandom("switchboard"),
    log: silentLogger,
    find: sessions.find.bind(sessions),
    verdict: sessions.verdict.bind(sessions),
  });
  const random = seededRandom("inner client");
  const inner = new InnerClient({ switchboard, clock: systemClock, random });
  const http = hubHttp(world, silentLogger, ports ?? inner);
  const { access, previews } = http;
  const isReady = (): boolean => http.ready;
  const lsp = new LspRoom({ sessions, client: ports ?? inner });
  const texts = createTextDoor({ access, sessions, lsp, clock: systemClock, isReady });
  const doors = { previews, texts, log: silentLogger, queue: world.queue };
  const gate = createUpgradeGate({ access, sessions, switchboard, isReady, ...doors });
  gate.attach(http.app.server);
  await http.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = http.app.server.address() as AddressInfo;
  const dial: HubServer["dial"] = (path, headers, protocols = [SUBPROTOCOL]) =>
    dialWebSocket(`ws://127.0.0.1:${port}${path}`, { headers, protocols, timeoutMs: 5_000 });
  const open = async (path: string, token: string): Promise<Wire> => {
    const outcome = await dial(path, { authorization: `Bearer ${token}` });
    if (!outcome.ok) throw new Error(outcome.failure.message);
    return new Wire(outcome.socket);
  };
  return Object.assign(http, {
    port,
    switchboard,
    dial,
    driver: (sessionId: string) => {
      const { sandboxName } = sessions.find(sessionId).record;
      return open("/v1/driver", access.driverToken(sessionId, sandboxName));
    },
    client: (token = ADMIN_TOKEN) => open("/v1/client", token),
    pausableClient: async () => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/v1/client`, [SUBPROTOCOL], {
        ...wsOptions,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      const wire = new Wire(fromWebSocket(ws));
      await new Promise((resolve) => ws.once("open", resolve));
      return { wire, ws };
    },
    close: async () => {
      previews.door.close();
      texts.close();
      inner.close();
      switchboard.close("the test ends");
      gate.close();
      http.app.server.closeAllConnections();
      await http.app.close();
    },
  });
}

export const ticketProtocols = (ticket: string): string[] => [
  SUBPROTOCOL,
  TICKET_SUBPROTOCOL_PREFIX + ticket,
];

/** One end of a link in the hands of a test: says frames, and waits for what it hears. */
export class Wire {
  readonly socket: FrameSocket;
  readonly heard: Frame[] = [];
  ended: SocketEnd | null = null;
  #waiters: (() => void)[] = [];
  #probes: ProbeEnd | null = null;

  constructor(socket: FrameSocket) {
    this.socket = socket;
    socket.onFrame((message) => {
      const frame = decodeFrame(message.slice());
      if (frame !== null && this.#probes?.take(frame) !== true) this.heard.push(frame);
      this.#wake();
    });
    socket.onClose((end) => {
      this.ended = end;
      this.#wake();
    });
  }

  say(type: FrameType, body: object | Uint8Array = {}, rest: Partial<Frame> = {}): void {
    const bytes = body instanceof Uint8Array ? body : encodeJson(body);
    this.socket.send(encodeFrame({ type, ...rest, body: bytes }));
  }

  raw(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  /** The first frame of this type, once it is there; it is taken out. */
  async hear(type: FrameType): Promise<Frame> {
    for (;;) {
      const at = this.heard.findIndex((frame) => frame.type === type);
      const [found] = at < 0 ? [] : this.heard.splice(at, 1);
      if (found !== undefined) return found;
      if (this.ended !== null) throw new Error(`closed with ${this.ended.code} instead`);
      await this.#next();
    }
  }

  async end(): Promise<SocketEnd> {
    while (this.ended === null) await this.#next();
    return this.ended;
  }

  helloAsClient(): void {
    this.say(FrameType.hello, { v: 1, role: "client", impl: "test", features: [] });
  }

  helloAsDriver(session: string, more: object = {}): void {
    this.say(FrameType.hello, {
      v: 1,
      role: "driver",
      session,
      impl: "test",
      features: [],
      lastEpoch: null,
      instance: { pid: 1, startTicks: "1", bootId: "b", startedAt: 1 },
      reason: "start",
      clock: { wallMs: 1, monoMs: 1 },
      ...more,
    });
  }

  /** Hello, welcome, confirm. Answers the hub's own probes from then on. Returns the epoch. */
  async asDriver(session: string, more: object = {}): Promise<number> {
    this.helloAsDriver(session, more);
    const welcome = bodyOf(await this.hear(FrameType.welcome));
    const { epoch, challenge } = welcome;
    this.#probes = new ProbeEnd(this.socket, Number(epoch));
    this.say(FrameType.epochConfirm, { epoch, challenge });
    return Number(epoch);
  }

  /** Until its end, each ping for which `answers` says so. */
  async answerPings(answers = (): boolean => true): Promise<void> {
    while (this.ended === null) {
      const ping = await this.hear(FrameType.ping).catch(() => null);
      if (ping === null) return;
      if (answers()) this.say(FrameType.pong, ping.body);
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** The driver's end of the hub's own channel, in a sandbox where all is well. */
class ProbeEnd {
  readonly #socket: FrameSocket;
  readonly #epoch: number;
  #channel: Channel | null = null;

  constructor(socket: FrameSocket, epoch: number) {
    this.#socket = socket;
    this.#epoch = epoch;
  }

  /** The hub attaches before any client can. True when the frame was its own. */
  take(frame: Frame): boolean {
    if (this.#channel === null) {
      if (frame.type !== FrameType.attach) return false;
      const well = { ok: true, latencyMs: 1, code: null, detail: "fine" };
      this.#channel = new Channel({
        side: "driver",
        requests: OpenRequest,
        clock: systemClock,
        onOpen: (request, stream) => {
          if (request.kind === "mark") {
            // Its sandbox is a fake one, in which nobody can look.
            stream.reset("REFUSED", "no such service in a test");
            return;
          }
          stream.accept({}, 0);
          const shown = request.kind === "terminal" ? request.argv.slice(4).join("") : null;
          const probed = encodeJson({ exec: well, filesystem: well });
          stream.write(shown === null ? probed : new TextEncoder().encode(shown));
          stream.end();
        },
      });
      const link = {
        route: frame.route,
        epoch: this.#epoch,
        egress: new Egress(this.#socket, systemClock),
      };
      this.#channel.bind(link, NEW_CHANNEL);
      return true;
    }
    if (frame.route !== this.#channel.link?.route) return false;
    this.#channel.receive(frame);
    return true;
  }
}

/** The JSON of a frame; of ATTACH and ATTACHED the head. */
export function bodyOf(frame: Frame): Record<string, unknown> {
  const withVector = frame.type === FrameType.attach || frame.type === FrameType.attached;
  const json = withVector ? splitAttach(frame.body).json : frame.body;
  return JSON.parse(new TextDecoder().decode(json)) as Record<string, unknown>;
}

/** A plain TCP connection that keeps its half open whatever the other side does. */
export async function rawConnection(port: number): Promise<{
  readonly socket: Socket;
  readonly closed: Promise<void>;
  text(): string;
}> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once("end", resolve);
    socket.once("close", () => resolve());
  });
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, closed, text: () => text };
}
