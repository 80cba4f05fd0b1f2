import { beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { connectHub, HubError, type HubConnection } from "../../src/client/index.ts";
import { encodeData, encodeJson } from "../../src/protocol/bodies.ts";
import {
  decodeFrame,
  encodeFrame,
  FLAG_FIN,
  FrameType,
  type Frame,
} from "../../src/protocol/frame.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { settled, TestClock } from "../support/test-clock.ts";

const EPOCH = 4;
const ROUTE = 9;

let clock: TestClock;
let mine: MemorySocket;
let hub: MemorySocket;
let heard: Frame[];

beforeEach(() => {
  clock = new TestClock();
  [mine, hub] = MemorySocket.pair();
  heard = [];
  hub.onFrame((message) => {
    const frame = decodeFrame(message);
    if (frame !== null) heard.push(frame);
  });
});

/** Delivers both ways until nothing moves. */
async function quiet(): Promise<void> {
  for (;;) {
    await settled();
    const moved = [mine.deliver(), hub.deliver()];
    if (!moved.includes(true)) return;
  }
}

function say(type: FrameType, body: unknown, rest: { route?: number; stream?: number } = {}): void {
  const bytes = body instanceof Uint8Array ? body : encodeJson(body);
  hub.send(encodeFrame({ type, epoch: EPOCH, ...rest, body: bytes }));
}

function connect(): Promise<HubConnection> {
  return connectHub({
    open: () => Promise.resolve(mine),
    clock,
    random: seededRandom("client"),
  });
}

async function connected(): Promise<HubConnection> {
  const connecting = connect();
  await quiet();
  say(FrameType.welcome, {
    linkId: "lnk_1",
    hubId: "hub_1",
    features: [],
    pingMs: 5_000,
    deadMs: 15_000,
    frameBytesMax: 65_600,
  });
  await quiet();
  return connecting;
}

async function attached() {
  const connection = await connected();
  const attaching = connection.attach("demo");
  await quiet();
  const { channelId } = JSON.parse(text(lastOf(FrameType.attach).body)) as { channelId: string };
  say(FrameType.attached, { channelId, session: "ses_1", epoch: EPOCH }, { route: ROUTE });
  await quiet();
  return { connection, channel: await attaching };
}

function lastOf(type: FrameType): Frame {
  const frame = heard.findLast((one) => one.type === type);
  if (frame === undefined) throw new Error(`no frame of type ${type} was sent`);
  return frame;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const code = (error: unknown): unknown => (error instanceof HubError ? error.code : error);

describe("a client's connection", () => {
  test("says hello, and is there when the hub has answered", async () => {
    const connection = await connected();
    expect(connection.hubId).toBe("hub_1");
    expect(JSON.parse(text(lastOf(FrameType.hello).body))).toMatchObject({ v: 1, role: "client" });
  });

  test("a hub that never answers, and one that closes, are errors with a code", async () => {
    const silent = connect().catch(code);
    await clock.advanceAsync(5_000);
    expect(await silent).toBe("HubUnreachable");
    [mine, hub] = MemorySocket.pair();
    const refused = connect().catch(code);
    await settled();
    hub.close(4401, "bad token");
    expect(await refused).toBe("Unauthenticated");
  });

  test("the hub's own words win over the close code", async () => {
    const refused = connect().catch((error: unknown) => error);
    await quiet();
    say(FrameType.error, { code: "RateLimited", message: "too many", hint: "wait" });
    hub.close(4500, "x");
    expect(await refused).toMatchObject({ code: "RateLimited", message: "too many", hint: "wait" });
  });

  test("an attach that is refused, or lost, rejects alone", async () => {
    const connection = await connected();
    const refused = connection.attach("nope").catch(code);
    await quiet();
    const { channelId } = JSON.parse(text(lastOf(FrameType.attach).body)) as { channelId: string };
    say(FrameType.error, { code: "SessionNotFound", message: "no session nope", channelId });
    await quiet();
    expect(await refused).toBe("SessionNotFound");
    const lost = connection.attach("slow").catch(code);
    for (let second = 0; second < 10; second++) {
      await clock.advanceAsync(1_000);
      say(FrameType.ping, new Uint8Array(8));
      await quiet();
    }
    expect(await lost).toBe("DriverDeaf");
  });

  test("answers pings, and gives a silent hub up after deadMs", async () => {
    const connection = await connected();
    say(FrameType.ping, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0));
    await quiet();
    expect([...lastOf(FrameType.pong).body]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
    await clock.advanceAsync(15_000);
    expect(code(await connection.closed)).toBe("LinkLost");
    expect(mine.ended?.code).toBe(1006);
  });
});

describe("an attached session", () => {
  test("exec: the exit waits for the last byte of both outputs, taken by a slow consumer", async () => {
    const { channel } = await attached();
    const got: string[] = [];
    let release = (): void => undefined;
    let exit: unknown = null;
    const exec = channel.exec({
      argv: ["x"],
      onStdout: (bytes) => {
        got.push(text(bytes));
        return new Promise((resolve) => (release = resolve));
      },
      onStderr: (bytes) => void got.push(text(bytes)),
    });
    void exec.exit.then((value) => (exit = value));
    await quiet();
    const route = { route: ROUTE };
    say(FrameType.open, { kind: "exec.stderr", of: 1, rxMax: 0 }, { ...route, stream: 2 });
    say(FrameType.openOk, { rxMax: 100, pid: 7 }, { ...route, stream: 1 });
    const data = (offset: number, word: string) =>
      encodeData({ offset, bytes: new TextEncoder().encode(word) });
    say(FrameType.data, data(0, "out"), { ...route, stream: 1 });
    hub.send(fin(2, data(0, "err")));
    say(FrameType.ctl, { type: "exit", code: 3, signal: null }, { ...route, stream: 1 });
    hub.send(fin(1, data(3, "")));
    await quiet();
    expect(await exec.opened).toEqual({ pid: 7 });
    expect(got).toEqual(["out", "err"]);
    expect(exit).toBeNull();
    release();
    await quiet();
    expect(exit).toEqual({ code: 3, signal: null });
    expect(lastOf(FrameType.data).flags).toBe(FLAG_FIN);
  });

  const fin = (stream: number, body: Uint8Array) =>
    encodeFrame({
      type: FrameType.data,
      flags: FLAG_FIN,
      epoch: EPOCH,
      route: ROUTE,
      stream,
      body,
    });

  test("a reset is an error with the driver's sentence", async () => {
    const { channel } = await attached();
    const exec = channel.exec({ argv: ["nope"] });
    await quiet();
    const reset = { code: "NOT_FOUND", message: "command not found: nope" };
    say(FrameType.reset, reset, { route: ROUTE, stream: 1 });
    await quiet();
    const error = { code: "CommandNotFound", message: "command not found: nope" };
    await expect(exec.exit).rejects.toMatchObject(error);
    await expect(exec.opened).rejects.toMatchObject(error);
  });

  test("a driver that goes down ends the route and what ran on it, not the connection", async () => {
    const { connection, channel } = await attached();
    const exec = channel.exec({ argv: ["sleep"] });
    const peer = { session: "ses_1", driver: "down", state: "nudging", epoch: EPOCH };
    say(FrameType.peerState, peer, { route: ROUTE });
    await quiet();
    expect(code(await channel.closed)).toBe("DriverAbsent");
    expect(code(await exec.exit.catch((error: unknown) => error))).toBe("LinkLost");
    expect(() => channel.exec({ argv: ["x"] })).toThrow(HubError);
    const again = connection.attach("demo").catch(code);
    await quiet();
    expect(lastOf(FrameType.attach)).toBeDefined();
    connection.close();
    expect(await again).toBe("LinkLost");
  });

  test("leaving detaches the route and resolves with no error", async () => {
    const { channel, connection } = await attached();
    channel.close();
    await quiet();
    expect(lastOf(FrameType.detach).route).toBe(ROUTE);
    expect(await channel.closed).toBeNull();
    connection.close();
    expect(await connection.closed).toBeNull();
    await settled();
    expect(mine.ended?.code).toBe(1000);
  });
});
