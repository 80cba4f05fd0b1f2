/** Sessions over a store that keeps facts later: what waits for them, and what a loss ends. */
import { expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Switchboard } from "../../src/hub/switchboard/attach.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/version.ts";
import { plainSpec } from "../support/hub-world.ts";
import { lateWorld } from "../support/late-world.ts";
import { MemorySocket } from "../support/memory-socket.ts";

const LATE_MS = 100;

test("[FA20] nothing is asked of the platform, and nobody is told, before facts are kept", async () => {
  const { world, disk } = lateWorld(LATE_MS);
  const told: string[] = [];
  world.sessions.onEvent(({ kind }) => told.push(kind));
  const session = world.create();
  const asked = (): boolean => world.platform.calls.some((call) => call.startsWith("create"));
  let kept = false;
  void world.sessions.kept(session).then(() => (kept = true));
  await world.clock.advanceAsync(LATE_MS / 2 - 5);
  expect([disk.find(session.record.id), asked(), told, kept]).toEqual([null, false, [], false]);
  await world.clock.advanceAsync(10);
  expect(disk.find(session.record.id)).not.toBeNull();
  // On the disk, and the hub does not know it yet.
  expect([asked(), told, kept]).toEqual([false, [], false]);
  for (let turn = 0; !asked() && turn < 100; turn++) {
    await world.clock.advanceAsync(10);
    const intent = disk.find(session.record.id)?.asked === true;
    expect(intent || !asked()).toBe(true);
  }
  expect([asked(), told[0], kept]).toEqual([true, "session.created", true]);
});

test("[FA19] while the store is away sessions stand still, and go on where they were", async () => {
  const { world, disk } = lateWorld(4);
  const { session, link } = await world.connected();
  await world.clock.advanceAsync(1_000);
  disk.refuses = true;
  session.operate("operator.paused");
  await world.clock.advanceAsync(1_000);
  expect(world.platform.calls.filter((call) => call.startsWith("pause"))).toEqual([]);
  expect(() => world.create({ name: "other" })).toThrow("takes no facts");
  const asking = world.sessions.kept(session).catch((error: unknown) => error);
  await world.clock.advanceAsync(6_000);
  expect(await asking).toMatchObject({ code: "StoreRefuses", outcomeUnknown: true });
  expect(link.ended).toBeNull();
  disk.refuses = false;
  await world.clock.advanceAsync(5_000);
  expect(session.record.detail).toBe("suspended.paused");
  const facts = disk.events({ after: 0, session: session.record.id, limit: 1_000 });
  expect(facts.filter(({ kind }) => kind === "intent.changed")).toHaveLength(1);
});

test("[CL1, CL22] a session that another hub has is let go: nothing is asked, its driver dials again", async () => {
  const { world, disk } = lateWorld(4);
  const { session, link } = await world.connected();
  const { calls } = world.platform;
  await world.clock.advanceAsync(1_000);
  const before = calls.length;
  let lost = 0;
  world.sessions.onLost = () => (lost += 1);
  disk.writer = {};
  session.operate("operator.paused");
  const asking = world.sessions.kept(session).catch((error: unknown) => error);
  await world.clock.advanceAsync(1_000);
  expect(await asking).toMatchObject({ code: "SessionMoved" });
  expect(lost).toBe(1);
  expect(world.sessions.known("demo")).toBeUndefined();
  expect([link.ended, calls.slice(before)]).toEqual(["moved", []]);
  await world.clock.advanceAsync(600_000);
  expect(calls.slice(before)).toEqual([]);
  expect(() => session.operate("operator.resumed")).toThrow(HubError);
  expect(world.sessions.create({ name: "next", spec: plainSpec }).record.name).toBe("next");
});

test("[FA20] what a session waited to ask is not asked by one that stood still meanwhile", async () => {
  const { world, disk } = lateWorld(LATE_MS);
  const session = world.create();
  const requested = (): boolean => session.record.sandboxName !== null;
  for (let turn = 0; !requested() && turn < 100; turn++) await world.clock.advanceAsync(10);
  // The request is on its way to the disk, and so is what follows it.
  disk.refuses = true;
  await world.clock.advanceAsync(LATE_MS + 10);
  expect(() => session.operate("operator.removed")).toThrow("takes no facts");
  expect(session.health().verdict.code).toBe("StoreRefuses");
  disk.refuses = false;
  const creates = (): number => world.platform.calls.filter((c) => c.startsWith("create")).length;
  const kinds = () => disk.events({ after: 0, limit: 1_000 }).map(({ kind }) => kind);
  for (let turn = 0; !kinds().includes("store.refused") && turn < 1_000; turn++) {
    expect(creates()).toBe(0);
    await world.clock.advanceAsync(10);
  }
  await world.clock.advanceAsync(2_000);
  expect(creates()).toBe(1);
});

test("[FA20] a driver hears of its epoch once the store has it, and not before", async () => {
  const { world, disk } = lateWorld(4);
  const { session } = await world.connected();
  await world.clock.advanceAsync(1_000);
  const { clock, sessions } = world;
  const board = new Switchboard({
    hubId: "hub_test",
    clock,
    random: seededRandom("board"),
    log: silentLogger,
    find: (name) => sessions.find(name),
  });
  const [hub, driver] = MemorySocket.pair();
  // A driver that is here would be asked first; this one's place is free.
  session.link?.end("replaced");
  await world.clock.advanceAsync(20);
  const issued = session.record.epochIssued;
  board.acceptDriver(hub, session);
  const hello = {
    v: PROTOCOL_VERSION,
    role: "driver",
    session: session.record.id,
    impl: "test",
    features: [],
    lastEpoch: issued,
    reason: "start",
    instance: { pid: 7, startTicks: "1", bootId: "b", startedAt: 1 },
    clock: { wallMs: 1, monoMs: 1 },
  };
  driver.send(encodeFrame({ type: FrameType.hello, body: encodeJson(hello) }));
  driver.deliver();
  await world.clock.advanceAsync(1);
  expect([session.record.epochIssued, hub.ended]).toEqual([issued + 1, null]);
  expect([disk.find(session.record.id)?.epochIssued, hub.sent]).toEqual([issued, []]);
  await world.clock.advanceAsync(10);
  expect(disk.find(session.record.id)?.epochIssued).toBe(issued + 1);
  expect(hub.sent).toHaveLength(1);
});
