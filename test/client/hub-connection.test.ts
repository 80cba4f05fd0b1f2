import { beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import {
  connectHub,
  HubError,
  type ExecStream,
  type HubConnection,
  type SessionChannel,
} from "../../src/client/index.ts";
import { encodeCredit, encodeCtl, encodeJson } from "../../src/protocol/bodies.ts";
import {
  decodeFrame,
  encodeFrame,
  FLAG_FIN,
  FrameType,
  type Frame,
} from "../../src/protocol/frame.ts";
import { decodeVector, splitAttach } from "../../src/protocol/resume.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { settled, TestClock } from "../support/test-clock.ts";
import { encodeData } from "../support/data-body.ts";

const EPOCH = 4;
const ROUTE = 9;

let clock: TestClock;
let mine: MemorySocket;
let hub: MemorySocket;
let heard: Frame[];
/** What the next dials meet instead of a socket. */
let refuseWith: HubError | null;
let dials: number;

beforeEach(() => {
  clock = new TestClock();
  [mine, hub] = MemorySocket.pair();
  heard = [];
  refuseWith = null;
  dials = 0;
});

/** Each dial is a new pair of sockets; `mine` and `hub` are always the newest. */
function open(): Promise<MemorySocket> {
  dials += 1;
  if (refuseWith !== null) return Promise.reject(refuseWith);
  if (dials > 1) [mine, hub] = MemorySocket.pair();
  hub.onFrame((message) => {
    const frame = decodeFrame(message);
    if (frame !== null) heard.push(frame);
  });
  return Promise.resolve(mine);
}

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
    open,
    clock,
    random: seededRandom("client"),
  });
}

async function connected(): Promise<HubConnection> {
  const connecting = connect();
  await quiet();
  await welcome();
  return connecting;
}

async function welcome(): Promise<void> {
  say(FrameType.welcome, {
    linkId: "lnk_1",
    hubId: "hub_1",
    features: [],
    pingMs: 5_000,
    deadMs: 15_000,
    frameBytesMax: 65_600,
  });
  await quiet();
}

async function attached() {
  const connection = await connected();
  const attaching = connection.attach("demo");
  await quiet();
  await letIn();
  return { connection, channel: await attaching };
}

/** The head of the newest ATTACH. */
function lastAttach(): { mode: string; channelId: string; attachSeq: number } {
  const { json } = splitAttach(lastOf(FrameType.attach).body);
  return JSON.parse(text(json)) as ReturnType<typeof lastAttach>;
}

/** Answers the newest ATTACH. */
async function letIn(rest: object = {}): Promise<void> {
  const { channelId, attachSeq } = lastAttach();
  const attached = { channelId, attachSeq, session: "ses_1", epoch: EPOCH, ...rest };
  say(FrameType.attached, attached, { route: ROUTE });
  await quiet();
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
    const { channelId } = lastAttach();
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

  test("answers pings, and dials again when the hub was silent for deadMs", async () => {
    const connection = await connected();
    say(FrameType.ping, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0));
    await quiet();
    expect([...lastOf(FrameType.pong).body]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
    const first = mine;
    await clock.advanceAsync(15_000);
    expect(first.ended?.code).toBe(1006);
    expect(connection.state).toMatchObject({ kind: "reconnecting", error: { code: "LinkLost" } });
    await clock.advanceAsync(200);
    expect(dials).toBe(2);
    await welcome();
    expect(connection.state).toEqual({ kind: "live" });
    connection.close();
  });

  test("never gives up while the hub is only away, and wakes at once", async () => {
    const connection = await connected();
    refuseWith = new HubError("HubUnreachable", "nobody is there");
    hub.cut({ code: 1006, reason: "" });
    await clock.advanceAsync(24 * 60 * 60 * 1_000);
    expect(dials).toBeGreaterThan(24 * 60 * 12);
    refuseWith = null;
    const before = dials;
    await clock.advanceAsync(1_500);
    while (dials === before) await clock.advanceAsync(1_000);
    await welcome();
    expect(connection.state.kind).toBe("live");
    refuseWith = new HubError("HubUnreachable", "nobody is there");
    hub.cut({ code: 1006, reason: "" });
    await clock.advanceAsync(60_000);
    refuseWith = null;
    connection.wake();
    await quiet();
    await welcome();
    expect(connection.state.kind).toBe("live");
    connection.close();
    expect(await connection.closed).toBeNull();
  });

  test("ends when the hub will never take this client again", async () => {
    const connection = await connected();
    refuseWith = new HubError("Unauthenticated", "the token was withdrawn");
    hub.cut({ code: 1006, reason: "" });
    await clock.advanceAsync(10_000);
    expect(code(await connection.closed)).toBe("Unauthenticated");
    expect(dials).toBe(2);
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
    const data = (offset: number, word: string, ctlTx: number | null = null) =>
      encodeData({ offset, bytes: new TextEncoder().encode(word), ctlTx });
    say(FrameType.data, data(0, "out"), { ...route, stream: 1 });
    hub.send(fin(2, data(0, "err", 0)));
    const ended = encodeJson({ type: "exit", code: 3, signal: null });
    say(FrameType.ctl, encodeCtl(0, ended), { ...route, stream: 1 });
    hub.send(fin(1, data(3, "", 1)));
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

  const BROKEN = { code: "IO", message: "no more pipes" };

  /** Its exit names stream 2 for its errors, whose OPEN was lost. */
  async function withoutItsErrors(channel: SessionChannel, broken = false): Promise<ExecStream> {
    const exec = channel.exec({ argv: ["x"] });
    await quiet();
    say(FrameType.openOk, { rxMax: 100, pid: 7 }, { route: ROUTE, stream: 1 });
    if (broken) say(FrameType.reset, BROKEN, { route: ROUTE, stream: 2 });
    const exit = encodeJson({ type: "exit", code: 3, signal: null, stderr: 2 });
    say(FrameType.ctl, encodeCtl(0, exit), { route: ROUTE, stream: 1 });
    hub.send(fin(1, encodeData({ offset: 0, bytes: new Uint8Array(), ctlTx: 1 })));
    await quiet();
    const taken = { rx: 1, ack: 1, max: 100, ctlRx: 0 };
    say(FrameType.credit, encodeCredit(taken), { route: ROUTE, stream: 1 });
    await quiet();
    return exec;
  }

  test("exec: errors that never came end with their channel", async () => {
    const { connection, channel } = await attached();
    const exec = await withoutItsErrors(channel);
    connection.close();
    await expect(exec.exit).rejects.toMatchObject({ code: "LinkLost" });
  });

  test("exec: errors that are broken off before their OPEN came end the command", async () => {
    const { channel } = await attached();
    const exec = await withoutItsErrors(channel);
    say(FrameType.reset, BROKEN, { route: ROUTE, stream: 2 });
    await quiet();
    await expect(exec.exit).rejects.toMatchObject({ message: "no more pipes" });
  });

  test("exec: and those that were broken off before its exit named them", async () => {
    const { channel } = await attached();
    const exec = await withoutItsErrors(channel, true);
    await expect(exec.exit).rejects.toMatchObject({ message: "no more pipes" });
  });

  test("exec: errors that a restored driver does not know are lost", async () => {
    const { channel } = await attached();
    const exec = await withoutItsErrors(channel);
    hub.cut({ code: 1006, reason: "" });
    await clock.advanceAsync(200);
    await welcome();
    await letIn({ opened: 0, seen: 1 });
    await expect(exec.exit).rejects.toMatchObject({ code: "RolledBack" });
  });

  test("exec: errors whose id was given to another command are lost", async () => {
    const { channel } = await attached();
    const exec = await withoutItsErrors(channel);
    channel.exec({ argv: ["y"] });
    await quiet();
    const other = { kind: "exec.stderr", of: 3, rxMax: 0 };
    say(FrameType.open, other, { route: ROUTE, stream: 2 });
    await quiet();
    await expect(exec.exit).rejects.toMatchObject({ code: "RolledBack" });
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

  test("goes on in the same channel when the driver comes back, and asks until it does", async () => {
    const { connection, channel } = await attached();
    const first = lastAttach();
    const exec = channel.exec({ argv: ["sleep"] });
    await quiet();
    say(FrameType.openOk, { rxMax: 100, pid: 7 }, { route: ROUTE, stream: 1 });
    const peer = { session: "ses_1", driver: "down", state: "nudging", epoch: EPOCH };
    say(FrameType.peerState, peer, { route: ROUTE });
    await quiet();
    expect(channel.phase).toMatchObject({ kind: "waiting", error: { code: "DriverAbsent" } });
    for (let n = 0; n < 3; n++) {
      heard.length = 0;
      await clock.advanceAsync(1_000);
      await quiet();
      const { channelId } = lastAttach();
      const body = { code: "SessionNotConnected", message: "nudging", channelId };
      say(FrameType.error, body);
      await quiet();
    }
    await clock.advanceAsync(1_000);
    await quiet();
    expect(lastAttach()).toMatchObject({ mode: "resume", channelId: first.channelId });
    expect(lastAttach().attachSeq).toBeGreaterThan(first.attachSeq);
    const { vector } = splitAttach(lastOf(FrameType.attach).body);
    expect(decodeVector(vector)).toMatchObject([{ stream: 1, answered: true, rx: 0 }]);
    await letIn({ epoch: EPOCH + 1, opened: 0, seen: 1 });
    expect(channel.phase).toEqual({ kind: "live", epoch: EPOCH + 1 });
    connection.close();
    await expect(exec.exit).rejects.toMatchObject({ code: "LinkLost" });
  });

  test("a driver that was started anew ends the channel with that word", async () => {
    const { channel } = await attached();
    const exec = channel.exec({ argv: ["sleep"] });
    hub.cut({ code: 1006, reason: "" });
    await clock.advanceAsync(200);
    await welcome();
    const { channelId } = lastAttach();
    say(FrameType.error, { code: "UNKNOWN_CHANNEL", message: "started anew", channelId });
    await quiet();
    expect(code(await channel.closed)).toBe("DriverRestarted");
    await expect(exec.exit).rejects.toMatchObject({ code: "DriverRestarted" });
    expect(() => channel.exec({ argv: ["x"] })).toThrow(HubError);
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
