/** Times and budgets of one session, to the millisecond, and that a restart extends none. */
import { describe, expect, test } from "vitest";
import { HubWorld } from "../support/hub-world.ts";

describe("nudging", () => {
  test("[SM9] a lost driver is nudged at once and then after 0.5, 1.5 and 4 s", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const atMs: number[] = [];
    const lostAt = world.clock.now();
    world.platform.onLaunch = () => undefined;
    world.platform.onNudge = () => {
      atMs.push(world.clock.now() - lostAt);
      return "signalled";
    };
    session.detach(link, "lost");
    await world.clock.advanceAsync(6_500);
    expect(atMs).toEqual([0, 500, 1_500, 4_000]);
    expect(world.platform.count("exec:launch")).toBe(2);
    expect(session.record.detail).toBe("nudging.awaitingLaunched");
  });

  test("[SM9] a driver that comes back is not nudged again", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    session.detach(link, "lost");
    await world.clock.advanceAsync(600);
    const nudges = world.platform.count("exec:nudge");
    world.attach(session);
    await world.clock.advanceAsync(60_000);
    expect(session.record.state).toBe("connected");
    expect(world.platform.count("exec:nudge")).toBe(nudges);
  });

  test("[SM9] a dead driver is launched again at once, at most twice, then it is an error", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.onLaunch = () => undefined;
    world.platform.onNudge = () => "driver-dead";
    session.detach(link, "killed");
    await world.clock.advanceAsync(10);
    expect(session.record.detail).toBe("nudging.awaitingLaunched");
    expect(world.platform.count("exec:nudge")).toBe(1);
    await world.clock.advanceAsync(world.policy.driverWaitMs * 2);
    expect(session.record.state).toBe("error");
    expect(world.platform.count("exec:launch")).toBe(1 + world.policy.relaunchesMax);
    expect(session.record.fault).toMatchObject({ code: "DriverAbsent", rung: "relaunch" });
  });

  test("[SM17] budgets are whole again once it was connected", async () => {
    const world = new HubWorld();
    let { session, link } = await world.connected();
    for (let round = 0; round < 4; round++) {
      world.platform.onNudge = () => "driver-dead";
      session.detach(link, "killed");
      await world.clock.advanceAsync(100);
      expect([session.record.state, session.record.rung]).toEqual(["connected", "none"]);
      link = world.links.at(-1) ?? link;
      session = world.sessions.find("demo");
    }
    expect(world.platform.count("exec:launch")).toBe(5);
  });
});

describe("proving", () => {
  test("[SM18] a failed proof is re-checked after 0.5 and 1.5 s, before any rung", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    link.deaf = true;
    const before = link.challenges;
    const suspectedAt = world.clock.now();
    session.fellSilent(link);
    const at: number[] = [];
    for (let seen = before; world.platform.count("exec:nudge") === 0;) {
      await world.clock.advanceAsync(10);
      if (link.challenges > seen) at.push(world.clock.now() - suspectedAt);
      seen = link.challenges;
      if (world.clock.now() - suspectedAt > 30_000) break;
    }
    expect(at.slice(0, 3)).toEqual([10, 500, 2_000]);
    expect(link.challenges - before).toBeLessThanOrEqual(4);
    await world.clock.advanceAsync(10_000);
    // A deaf driver is nudged, then launched anew, and what the new one shows is a proof.
    expect([session.record.state, session.record.epoch]).toEqual(["connected", 2]);
    expect(world.platform.count("stop")).toBe(0);
  });

  test("[SM18] one failed round does not end it when the next one passes", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    link.deaf = true;
    session.fellSilent(link);
    await world.clock.advanceAsync(100);
    expect(session.record.detail).toBe("connected.rechecking");
    expect(session.health().status).toBe("warn");
    link.deaf = false;
    await world.clock.advanceAsync(500);
    expect(session.record.detail).toBe("connected.healthy");
    expect(world.platform.count("exec:nudge")).toBe(0);
  });

  test("[SM4] a connected session is looked at every 30 s or so, and never nudged", async () => {
    const world = new HubWorld();
    await world.connected();
    await world.clock.advanceAsync(300_000);
    expect(world.platform.count("exec:probe")).toBeGreaterThanOrEqual(1 + Math.floor(300 / 36));
    expect(world.platform.count("exec:probe")).toBeLessThanOrEqual(1 + Math.ceil(300 / 24));
    expect(world.platform.count("exec:nudge")).toBe(0);
  });
});

describe("a hub restart", () => {
  test("[SM19] does not extend the deadline of a running attempt", async () => {
    const world = new HubWorld();
    const session = world.create();
    const deadlineAt = session.record.deadlineAt;
    await world.clock.advanceAsync(3_000);
    for (let round = 0; round < 3; round++) await world.restart(5_000);
    expect(world.sessions.find("demo").record.deadlineAt).toBe(deadlineAt);
    await world.restart(world.policy.createMs);
    await world.clock.advanceAsync(10);
    expect(world.sessions.find("demo").record.state).toBe("error");
    expect(world.platform.count("create")).toBe(1);
  });

  test("[SM19] keeps the healing deadline of a session that it found connected", async () => {
    const world = new HubWorld();
    await world.connected();
    world.platform.onNudge = () => "signalled";
    world.platform.onLaunch = () => undefined;
    await world.restart();
    const { deadlineAt } = world.sessions.find("demo").record;
    expect(deadlineAt).toBe(world.clock.now() + world.policy.healMs);
    await world.clock.advanceAsync(2_000);
    await world.restart(1_000);
    expect(world.sessions.find("demo").record.deadlineAt).toBe(deadlineAt);
  });

  test("[SM20] finds a connected session's driver again without another sandbox", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const { id, sandboxId, epoch } = session.record;
    await world.restart(2_000);
    const again = world.sessions.find(id);
    expect(again.record.detail).toBe("nudging.awaitingDriver");
    expect(again.route).toBeNull();
    world.attach(again);
    await world.clock.advanceAsync(100);
    expect(again.record).toMatchObject({ state: "connected", sandboxId, epoch: epoch + 1 });
    expect(world.platform.count("create")).toBe(1);
  });

  test("[SM20] leaves suspended and failed sessions as they are", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(10);
    const calls = world.platform.calls.length;
    await world.restart(3_600_000);
    await world.clock.advanceAsync(60_000);
    expect(world.sessions.find("demo").record.detail).toBe("suspended.paused");
    expect(world.platform.calls).toHaveLength(calls);
  });
});

describe("waiting for a verdict", () => {
  test("[SM16] ends with the rest, the time, or at once when it rests already", async () => {
    const world = new HubWorld();
    world.driversDial();
    const session = world.create();
    let verdict = "";
    void world.sessions.verdict(session, 10_000).then(() => (verdict = session.record.state));
    await world.clock.advanceAsync(100);
    expect(verdict).toBe("connected");
    await world.sessions.verdict(session, 10_000);
    const before = world.clock.pendingTimers;
    session.operate("operator.paused");
    world.platform.start = () => new Promise(() => undefined);
    await world.clock.advanceAsync(10);
    session.operate("operator.resumed");
    let late = false;
    void world.sessions.verdict(session, 1_000).then(() => (late = true));
    await world.clock.advanceAsync(999);
    expect(late).toBe(false);
    await world.clock.advanceAsync(1);
    expect([late, session.record.state]).toEqual([true, "resuming"]);
    expect(world.clock.pendingTimers).toBeLessThanOrEqual(before + 1);
  });
});
