/**
 * The smallest hub that a driver and a client can talk through: epochs, pings, routes, relay. For
 * tests of the two ends; the product's hub is elsewhere and has its own tests.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { systemClock } from "../../src/base/clock.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { Attach, DriverHello, EpochConfirm, parseControl } from "../../src/protocol/control.ts";
import {
  decodeFrame,
  encodeFrame,
  FrameType,
  rewriteRoute,
  type Frame,
} from "../../src/protocol/frame.ts";
import { splitAttach } from "../../src/protocol/resume.ts";
import { createHeartbeat, type Heartbeat, type Pong } from "../../src/stream/heartbeat.ts";
import type { FrameSocket } from "../../src/transport/frame-socket.ts";
import { fromWebSocket, wsOptions } from "../../src/transport/ws-socket.ts";
import { until } from "./until.ts";

export interface DriverLink {
  readonly hello: DriverHello;
  readonly epoch: number;
  readonly socket: FrameSocket;
  readonly heartbeat: Heartbeat;
  readonly pongs: Pong[];
  readonly atMs: number;
  authorization: string;
  ended: { code: number; reason: string } | null;
}

interface Route {
  readonly client: FrameSocket;
  readonly clientRoute: number;
  readonly channelId: string;
}

export class TinyHub {
  readonly drivers: DriverLink[] = [];
  /** Closes the next drivers with this code instead of a welcome. */
  refuseWith: number | null = null;
  /** Ends the links of all clients with that of a driver, so that they attach anew. */
  cutsClients = false;
  port = 0;
  readonly #server: Server;
  readonly #wss = new WebSocketServer({ ...wsOptions, noServer: true });
  readonly #routes = new Map<number, Route>();
  readonly #sockets = new Set<FrameSocket>();
  #epoch: number;
  #nextRoute = 1;
  #waiters: (() => void)[] = [];

  constructor(firstEpoch = 1) {
    this.#epoch = firstEpoch - 1;
    this.#server = createServer((_request, response) => response.writeHead(404).end());
    this.#server.on("upgrade", (request, socket, head) => {
      this.#wss.handleUpgrade(request, socket, head, (ws) => {
        const frames = fromWebSocket(ws);
        this.#sockets.add(frames);
        if (request.url === "/v1/driver") {
          this.#driver(frames, request.headers.authorization ?? "");
        } else this.#client(frames);
      });
    });
  }

  get epoch(): number {
    return this.#epoch;
  }

  async listen(where: { path: string } | { port: number }): Promise<number> {
    const target = "path" in where ? where : { ...where, host: "127.0.0.1" };
    await new Promise<void>((resolve) => this.#server.listen(target, resolve));
    if ("port" in where) this.port = (this.#server.address() as AddressInfo).port;
    return this.port;
  }

  /** The newest driver link, once there are `count` of them in total. */
  async driver(count = 1, waitMs = 10_000): Promise<DriverLink> {
    const endAt = Date.now() + waitMs;
    for (;;) {
      const link = this.drivers[count - 1];
      if (link !== undefined) return link;
      const restMs = endAt - Date.now();
      if (restMs <= 0) throw new Error(`driver link ${count} did not come in ${waitMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Asks a driver to come to rest; resolves with the code with which its link ended. */
  async rest(link: DriverLink): Promise<number> {
    const { epoch } = link;
    const body = encodeJson({ id: `chk_${epoch}`, deadlineMs: 5_000 });
    link.socket.send(encodeFrame({ type: FrameType.prepareCheckpoint, epoch, body }));
    await until(() => link.ended !== null);
    return link.ended?.code ?? 0;
  }

  async close(): Promise<void> {
    for (const link of this.drivers) link.heartbeat.stop();
    for (const socket of this.#sockets) socket.terminate();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #driver(socket: FrameSocket, authorization: string): void {
    let hello: DriverHello | null = null;
    let link: DriverLink | null = null;
    const epoch = ++this.#epoch;
    socket.onClose((end) => {
      if (link === null) return;
      link.heartbeat.stop();
      link.ended = end;
      if (this.cutsClients) for (const { client } of this.#routes.values()) client.terminate();
    });
    socket.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame === null) return;
      if (frame.type === FrameType.hello) {
        hello = parseControl(DriverHello, frame.body);
        if (this.refuseWith !== null) {
          socket.close(this.refuseWith, "refused by the test");
          return;
        }
        sendWelcome(socket, { epoch, challenge: `challenge-${epoch}` }, 1_000, 6_000);
      } else if (frame.type === FrameType.epochConfirm && hello !== null) {
        const confirm = parseControl(EpochConfirm, frame.body);
        if (confirm.epoch !== epoch || confirm.challenge !== `challenge-${epoch}`) {
          throw new Error("wrong confirmation");
        }
        link = this.#confirmed(socket, hello, epoch, authorization);
      } else if (link !== null) this.#fromDriver(link, frame, message);
    });
  }

  #confirmed(
    socket: FrameSocket,
    hello: DriverHello,
    epoch: number,
    authorization: string,
  ): DriverLink {
    const heartbeat = createHeartbeat({
      clock: systemClock,
      pingMs: 1_000,
      suspectMs: 3_000,
      deadMs: 6_000,
      send: (body) => socket.send(encodeFrame({ type: FrameType.ping, body })),
      onDead: () => socket.terminate(),
    });
    const atMs = performance.now();
    const link: DriverLink = {
      hello,
      epoch,
      socket,
      heartbeat,
      pongs: [],
      atMs,
      authorization,
      ended: null,
    };
    this.drivers.push(link);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
    return link;
  }

  #fromDriver(link: DriverLink, frame: Frame, message: Uint8Array): void {
    link.heartbeat.received();
    if (frame.type === FrameType.ping) {
      link.socket.send(encodeFrame({ type: FrameType.pong, body: frame.body }));
    } else if (frame.type === FrameType.pong) {
      const pong = link.heartbeat.ponged(frame.body);
      if (pong !== null) link.pongs.push(pong);
    } else {
      const route = this.#routes.get(frame.route);
      if (route === undefined) return;
      const copy = message.slice();
      rewriteRoute(copy, route.clientRoute);
      route.client.send(copy);
    }
  }

  #client(socket: FrameSocket): void {
    const toDriver = new Map<number, number>();
    socket.onClose(() => {
      for (const route of toDriver.values()) this.#detach(route);
    });
    socket.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame === null) return;
      const driver = this.drivers.at(-1);
      if (frame.type === FrameType.hello) sendWelcome(socket, {}, 5_000, 15_000);
      else if (frame.type === FrameType.ping) {
        socket.send(encodeFrame({ type: FrameType.pong, body: frame.body }));
      } else if (frame.type === FrameType.attach) {
        const attach = parseControl(Attach, splitAttach(frame.body).json);
        if (driver === undefined || driver.ended !== null) {
          const body = encodeJson({
            code: "SessionNotConnected",
            message: "no driver",
            channelId: attach.channelId,
          });
          socket.send(encodeFrame({ type: FrameType.error, body }));
          return;
        }
        const route = this.#nextRoute++;
        toDriver.set(1000 + route, route);
        const { channelId } = attach;
        this.#routes.set(route, { client: socket, clientRoute: 1000 + route, channelId });
        const { body } = frame;
        driver.socket.send(
          encodeFrame({ type: FrameType.attach, route, epoch: driver.epoch, body }),
        );
      } else if (frame.type !== FrameType.pong) {
        const route = toDriver.get(frame.route);
        if (route === undefined || driver === undefined) return;
        const copy = message.slice();
        rewriteRoute(copy, route);
        driver.socket.send(copy);
      }
    });
  }

  #detach(route: number): void {
    const driver = this.drivers.at(-1);
    this.#routes.delete(route);
    const body = encodeJson({ reason: "client went away", keep: true });
    driver?.socket.send(encodeFrame({ type: FrameType.detach, route, epoch: driver.epoch, body }));
  }
}

function sendWelcome(
  socket: FrameSocket,
  driver: { epoch?: number; challenge?: string },
  pingMs: number,
  deadMs: number,
): void {
  const welcome = {
    linkId: "lnk_test",
    hubId: "hub_test",
    features: [],
    pingMs,
    deadMs,
    frameBytesMax: 65_600,
    ...driver,
  };
  socket.send(encodeFrame({ type: FrameType.welcome, body: encodeJson(welcome) }));
}
