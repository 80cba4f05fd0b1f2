import { beforeEach, describe, expect, test } from "vitest";
import { HubError, type ExecStream, type SessionChannel } from "../../src/client/index.ts";
import { encodeCredit, encodeCtl, encodeJson } from "../../src/protocol/bodies.ts";
import { encodeFrame, FLAG_FIN, FrameType } from "../../src/protocol/frame.ts";
import { decodeVector, splitAttach } from "../../src/protocol/resume.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { EPOCH, ROUTE, ScriptedHub } from "../support/scripted-hub.ts";
import { settled } from "../support/test-clock.ts";
import { encodeData } from "../support/data-body.ts";

let script: ScriptedHub;

beforeEach(() => {
  script = new ScriptedHub();
});

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const code = (error: unknown): unknown => (error instanceof HubError ? error.code : error);

describe("a client's connection", () => {
  test("says hello, and is there when the hub has answered", async () => {
    const connection = await script.connected();
    expect(connection.hubId).toBe("hub_1");
    expect(JSON.parse(text(script.lastOf(FrameType.hello).body))).toMatchObject({
      v: 1,
      role: "client",
    });
  });

  test("a hub that never answers, and one that closes, are errors with a code", async () => {
    const silent = script.connect().catch(code);
    await script.clock.advanceAsync(5_000);
    expect(await silent).toBe("HubUnreachable");
    [script.mine, script.hub] = MemorySocket.pair();
    const refused = script.connect().catch(code);
    await settled();
    script.hub.close(4401, "bad token");
    expect(await refused).toBe("Unauthenticated");
  });

  test("the hub's own words win over the close code", async () => {
    const refused = script.connect().catch((error: unknown) => error);
    await script.quiet();
    script.say(FrameType.error, { code: "RateLimited", message: "too many", hint: "wait" });
    script.hub.close(4500, "x");
    expect(await refused).toMatchObject({ code: "RateLimited", message: "too many", hint: "wait" });
  });

  test("an attach that is refused, or lost, rejects alone", async () => {
    const connection = await script.connected();
    const refused = connection.attach("nope").catch(code);
    await script.quiet();
    const { channelId } = script.lastAttach();
    script.say(FrameType.error, { code: "SessionNotFound", message: "no session nope", channelId });
    await script.quiet();
    expect(await refused).toBe("SessionNotFound");
    const lost = connection.attach("slow").catch(code);
    for (let second = 0; second < 10; second++) {
      await script.clock.advanceAsync(1_000);
      script.say(FrameType.ping, new Uint8Array(8));
      await script.quiet();
    }
    expect(await lost).toBe("DriverDeaf");
  });

  test("answers pings, and dials again when the hub was silent for deadMs", async () => {
    const connection = await script.connected();
    script.say(FrameType.ping, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0));
    await script.quiet();
    expect([...script.lastOf(FrameType.pong).body]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
    const first = script.mine;
    await script.clock.advanceAsync(15_000);
    expect(first.ended?.code).toBe(1006);
    expect(connection.state).toMatchObject({ kind: "reconnecting", error: { code: "LinkLost" } });
    await script.clock.advanceAsync(200);
    expect(script.dials).toBe(2);
    await script.welcome();
    expect(connection.state).toEqual({ kind: "live" });
    connection.close();
  });

  test("never gives up while the hub is only away, and wakes at once", async () => {
    const connection = await script.connected();
    script.refuseWith = new HubError("HubUnreachable", "nobody is there");
    script.hub.cut({ code: 1006, reason: "" });
    await script.clock.advanceAsync(24 * 60 * 60 * 1_000);
    expect(script.dials).toBeGreaterThan(24 * 60 * 12);
    script.refuseWith = null;
    const before = script.dials;
    await script.clock.advanceAsync(1_500);
    while (script.dials === before) await script.clock.advanceAsync(1_000);
    await script.welcome();
    expect(connection.state.kind).toBe("live");
    script.refuseWith = new HubError("HubUnreachable", "nobody is there");
    script.hub.cut({ code: 1006, reason: "" });
    await script.clock.advanceAsync(60_000);
    script.refuseWith = null;
    connection.wake();
    await script.quiet();
    await script.welcome();
    expect(connection.state.kind).toBe("live");
    connection.close();
    expect(await connection.closed).toBeNull();
  });

  test("ends when the hub will never take this client again", async () => {
    const connection = await script.connected();
    script.refuseWith = new HubError("Unauthenticated", "the token was withdrawn");
    script.hub.cut({ code: 1006, reason: "" });
    await script.clock.advanceAsync(10_000);
    expect(code(await connection.closed)).toBe("Unauthenticated");
    expect(script.dials).toBe(2);
  });
});

describe("an attached session", () => {
  test("exec: the exit waits for the last byte of both outputs, taken by a slow consumer", async () => {
    const { channel } = await script.attached();
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
    await script.quiet();
    const route = { route: ROUTE };
    script.say(FrameType.open, { kind: "exec.stderr", of: 1, rxMax: 0 }, { ...route, stream: 2 });
    script.say(FrameType.openOk, { rxMax: 100, pid: 7 }, { ...route, stream: 1 });
    const data = (offset: number, word: string, ctlTx: number | null = null) =>
      encodeData({ offset, bytes: new TextEncoder().encode(word), ctlTx });
    script.say(FrameType.data, data(0, "out"), { ...route, stream: 1 });
    script.hub.send(fin(2, data(0, "err", 0)));
    const ended = encodeJson({ type: "exit", code: 3, signal: null });
    script.say(FrameType.ctl, encodeCtl(0, ended), { ...route, stream: 1 });
    script.hub.send(fin(1, data(3, "", 1)));
    await script.quiet();
    expect(await exec.opened).toEqual({ pid: 7 });
    expect(got).toEqual(["out", "err"]);
    expect(exit).toBeNull();
    release();
    await script.quiet();
    expect(exit).toEqual({ code: 3, signal: null });
    expect(script.lastOf(FrameType.data).flags).toBe(FLAG_FIN);
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
    await script.quiet();
    script.say(FrameType.openOk, { rxMax: 100, pid: 7 }, { route: ROUTE, stream: 1 });
    if (broken) script.say(FrameType.reset, BROKEN, { route: ROUTE, stream: 2 });
    const exit = encodeJson({ type: "exit", code: 3, signal: null, stderr: 2 });
    script.say(FrameType.ctl, encodeCtl(0, exit), { route: ROUTE, stream: 1 });
    script.hub.send(fin(1, encodeData({ offset: 0, bytes: new Uint8Array(), ctlTx: 1 })));
    await script.quiet();
    const taken = { rx: 1, ack: 1, max: 100, ctlRx: 0 };
    script.say(FrameType.credit, encodeCredit(taken), { route: ROUTE, stream: 1 });
    await script.quiet();
    return exec;
  }

  test("exec: errors that never came end with their channel", async () => {
    const { connection, channel } = await script.attached();
    const exec = await withoutItsErrors(channel);
    connection.close();
    await expect(exec.exit).rejects.toMatchObject({ code: "LinkLost" });
  });

  test("exec: errors that are broken off before their OPEN came end the command", async () => {
    const { channel } = await script.attached();
    const exec = await withoutItsErrors(channel);
    script.say(FrameType.reset, BROKEN, { route: ROUTE, stream: 2 });
    await script.quiet();
    await expect(exec.exit).rejects.toMatchObject({ message: "no more pipes" });
  });

  test("exec: and those that were broken off before its exit named them", async () => {
    const { channel } = await script.attached();
    const exec = await withoutItsErrors(channel, true);
    await expect(exec.exit).rejects.toMatchObject({ message: "no more pipes" });
  });

  test("exec: errors that a restored driver does not know are lost", async () => {
    const { channel } = await script.attached();
    const exec = await withoutItsErrors(channel);
    script.hub.cut({ code: 1006, reason: "" });
    await script.clock.advanceAsync(200);
    await script.welcome();
    await script.letIn({ opened: 0, seen: 1 });
    await expect(exec.exit).rejects.toMatchObject({ code: "RolledBack" });
  });

  test("exec: errors whose id was given to another command are lost", async () => {
    const { channel } = await script.attached();
    const exec = await withoutItsErrors(channel);
    channel.exec({ argv: ["y"] });
    await script.quiet();
    const other = { kind: "exec.stderr", of: 3, rxMax: 0 };
    script.say(FrameType.open, other, { route: ROUTE, stream: 2 });
    await script.quiet();
    await expect(exec.exit).rejects.toMatchObject({ code: "RolledBack" });
  });

  test("a reset is an error with the driver's sentence", async () => {
    const { channel } = await script.attached();
    const exec = channel.exec({ argv: ["nope"] });
    await script.quiet();
    const reset = { code: "NOT_FOUND", message: "command not found: nope" };
    script.say(FrameType.reset, reset, { route: ROUTE, stream: 1 });
    await script.quiet();
    const error = { code: "CommandNotFound", message: "command not found: nope" };
    await expect(exec.exit).rejects.toMatchObject(error);
    await expect(exec.opened).rejects.toMatchObject(error);
  });

  test("goes on in the same channel when the driver comes back, and asks until it does", async () => {
    const { connection, channel } = await script.attached();
    const first = script.lastAttach();
    const exec = channel.exec({ argv: ["sleep"] });
    await script.quiet();
    script.say(FrameType.openOk, { rxMax: 100, pid: 7 }, { route: ROUTE, stream: 1 });
    const peer = { session: "ses_1", driver: "down", state: "nudging", epoch: EPOCH };
    script.say(FrameType.peerState, peer, { route: ROUTE });
    await script.quiet();
    expect(channel.phase).toMatchObject({ kind: "waiting", error: { code: "DriverAbsent" } });
    for (let n = 0; n < 3; n++) {
      script.heard.length = 0;
      await script.clock.advanceAsync(1_000);
      await script.quiet();
      const { channelId } = script.lastAttach();
      const body = { code: "SessionNotConnected", message: "nudging", channelId };
      script.say(FrameType.error, body);
      await script.quiet();
    }
    await script.clock.advanceAsync(1_000);
    await script.quiet();
    expect(script.lastAttach()).toMatchObject({ mode: "resume", channelId: first.channelId });
    expect(script.lastAttach().attachSeq).toBeGreaterThan(first.attachSeq);
    const { vector } = splitAttach(script.lastOf(FrameType.attach).body);
    expect(decodeVector(vector)).toMatchObject([{ stream: 1, answered: true, rx: 0 }]);
    await script.letIn({ epoch: EPOCH + 1, opened: 0, seen: 1 });
    expect(channel.phase).toEqual({ kind: "live", epoch: EPOCH + 1 });
    connection.close();
    await expect(exec.exit).rejects.toMatchObject({ code: "LinkLost" });
  });

  test("[AY9] a first attach waits for a session that is on its way, unless it observes", async () => {
    const onItsWay = async (): Promise<void> => {
      await script.quiet();
      const body = {
        code: "SessionNotConnected",
        message: "session demo is not connected: nudging",
        retryAfterMs: 100,
      };
      script.say(FrameType.error, { ...body, channelId: script.lastAttach().channelId });
      await script.quiet();
    };
    const connection = await script.connected();
    const observing = connection.attach("demo", { intent: "observe" });
    observing.catch(() => undefined);
    await onItsWay();
    await expect(observing).rejects.toMatchObject({ code: "SessionNotConnected" });
    const attaching = connection.attach("demo");
    await onItsWay();
    await script.clock.advanceAsync(1_000);
    await script.quiet();
    await script.letIn();
    expect((await attaching).phase.kind).toBe("live");
    const never = connection.attach("demo");
    never.catch(() => undefined);
    for (let n = 0; n < 20; n++) {
      await onItsWay();
      await script.clock.advanceAsync(1_000);
    }
    await expect(never).rejects.toMatchObject({ code: "SessionNotConnected" });
  });

  test("a driver that was started anew ends the channel with that word", async () => {
    const { channel } = await script.attached();
    const exec = channel.exec({ argv: ["sleep"] });
    script.hub.cut({ code: 1006, reason: "" });
    await script.clock.advanceAsync(200);
    await script.welcome();
    const { channelId } = script.lastAttach();
    script.say(FrameType.error, { code: "UNKNOWN_CHANNEL", message: "started anew", channelId });
    await script.quiet();
    expect(code(await channel.closed)).toBe("DriverRestarted");
    await expect(exec.exit).rejects.toMatchObject({ code: "DriverRestarted" });
    expect(() => channel.exec({ argv: ["x"] })).toThrow(HubError);
  });

  test("leaving detaches the route and resolves with no error", async () => {
    const { channel, connection } = await script.attached();
    channel.close();
    await script.quiet();
    expect(script.lastOf(FrameType.detach).route).toBe(ROUTE);
    expect(await channel.closed).toBeNull();
    connection.close();
    expect(await connection.closed).toBeNull();
    await settled();
    expect(script.mine.ended?.code).toBe(1000);
  });
});
