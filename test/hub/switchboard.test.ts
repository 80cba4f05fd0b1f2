/** The switchboard on real sockets: hello, epochs, fencing, relaying, ends of links. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { bodyOf, type HubServer, type Wire } from "../support/hub-server.ts";
import { hubWithSession, provenDriverOf, welcomedClient } from "../support/hub-with-session.ts";
import type { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";
import { encodeData } from "../support/data-body.ts";

/** What the kernel may hold of one loopback connection, with room. */
const KERNEL_BYTES_MAX = 24 * 1024 * 1024;

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(async () => {
  ({ world, hub, session } = await hubWithSession());
});
afterEach(() => hub.close());

const provenDriver = () => provenDriverOf({ hub, session });
const client = () => welcomedClient(hub);

/** A client's channel, and the route that the driver was given for it. */
async function attached(wire: Wire, driver: Wire, channelId = "chn_1"): Promise<number> {
  wire.say(FrameType.attach, { mode: "new", session: "demo", channelId });
  const frame = await driver.hear(FrameType.attach);
  expect(bodyOf(frame)).toMatchObject({ mode: "new", session: session.record.id, channelId });
  return frame.route;
}

describe("hello", () => {
  test("[SB2] a link that says nothing is closed with 4408", async () => {
    const wires = [await hub.client(), await hub.driver(session.record.id)];
    world.clock.advance(limits.HELLO_TIMEOUT_MS);
    for (const wire of wires) expect((await wire.end()).code).toBe(4408);
  });

  test("[SB2] a driver that does not confirm its epoch is closed with 4408", async () => {
    const wire = await hub.driver(session.record.id);
    wire.helloAsDriver(session.record.id);
    await wire.hear(FrameType.welcome);
    world.clock.advance(limits.HELLO_TIMEOUT_MS);
    expect((await wire.end()).code).toBe(4408);
    expect(session.record.epoch).toBe(0);
  });

  test("[SB3] a first frame that is no good hello is closed with 4400", async () => {
    const hello = { v: 1, role: "client", impl: "t", features: [] };
    const wrong: ((wire: Wire) => void)[] = [
      (wire) => wire.raw(new Uint8Array([1, 2, 3])),
      (wire) => wire.raw(new Uint8Array(0)),
      (wire) => wire.say(FrameType.ping, new Uint8Array(8)),
      (wire) => wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: "c" }),
      (wire) => wire.say(FrameType.hello, { ...hello, role: "peer" }),
      (wire) => wire.say(FrameType.hello, { ...hello, impl: "x".repeat(65) }),
      (wire) => wire.say(FrameType.hello, new Uint8Array([0xff, 0xfe])),
      (wire) => wire.say(FrameType.hello, new TextEncoder().encode("[".repeat(20_000))),
      (wire) => wire.say(FrameType.hello, hello, { flags: 1 }),
    ];
    for (const say of wrong) {
      const wire = await hub.client();
      say(wire);
      expect((await wire.end()).code).toBe(4400);
    }
    const wire = await hub.client();
    wire.say(FrameType.hello, { ...hello, v: 2 });
    expect((await wire.end()).code).toBe(4402);
  });

  test("[SB3] a refused link cannot make up for it with its next frame", async () => {
    const id = session.record.id;
    const wire = await hub.driver(id);
    wire.raw(new Uint8Array([1, 2, 3]));
    wire.helloAsDriver(id);
    expect((await wire.end()).code).toBe(4400);
    const second = await hub.driver(id);
    second.helloAsDriver(id);
    const { epoch, challenge } = bodyOf(await second.hear(FrameType.welcome));
    second.say(FrameType.epochConfirm, { epoch, challenge: "wrong" });
    second.say(FrameType.epochConfirm, { epoch, challenge });
    expect((await second.end()).code).toBe(4400);
    expect([session.record.epochIssued, session.record.epoch]).toEqual([1, 0]);
    expect(hub.switchboard.counts).toEqual({ clients: 0, drivers: 0 });
  });

  test("[SB4] a driver's token speaks for its own session only, and never for a client", async () => {
    const other = world.create({ name: "other" });
    const wire = await hub.driver(session.record.id);
    wire.helloAsDriver(other.record.id);
    expect((await wire.end()).code).toBe(4403);
    const asClient = await hub.driver(session.record.id);
    asClient.helloAsClient();
    expect((await asClient.end()).code).toBe(4403);
    const asDriver = await hub.client();
    asDriver.helloAsDriver(session.record.id);
    expect((await asDriver.end()).code).toBe(4403);
    expect([session.record.epochIssued, other.record.epochIssued]).toEqual([0, 0]);
  });
});

describe("epochs", () => {
  test("[SB5] each confirmed link has a higher epoch, and the older link ends with 4409", async () => {
    const first = await hub.driver(session.record.id);
    expect(await first.asDriver(session.record.id)).toBe(1);
    await until(() => session.record.epoch === 1);
    const second = await hub.driver(session.record.id);
    const nudged = { lastEpoch: 1, reason: "nudge", ticket: session.ticket.issue() };
    expect(await second.asDriver(session.record.id, nudged)).toBe(2);
    expect((await first.end()).code).toBe(4409);
    await until(() => session.record.epoch === 2);
    expect(hub.switchboard.counts.drivers).toBe(1);
  });

  test("[SB5] of two that were welcomed, the older cannot confirm after the newer", async () => {
    const [older, newer] = [
      await hub.driver(session.record.id),
      await hub.driver(session.record.id),
    ];
    older.helloAsDriver(session.record.id);
    const welcome = bodyOf(await older.hear(FrameType.welcome));
    expect(await newer.asDriver(session.record.id)).toBe(2);
    await until(() => session.record.epoch === 2);
    older.say(FrameType.epochConfirm, {
      epoch: welcome["epoch"],
      challenge: welcome["challenge"],
    });
    expect((await older.end()).code).toBe(4409);
    expect(newer.ended).toBeNull();
  });

  test("[SB6] a driver that saw more than the store issued is given more; an absurd one is not", async () => {
    const wire = await hub.driver(session.record.id);
    expect(await wire.asDriver(session.record.id, { lastEpoch: 41 })).toBe(42);
    for (const lastEpoch of [Number.MAX_SAFE_INTEGER, 2 ** 52]) {
      const absurd = await hub.driver(session.record.id);
      absurd.helloAsDriver(session.record.id, { lastEpoch });
      expect((await absurd.end()).code).toBe(4400);
    }
    const next = await hub.driver(session.record.id);
    const ticket = session.ticket.issue();
    expect(await next.asDriver(session.record.id, { ticket })).toBe(43);
  });

  test("[SB7] a driver of a session that ended is told 4404, also between welcome and confirm", async () => {
    const early = await hub.driver(session.record.id);
    const late = await hub.driver(session.record.id);
    early.helloAsDriver(session.record.id);
    const { epoch, challenge } = bodyOf(await early.hear(FrameType.welcome));
    world.platform.destroy = () => new Promise<boolean>(() => undefined);
    session.operate("operator.removed");
    early.say(FrameType.epochConfirm, { epoch, challenge });
    late.helloAsDriver(session.record.id);
    expect((await early.end()).code).toBe(4404);
    expect((await late.end()).code).toBe(4404);
  });
});

describe("relaying", () => {
  test("[SB1] bytes go both ways unchanged but for the route", async () => {
    const driver = await provenDriver();
    const wire = await client();
    const route = await attached(wire, driver);
    driver.say(FrameType.attached, { channelId: "chn_1", session: "s", epoch: 1 }, { route });
    const mine = (await wire.hear(FrameType.attached)).route;
    const body = new Uint8Array(16_000).map((_, at) => at & 0xff);
    wire.say(FrameType.data, body, { route: mine, stream: 7 });
    const there = await driver.hear(FrameType.data);
    expect([there.route, there.stream, [...there.body]]).toEqual([route, 7, [...body]]);
    driver.say(FrameType.data, body, { route, stream: 7 });
    const back = await wire.hear(FrameType.data);
    expect([back.route, [...back.body]]).toEqual([mine, [...body]]);
  });

  test("[AY5, AY6] the hub hears what is typed and what runs, and who only looks on", async () => {
    const driver = await provenDriver();
    const wire = await client();
    const route = await attached(wire, driver);
    const activity = () => session.health().activity;
    expect(activity().process.running).toBeNull();
    driver.say(FrameType.jobs, { running: 2, oldest: { program: "make", startedAt: 5 } });
    await until(() => activity().process.running === 2);
    expect(activity()).toMatchObject({
      viewer: { attached: 1, passive: 1 },
      process: { oldest: { program: "make" } },
    });
    driver.say(FrameType.attached, { channelId: "chn_1", session: "demo", epoch: 1 }, { route });
    const { route: mine } = await wire.hear(FrameType.attached);
    wire.say(FrameType.open, { kind: "terminal", rxMax: 0 }, { route: mine, stream: 1 });
    const typed = encodeData({ offset: 0, ctlTx: null, bytes: Buffer.from("ls\r") });
    wire.say(FrameType.data, typed, { route: mine, stream: 1 });
    await until(() => activity().human.bytes === 3);
    expect(activity().viewer).toMatchObject({ attached: 1, passive: 0 });
    wire.socket.terminate();
    await until(() => activity().viewer.attached === 0);
    driver.socket.terminate();
    await until(() => activity().process.running === null);
  });

  test("[SB8] frames on a route that is not there are dropped, and both links live", async () => {
    const driver = await provenDriver();
    const wire = await client();
    const other = await client();
    const route = await attached(wire, driver);
    other.say(FrameType.data, new Uint8Array(9), { route, stream: 1 });
    wire.say(FrameType.data, new Uint8Array(9), { route: 999, stream: 1 });
    driver.say(FrameType.data, new Uint8Array(9), { route: 999, stream: 1 });
    wire.say(FrameType.detach, { reason: "done" }, { route: 1 });
    expect((await driver.hear(FrameType.detach)).route).toBe(route);
    driver.say(FrameType.data, new Uint8Array(9), { route, stream: 1 });
    await attached(wire, driver, "chn_2");
    expect([wire.heard, driver.heard].flat().filter(({ type }) => type === FrameType.data)).toEqual(
      [],
    );
    expect([driver.ended, wire.ended, other.ended]).toEqual([null, null, null]);
  });

  test("[SB9] an attach to a session that is not proven is refused with its code", async () => {
    const wire = await client();
    const refused = async (name: string): Promise<unknown> => {
      wire.say(FrameType.attach, { mode: "new", session: name, channelId: name });
      const body = bodyOf(await wire.hear(FrameType.error));
      expect(body["channelId"]).toBe(name);
      return body["code"];
    };
    expect(await refused("demo")).toBe("SessionNotConnected");
    expect(await refused("nobody")).toBe("SessionNotFound");
    const unproven = await hub.driver(session.record.id);
    await unproven.asDriver(session.record.id);
    await until(() => session.record.detail.endsWith("proving"));
    expect(await refused("demo")).toBe("SessionNotConnected");
    expect(wire.ended).toBeNull();
  });

  test("[SB10] junk after hello ends that link with 4400, and nothing behind it is read", async () => {
    const driver = await provenDriver();
    const good = await client();
    const route = await attached(good, driver);
    const junk: ((wire: Wire) => void)[] = [
      (wire) => wire.raw(new Uint8Array([0x22])),
      (wire) => wire.say(0x6f as FrameType),
      (wire) => wire.say(FrameType.welcome),
      (wire) => wire.helloAsClient(),
      (wire) => wire.say(FrameType.attach, { mode: "again", session: "demo", channelId: "c" }),
      (wire) => wire.say(FrameType.attach, new Uint8Array([0])),
      (wire) => wire.say(FrameType.attach, new Uint8Array([0x00, 0xff, 0x7b])),
      (wire) => wire.say(FrameType.attach, { mode: "new", session: 5, channelId: "c" }),
      (wire) => wire.say(FrameType.ping, new Uint8Array(3)),
      (wire) => wire.say(FrameType.peerState),
    ];
    for (const say of junk) {
      const wire = await client();
      say(wire);
      wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: "after" });
      expect((await wire.end()).code).toBe(4400);
    }
    good.say(FrameType.data, new Uint8Array(9), { route: 1, stream: 1 });
    expect((await driver.hear(FrameType.data)).route).toBe(route);
    expect(driver.heard.filter(({ type }) => type === FrameType.attach)).toEqual([]);
  });

  test("[SB10] more than 256 channels end the link, and their routes with it", async () => {
    const driver = await provenDriver();
    const wire = await client();
    for (let n = 0; n <= limits.CHANNELS_PER_LINK_MAX; n++) {
      wire.say(FrameType.attach, { mode: "new", session: "demo", channelId: `c${n}` });
    }
    expect((await wire.end()).code).toBe(4400);
    await until(
      () =>
        driver.heard.filter(({ type }) => type === FrameType.detach).length ===
        limits.CHANNELS_PER_LINK_MAX,
    );
  });

  test("[SB11] when the driver goes, its clients are told at once and keep their link", async () => {
    const driver = await provenDriver();
    const wire = await client();
    await attached(wire, driver);
    driver.socket.terminate();
    const told = bodyOf(await wire.hear(FrameType.peerState));
    expect(told).toMatchObject({ session: session.record.id, driver: "down", epoch: 1 });
    expect(String(told["state"])).toMatch(/^nudging/);
    expect(wire.ended).toBeNull();
  });

  test("[SB11] nothing that a replaced driver still says reaches a client", async () => {
    const driver = await provenDriver();
    const wire = await client();
    const route = await attached(wire, driver);
    const newer = await hub.driver(session.record.id);
    await newer.asDriver(session.record.id, { lastEpoch: 1, ticket: session.ticket.issue() });
    for (let n = 0; n < 50; n++) {
      driver.say(FrameType.data, new Uint8Array(9), { route, stream: 1 });
    }
    expect((await driver.end()).code).toBe(4409);
    await wire.hear(FrameType.peerState);
    wire.say(FrameType.ping, new Uint8Array(8));
    await wire.hear(FrameType.pong);
    const after = wire.heard.filter(({ type }) => type === FrameType.data);
    // What was relayed before the newer driver confirmed may be there; nothing can come later.
    driver.say(FrameType.data, new Uint8Array(9), { route, stream: 1 });
    expect(wire.heard.filter(({ type }) => type === FrameType.data)).toEqual(after);
  });

  test("[SB12] a client that does not read is cut with 4414 while another goes on", async () => {
    const driver = await provenDriver();
    const { wire: slow, ws } = await hub.pausableClient();
    slow.helloAsClient();
    await slow.hear(FrameType.welcome);
    const slowRoute = await attached(slow, driver, "slow");
    const good = await client();
    const route = await attached(good, driver, "good");
    ws.pause();
    const chunk = new Uint8Array(16_384);
    let sent = 0;
    while (hub.switchboard.counts.clients === 2) {
      driver.say(FrameType.data, chunk, { route: slowRoute, stream: 1 });
      sent += chunk.length;
      expect(sent).toBeLessThan(limits.EGRESS_BYTES_MAX + KERNEL_BYTES_MAX);
      if (sent % (16 * chunk.length) !== 0) continue;
      driver.say(FrameType.data, new Uint8Array([1]), { route, stream: 1 });
      await good.hear(FrameType.data);
    }
    expect((await driver.hear(FrameType.detach)).route).toBe(slowRoute);
    driver.say(FrameType.data, new Uint8Array([1]), { route, stream: 1 });
    await good.hear(FrameType.data);
    expect([good.ended, driver.ended]).toEqual([null, null]);
    ws.resume();
    expect((await slow.end()).code).toBe(4414);
  });

  test("[SB13] a driver that falls silent is suspected after 3 s and lost after 6 s", async () => {
    const driver = await hub.driver(session.record.id);
    await driver.asDriver(session.record.id);
    await until(() => session.record.epoch === 1);
    world.clock.advance(limits.DRIVER_DEAD_MS);
    expect((await driver.end()).code).toBe(1006);
    expect(hub.switchboard.counts.drivers).toBe(0);
    expect(session.record.detail).toMatch(/awaitingDriver|bootstrapping/);
  });

  test("[SB14] a hub that goes down ends every link politely, and those that never said hello", async () => {
    const driver = await provenDriver();
    const [wire, mute] = [await client(), await hub.client()];
    await hub.close();
    for (const end of [driver, wire]) {
      expect(bodyOf(await end.hear(FrameType.goAway))).toMatchObject({ drainMs: 0 });
    }
    expect((await driver.end()).code).toBe(4000);
    expect((await wire.end()).code).toBe(4000);
    expect((await mute.end()).code).toBe(1006);
  });
});
