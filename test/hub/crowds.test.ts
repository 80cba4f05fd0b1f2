/** Many at once: links that all come back, and clients that all stop to read. */
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { CROWD_DIALS } from "../../src/hub/server/upgrade.ts";
import { Switchboard } from "../../src/hub/switchboard/attach.ts";
import { DriverLink } from "../../src/hub/switchboard/driver-link.ts";
import { EVERYBODY } from "../../src/hub/auth/guest.ts";
import { ClientLink } from "../../src/hub/switchboard/client-link.ts";
import { HelloRate } from "../../src/hub/switchboard/hello-rate.ts";
import { WaitingBytes } from "../../src/hub/switchboard/waiting-bytes.ts";
import { SessionActivity } from "../../src/hub/activity/session-activity.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { LinkError, parseControl } from "../../src/protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { joinAttach } from "../../src/protocol/resume.ts";
import type { FrameSocket, SocketEnd } from "../../src/transport/frame-socket.ts";
import { PendingEvents } from "../../src/transport/pending-events.ts";
import { hubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { TestClock } from "../support/test-clock.ts";
import { until } from "../support/until.ts";
import { encodeData } from "../support/data-body.ts";

/** Of nobody who is known here: it is refused. */
const DRIVER_HEAD =
  "GET /v1/driver HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";

let clock: TestClock;
beforeEach(() => {
  clock = new TestClock();
});

describe("[SB21] links that come back all at once", () => {
  test("are taken at a rate, the rest when they were told to come, and drivers first", () => {
    const rate = new HelloRate(clock);
    const LINKS = 10_000;
    const taken: { readonly role: "driver" | "client"; readonly atMs: number }[] = [];
    let asked = 0;
    const dial = (role: "driver" | "client"): void => {
      asked += 1;
      const laterMs = rate.ask(role);
      if (laterMs === null) taken.push({ role, atMs: clock.mono() });
      else clock.setTimeout(() => dial(role), laterMs);
    };
    const beganAtMs = clock.mono();
    for (let n = 0; n < LINKS; n++) dial(n % 2 === 0 ? "client" : "driver");
    expect(taken).toHaveLength(2_000);
    expect(taken.filter(({ role }) => role === "driver").length).toBeGreaterThan(1_200);
    clock.advance(20_000);
    expect(taken).toHaveLength(LINKS);
    const tookMs = (taken.at(-1)?.atMs ?? 0) - beganAtMs;
    expect(tookMs).toBeGreaterThan(7_000);
    expect(tookMs).toBeLessThan(12_000);
    expect(asked).toBeLessThan(2.5 * LINKS);
    for (let ms = 0; ms < tookMs; ms += 500) {
      const from = beganAtMs + ms;
      const within = taken.filter(({ atMs }) => atMs > from && atMs <= from + 1_000);
      expect(within.length).toBeLessThanOrEqual(1_150);
    }
  });

  test("hear from the switchboard when to come, with 4429", () => {
    const find = (): never => {
      throw new Error("nobody attaches here");
    };
    const random = seededRandom("crowd");
    const hub = new Switchboard({ hubId: "hub_1", clock, random, log: silentLogger, find });
    const ends: SocketEnd[] = [];
    const told: number[] = [];
    const hello = { v: 1, role: "client", impl: "test", features: [] };
    for (let n = 0; n < 1_300; n++) {
      const [near, far] = MemorySocket.pair();
      hub.acceptClient(far);
      near.onClose((end) => ends.push(end));
      near.onFrame((message) => {
        const frame = decodeFrame(message);
        if (frame?.type !== FrameType.error) return;
        told.push(parseControl(LinkError, frame.body).retryAfterMs ?? -1);
      });
      near.send(encodeFrame({ type: FrameType.hello, body: encodeJson(hello) }));
      near.deliver();
    }
    expect(hub.counts.clients).toBe(1_200);
    expect(ends.map(({ code }) => code)).toEqual(Array.from({ length: 100 }, () => 4429));
    expect([told.length, told[0], told.at(-1)]).toEqual([100, 1, 100]);
    hub.close("over");
  });
});

describe("[SB22] a driver that is missing while many come back", () => {
  const nudges = ({ platform }: HubWorld): number => platform.count("exec:nudge");

  test("is waited for, and nudged once nobody queues any more", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const launches = world.platform.count("exec:launch");
    world.queue.expects(10_000);
    link.onEnd("replaced");
    await world.clock.advanceAsync(9_000);
    expect(session.record.state).toBe("nudging");
    expect([nudges(world), world.platform.count("exec:launch")]).toEqual([0, launches]);
    await world.clock.advanceAsync(2_000);
    expect(nudges(world)).toBeGreaterThan(0);
  });

  test("is waited for after a restart of the hub, too, as soon as there are many", async () => {
    for (const [sessions, expected] of [
      [500, true],
      [501, false],
    ] as const) {
      const world = new HubWorld();
      world.driversDial();
      for (let n = 0; n < sessions; n++) world.create({ name: `s-${n}` });
      await world.clock.advanceAsync(1_000);
      expect(world.links).toHaveLength(sessions);
      await world.restart();
      await world.clock.advanceAsync(2_000);
      expect(nudges(world) > 0).toBe(expected);
    }
  });

  test("is waited for while more dial than the doors give in a few turns", async () => {
    const world = new HubWorld();
    const hub = await hubServer(world);
    const dialAtOnce = async (dials: number): Promise<void> => {
      const sockets = Array.from({ length: dials }, () => connect(hub.port, "127.0.0.1"));
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      const server = hub.app.server;
      const taken = promisify(server.getConnections.bind(server));
      await until(async () => (await taken()) >= dials);
      for (const socket of sockets) socket.write(DRIVER_HEAD);
      await Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
    };
    await dialAtOnce(CROWD_DIALS - 1);
    expect([world.queue.isCrowded, world.queue.leftMs]).toEqual([false, 0]);
    await dialAtOnce(CROWD_DIALS);
    expect([world.queue.isCrowded, world.queue.leftMs]).toEqual([true, 2_000]);
    world.clock.advance(2_000);
    expect([world.queue.isCrowded, world.queue.leftMs]).toEqual([false, 0]);
    await hub.close();
  });

  test("is waited for once more than 50 links broke within one pause of a driver", async () => {
    const world = new HubWorld();
    const hub = await hubServer(world);
    const { id } = world.create().record;
    await world.clock.advanceAsync(10);
    const lose = async (): Promise<void> => {
      const wire = await hub.driver(id);
      await wire.asDriver(id);
      await until(() => hub.switchboard.counts.drivers === 1);
      wire.socket.terminate();
      await until(() => hub.switchboard.counts.drivers === 0);
    };
    for (let n = 0; n < 50; n++) await lose();
    expect(world.queue.leftMs).toBe(0);
    await lose();
    expect(world.queue.leftMs).toBe(limits.REDIAL_MAX_MS);
    world.clock.advance(limits.REDIAL_MAX_MS + 1);
    await lose();
    expect(world.queue.leftMs).toBe(0);
    await hub.close();
  });

  test("[SM67] is waited for where more than 50 sessions are taken over together", async () => {
    for (const [sessions, expected] of [
      [50, true],
      [51, false],
    ] as const) {
      const world = new HubWorld();
      world.driversDial();
      for (let n = 0; n < sessions; n++) world.create({ name: `s-${n}` });
      await world.clock.advanceAsync(1_000);
      const records = world.sessions.all.map(({ record }) => record);
      world.sessions.stop();
      world.links.length = 0;
      world.reboot();
      for (const record of records) world.sessions.adopt(record, 0);
      await world.clock.advanceAsync(2_000);
      expect(nudges(world) > 0).toBe(expected);
    }
  });

  test("is not waited for when no other driver comes, and never because of clients", () => {
    const rate = new HelloRate(clock);
    for (let n = 0; n < 2_400; n++) rate.ask("client");
    rate.expects(500);
    expect(rate.leftMs).toBe(0);
    rate.expects(1_000);
    expect(rate.leftMs).toBe(limits.REDIAL_MAX_MS);
    clock.advance(limits.REDIAL_MAX_MS - 1);
    expect(rate.ask("driver")).toBeNull();
    expect(rate.leftMs).toBe(2_000);
    clock.advance(2_000);
    expect([rate.ask("driver"), rate.leftMs]).toEqual([null, 0]);
    for (let n = 0; n < 2_400; n++) rate.ask("driver");
    expect(rate.leftMs).toBeGreaterThan(2_000);
  });
});

/** Takes nothing: the kernel is full from the first byte on. */
class StalledSocket implements FrameSocket {
  readonly bufferedBytes = limits.DATA_BYTES_MAX * 16;
  code: number | null = null;
  readonly #events = new PendingEvents();

  say(message: Uint8Array): void {
    this.#events.frame(message);
  }
  send(): void {
    // Nobody reads it.
  }
  close(code: number): void {
    this.code = code;
  }
  terminate(): void {
    this.code = 1006;
  }
  onFrame(listener: (message: Uint8Array) => void): void {
    this.#events.onFrame(listener);
  }
  onClose(listener: (end: SocketEnd) => void): void {
    this.#events.onClose(listener);
  }
  onDrain(listener: () => void): void {
    this.#events.onDrain(listener);
  }
}

test("[SB12] 500 clients that stop to read leave a hub's memory bounded, and others go on", () => {
  const VIEWERS = 500;
  const [driverEnd, hubEnd] = MemorySocket.pair();
  const waiting = new WaitingBytes();
  const base = { clock, random: seededRandom("stalled"), log: silentLogger, waiting, features: [] };
  const driver = new DriverLink({
    ...base,
    socket: hubEnd,
    epoch: 1,
    session: "ses_1",
    onSuspect: () => undefined,
    onClose: () => undefined,
    onJobs: () => undefined,
  });
  const activity = new SessionActivity(clock);
  const find = () => ({ sessionId: "ses_1", driver, activity, state: () => "connected" });
  const attach = (socket: FrameSocket, say: (message: Uint8Array) => void, n: number): void => {
    new ClientLink({ ...base, guest: EVERYBODY, socket, find, onClose: () => undefined });
    const head = encodeJson({ mode: "new", session: "demo", channelId: `chn_${n}` });
    const body = joinAttach(head, new Uint8Array());
    say(encodeFrame({ type: FrameType.attach, body }));
  };
  const stalled = Array.from({ length: VIEWERS }, () => new StalledSocket());
  for (const [n, socket] of stalled.entries()) attach(socket, (message) => socket.say(message), n);
  const [reader, readerAtHub] = MemorySocket.pair();
  attach(
    readerAtHub,
    (message) => {
      reader.send(message);
      reader.deliver();
    },
    VIEWERS,
  );
  let read = 0;
  reader.onFrame((message) => void (read += message.length));
  const bytes = new Uint8Array(limits.DATA_BYTES_SMALL);
  let most = 0;
  // A window for each of them, as their driver may send without a word from them.
  for (let sent = 0; sent < limits.STREAM_WINDOW_BYTES; sent += bytes.length) {
    const body = encodeData({ offset: sent, bytes, ctlTx: null });
    for (let route = 1; route <= VIEWERS + 1; route++) {
      driverEnd.send(encodeFrame({ type: FrameType.data, epoch: 1, route, stream: 1, body }));
      driverEnd.deliver();
      most = Math.max(most, waiting.bytes);
    }
    readerAtHub.deliver();
  }
  expect(VIEWERS * limits.STREAM_WINDOW_BYTES).toBeGreaterThan(limits.HUB_EGRESS_BYTES_MAX * 1.9);
  expect(most).toBeGreaterThan(0.9 * limits.HUB_EGRESS_BYTES_MAX);
  expect(most).toBeLessThanOrEqual(limits.HUB_EGRESS_BYTES_MAX + 2 * bytes.length);
  expect(read).toBeGreaterThanOrEqual(limits.STREAM_WINDOW_BYTES);
  const cut = stalled.filter(({ code }) => code === 4414).length;
  expect(cut).toBeGreaterThan(100);
  expect(stalled.filter(({ code }) => code === null)).toHaveLength(VIEWERS - cut);
});
