/** Two drivers for one session, on real sockets: who stays, who is refused, what is said. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Session } from "../../src/hub/session/session.ts";
import { FrameType, type Frame } from "../../src/protocol/frame.ts";
import { bodyOf, type HubServer, type Wire } from "../support/hub-server.ts";
import { hubWithSession } from "../support/hub-with-session.ts";
import type { HubWorld } from "../support/hub-world.ts";
import { lateWorld } from "../support/late-world.ts";
import { until } from "../support/until.ts";

/** What a ping may take at least before its driver counts as silent. */
const ANSWER_WAIT_MS = 1_000;

let world: HubWorld;
let hub: HubServer;
let session: Session;

beforeEach(() => open());
afterEach(() => hub.close());

async function open(opened?: HubWorld): Promise<void> {
  ({ world, hub, session } = await hubWithSession(opened));
}

/** A driver that answers its pings for as long as `answers` says so. */
async function driver(more: object = {}, answers = () => true): Promise<Wire> {
  const wire = await hub.driver(session.record.id);
  await wire.asDriver(session.record.id, more);
  void wire.answerPings(answers);
  return wire;
}

/** Says hello and lets the time pass in which the driver that is here may answer. */
async function newcomer(more: object = {}): Promise<Wire> {
  const wire = await hub.driver(session.record.id);
  wire.helloAsDriver(session.record.id, { lastEpoch: session.record.epoch, ...more });
  return wire;
}

/** The newcomer's hello has reached the hub, which now waits for the other. */
async function asked(incumbent: { pings: number }, before: number): Promise<void> {
  await until(() => incumbent.pings > before);
}

function counting(answers: () => boolean): { pings: number; answers: () => boolean } {
  const counter = {
    pings: 0,
    answers: () => {
      counter.pings += 1;
      return answers();
    },
  };
  return counter;
}

/** A driver that answers no ping, and one that came after it. */
async function besideSilent(): Promise<{ first: Wire; second: Wire }> {
  const silent = counting(() => false);
  const first = await driver({}, silent.answers);
  await until(() => silent.pings > 0);
  const before = silent.pings;
  const second = await newcomer();
  await asked(silent, before);
  return { first, second };
}

const kinds = (): string[] => world.kinds(session);
const another = { pid: 2, startTicks: "2", bootId: "b", startedAt: 2 };

describe("a second living driver", () => {
  test("[SB17] is refused with 4412 while the first answers, and reported once", async () => {
    const first = await driver();
    await until(() => session.record.state === "connected");
    for (let n = 0; n < 3; n++) expect((await (await newcomer()).end()).code).toBe(4412);
    expect(first.ended).toBeNull();
    expect([session.record.state, session.record.epoch]).toEqual(["connected", 1]);
    expect(kinds().filter((kind) => kind === "clone.suspected")).toHaveLength(1);
    const { status, warnings, verdict } = session.health();
    expect([status, verdict.code]).toEqual(["warn", "Connected"]);
    expect(warnings).toMatchObject([{ code: "CloneSuspected" }]);
  });

  test("[SB17] takes the place of one that is silent for a second, and not before", async () => {
    const { first, second } = await besideSilent();
    await world.clock.advanceAsync(ANSWER_WAIT_MS - 1);
    expect(second.heard.some(({ type }) => type === FrameType.welcome)).toBe(false);
    await world.clock.advanceAsync(1);
    await second.hear(FrameType.welcome);
    expect(first.ended).toBeNull();
  });

  test("[SB17] comes in at once when the first one's link ends while it waits", async () => {
    const { first, second } = await besideSilent();
    first.socket.terminate();
    await second.hear(FrameType.welcome);
  });

  test("[SB17] of two that come at once, to nobody, the faster one stays", async () => {
    const [first, second] = [await newcomer(), await newcomer()];
    const welcomes = [await first.hear(FrameType.welcome), await second.hear(FrameType.welcome)];
    for (const [at, wire] of [first, second].entries()) {
      const { epoch, challenge } = bodyOf(welcomes[at] as Frame);
      wire.say(FrameType.epochConfirm, { epoch, challenge });
      await until(() => session.record.epoch > 0);
    }
    expect((await second.end()).code).toBe(4412);
    expect([first.ended, session.record.epoch]).toEqual([null, 1]);
  });

  test("[SB17] of two that come to nobody, the slower one loses while the store keeps its epoch", async () => {
    await hub.close();
    await open(lateWorld(100).world);
    await world.clock.advanceAsync(1_000);
    const [first, second] = [await newcomer(), await newcomer()];
    await until(() => session.record.epochIssued > 0);
    await world.clock.advanceAsync(110);
    const { epoch, challenge } = bodyOf(await first.hear(FrameType.welcome));
    await until(() => session.record.epochIssued === 2);
    first.say(FrameType.epochConfirm, { epoch, challenge });
    await until(() => session.record.epoch === 1);
    await world.clock.advanceAsync(1_000);
    const late = bodyOf(await second.hear(FrameType.welcome));
    second.say(FrameType.epochConfirm, { epoch: late["epoch"], challenge: late["challenge"] });
    expect((await second.end()).code).toBe(4412);
    expect([first.ended, session.record.epoch]).toEqual([null, 1]);
  });

  test("[SB18] with the ticket that this hub wrote it wins at once, and the ticket is used up", async () => {
    const first = await driver();
    await until(() => session.record.state === "connected");
    const ticket = session.ticket.issue();
    const second = await driver({ lastEpoch: null, ticket });
    expect((await first.end()).code).toBe(4409);
    await until(() => session.record.state === "connected" && session.record.epoch === 2);
    expect((await (await newcomer({ ticket })).end()).code).toBe(4412);
    const older = session.ticket.issue();
    session.ticket.issue();
    expect((await (await newcomer({ ticket: older })).end()).code).toBe(4412);
    expect(second.ended).toBeNull();
  });

  test("[SB19] three takeovers in a minute are a conflict: only the wanted one comes back", async () => {
    const wanted = await driver({ ticket: session.ticket.issue() });
    await until(() => session.record.epoch === 1);
    wanted.socket.terminate();
    for (let n = 0; n < 3; n++) {
      await until(() => session.link === null);
      const before = session.record.epoch;
      const thief = await driver({ lastEpoch: 0, instance: another });
      await until(() => session.record.epoch > before);
      thief.socket.terminate();
    }
    await until(() => session.link === null);
    expect(kinds()).toContain("clone.suspected");
    expect((await (await newcomer({ lastEpoch: 4 })).end()).code).toBe(4412);
    const back = await newcomer({ lastEpoch: 1, reason: "fenced" });
    await back.hear(FrameType.welcome);
    await world.clock.advanceAsync(61_000);
    await (await newcomer({ lastEpoch: 4 })).hear(FrameType.welcome);
  });
});

describe("a driver from the past", () => {
  const rolledBack = (): boolean => kinds().includes("driver.rolledBack");

  test("[SB20] that confirmed a newer epoch itself was rolled back: said, and the session works", async () => {
    const first = await driver();
    await until(() => session.record.epoch === 1);
    first.socket.terminate();
    await until(() => session.link === null);
    const again = await driver({ lastEpoch: 1 });
    await until(() => session.record.epoch === 2);
    expect(rolledBack()).toBe(false);
    again.socket.terminate();
    await until(() => session.link === null);
    await driver({ lastEpoch: 1 });
    await until(() => session.record.state === "connected" && session.record.epoch === 3);
    expect(rolledBack()).toBe(true);
    const { status, verdict, warnings } = session.health();
    expect([status, verdict.code]).toEqual(["warn", "Connected"]);
    expect(warnings).toMatchObject([{ code: "RolledBack" }]);
    expect(warnings[0]?.text).toContain("epoch 1, and 2 was confirmed");
    await world.clock.advanceAsync(1);
    expect(session.health().warnings[0]?.ageMs).toBeGreaterThan(0);
  });

  test("[SB20] that was replaced by another process, or knows of it, was not", async () => {
    for (const past of [{ instance: another }, { reason: "fenced" }]) {
      await driver({ ticket: session.ticket.issue() });
      await until(() => session.record.state === "connected");
      const { epoch } = session.record;
      const second = await driver({ ticket: session.ticket.issue() });
      await until(() => session.record.epoch === epoch + 1);
      second.socket.terminate();
      await until(() => session.link === null);
      await driver({ lastEpoch: epoch, ...past });
      await until(() => session.record.epoch === epoch + 2);
    }
    expect(rolledBack()).toBe(false);
  });

  test("[SB20] whose confirmation was lost goes on as the same", async () => {
    const first = await driver();
    await until(() => session.record.epoch === 1);
    const lost = await newcomer({ lastEpoch: 1, ticket: session.ticket.issue() });
    await lost.hear(FrameType.welcome);
    lost.socket.terminate();
    first.socket.terminate();
    await until(() => session.link === null);
    expect(session.record.epochIssued).toBe(2);
    await driver({ lastEpoch: 1 });
    await until(() => session.record.epoch === 3);
    expect(rolledBack()).toBe(false);
  });
});
