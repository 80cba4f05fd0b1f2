/** Who keeps a sandbox awake, and who does not: days of simulated time on a platform that stops. */
import { describe, expect, test } from "vitest";
import { silentLogger, type Logger } from "../../src/base/log.ts";
import { ActivityKeeper } from "../../src/hub/activity/keeper.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { worldOn, type HubWorld } from "../support/hub-world.ts";
import { IdleStoppingPlatform } from "../support/idle-platform.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const AUTO_STOP_MS = 30 * MINUTE_MS;

interface Stage {
  readonly world: HubWorld;
  readonly platform: IdleStoppingPlatform;
  readonly session: Session;
  readonly keeper: ActivityKeeper;
  readonly warnings: string[];
}

/** A connected session whose driver says that nothing runs, and a keeper that looks after it. */
async function stage(idlePauseMs: number | null = null): Promise<Stage> {
  const { world, platform } = worldOn((clock) => new IdleStoppingPlatform(clock, AUTO_STOP_MS));
  const { session } = await world.connected();
  session.activity.jobsTold({ running: 0, oldest: null });
  platform.onStop = () => world.links.at(-1)?.end("suspended");
  const warnings: string[] = [];
  const warn: Logger["warn"] = (_, text) => void warnings.push(text);
  const keeper = keeperOf(world, { ...silentLogger, warn }, idlePauseMs);
  keeper.start();
  return { world, platform, session, keeper, warnings };
}

function keeperOf(world: HubWorld, log: Logger, idlePauseMs: number | null): ActivityKeeper {
  return new ActivityKeeper({
    provider: world.platform,
    sessions: () => world.sessions.all,
    clock: world.clock,
    log,
    autoStopMs: AUTO_STOP_MS,
    idlePauseMs,
  });
}

async function pass(world: HubWorld, ms: number, each: () => void = () => undefined) {
  for (let passed = 0; passed < ms; passed += MINUTE_MS) {
    each();
    await world.clock.advanceAsync(MINUTE_MS);
  }
}

const make = { running: 1, oldest: { program: "make", startedAt: 1_700_000_000_000 } };

describe("the keeper", () => {
  test("[AY1, AY4] 24 hours without a job: no call, one stop, no needless start", async () => {
    const { world, platform, session, keeper } = await stage();
    session.activity.visited("wake");
    await pass(world, 24 * HOUR_MS);
    expect([platform.count("refresh"), platform.stops, platform.count("start")]).toEqual([0, 1, 0]);
    expect([session.record.detail, session.record.desired]).toEqual([
      "suspended.paused",
      "suspended",
    ]);
    const told = world.store.events({ after: 0, limit: 10_000 }).map(({ text }) => text);
    expect(told).toContain(
      "the platform stopped it because nobody used it; it rests until it is resumed",
    );
    keeper.stop();
  });

  test("[AY2] 24 hours of a process: no stop under it, and one when it has ended", async () => {
    const { world, platform, session, keeper } = await stage();
    session.activity.jobsTold(make);
    await pass(world, 24 * HOUR_MS);
    expect([platform.stops, session.record.detail]).toEqual([0, "connected.healthy"]);
    const calls = platform.count("refresh");
    expect(calls).toBeGreaterThanOrEqual(3 * 48);
    expect(calls).toBeLessThan(6 * 48);
    expect(session.health().activity).toMatchObject({
      wanted: true,
      because: "process",
      stopsAt: null,
      process: { running: 1, oldest: { program: "make" } },
    });
    session.activity.jobsTold({ running: 0, oldest: null });
    await pass(world, 2 * HOUR_MS);
    expect([platform.stops, session.record.detail]).toEqual([1, "suspended.paused"]);
    expect(platform.count("refresh")).toBeLessThanOrEqual(calls + 1);
    keeper.stop();
  });

  test("[AY2] hubs that come and go every few minutes keep a process as awake as one", async () => {
    const { world, platform, session, keeper } = await stage();
    session.activity.jobsTold(make);
    for (let hubs = 0, last = keeper; hubs < 200; hubs++) {
      await pass(world, (1 + (hubs % 4)) * MINUTE_MS);
      last.stop();
      // Nobody has it until the death of the hub is certain.
      await world.clock.advanceAsync(6_000);
      last = keeperOf(world, silentLogger, null);
      last.start();
      if (hubs === 199) last.stop();
    }
    expect([platform.stops, session.record.detail]).toEqual([0, "connected.healthy"]);
    const passedMs = 50 * (1 + 2 + 3 + 4) * MINUTE_MS;
    expect(platform.count("refresh")).toBeLessThan((6 * passedMs) / AUTO_STOP_MS);
  });

  test("[AY2] somebody who types every 25 minutes is never stopped under the hands", async () => {
    const { world, platform, session, keeper } = await stage();
    const visit = session.activity.visited("wake");
    let minutes = 0;
    await pass(world, 12 * HOUR_MS, () => {
      if (minutes++ % 25 === 0) visit.typed(1);
    });
    expect([platform.stops, session.record.state]).toEqual([0, "connected"]);
    visit.left();
    await pass(world, HOUR_MS);
    expect(platform.stops).toBe(1);
    keeper.stop();
  });

  test("[AY1] who observes, probes and attached clients keep nothing awake", async () => {
    const { world, platform, session, keeper } = await stage();
    const observer = session.activity.visited("observe");
    session.activity.visited("wake");
    await pass(world, 29 * MINUTE_MS, () => observer.typed(100));
    expect(session.health().activity).toMatchObject({
      wanted: false,
      human: { bytes: 0, lastAt: null },
      viewer: { attached: 2, passive: 2 },
    });
    expect(session.health().activity.probe.lastAt).not.toBeNull();
    await pass(world, 2 * MINUTE_MS);
    expect([platform.count("refresh"), platform.stops]).toEqual([0, 1]);
    keeper.stop();
  });

  test("[AY1] a driver that reconnects is waited for, and its session is not left to stop", async () => {
    const { world, platform, session, keeper } = await stage();
    await pass(world, 20 * MINUTE_MS);
    expect(session.activity.wantedSince(Infinity, { ...session.record, state: "nudging" })).toBe(
      "reconnecting",
    );
    expect(
      session.activity.wantedSince(Infinity, { ...session.record, state: "error" }),
    ).toBeNull();
    expect(platform.count("refresh")).toBe(0);
    keeper.stop();
  });

  test("[AY3] a platform that does not take it: asked sooner, told once, with the time", async () => {
    const { world, platform, session, keeper, warnings } = await stage();
    session.activity.jobsTold(make);
    platform.refusesRefresh = true;
    await pass(world, 20 * MINUTE_MS);
    expect(warnings.length).toBeGreaterThanOrEqual(5);
    const told = world.store
      .events({ after: 0, limit: 10_000 })
      .filter(({ text }) => text.includes("cannot be kept awake"));
    expect(told).toHaveLength(1);
    expect(told[0]?.text).toMatch(/the platform stops it at about 20\d\d-.*Z$/);
    platform.refusesRefresh = false;
    await pass(world, 2 * HOUR_MS);
    expect([platform.stops, session.record.detail]).toEqual([0, "connected.healthy"]);
    keeper.stop();
  });

  test("[AY4] a sandbox that somebody stopped sooner is started again", async () => {
    const { world, platform, session, keeper } = await stage();
    await pass(world, 10 * MINUTE_MS);
    platform.need(session.record.sandboxId ?? "").state = "stopped";
    world.links.at(-1)?.end("suspended");
    await world.clock.advanceAsync(20_000);
    expect(platform.count("start")).toBe(1);
    expect(session.record.desired).toBe("connected");
    keeper.stop();
  });

  test("[AY4] since when nobody uses it survives the hub, and a resume begins anew", async () => {
    const { world, platform, session, keeper } = await stage();
    session.activity.jobsTold(make);
    await pass(world, HOUR_MS);
    session.activity.jobsTold({ running: 0, oldest: null });
    await pass(world, 20 * MINUTE_MS);
    const { activity } = session.record;
    expect(activity.wanted).toBe(false);
    keeper.stop();
    platform.saysUnusedMs = 30 * MINUTE_MS;
    await world.restart(20 * MINUTE_MS);
    platform.need(session.record.sandboxId ?? "").state = "stopped";
    await world.clock.advanceAsync(10_000);
    const found = world.sessions.find(session.record.id);
    expect([found.record.detail, platform.count("start")]).toEqual(["suspended.paused", 0]);
    expect(found.record.activity).toEqual(activity);
    const resumedAt = world.clock.now();
    found.operate("operator.resumed");
    expect(found.record.activity.at).toBe(resumedAt);
  });

  test("[AY10] a wall clock that jumps makes nobody idle, by day or over a restart", async () => {
    for (const restarts of [false, true]) {
      const { world, platform, session, keeper } = await stage();
      await pass(world, 15 * MINUTE_MS);
      expect(session.record.activity.wanted).toBe(false);
      world.clock.jumpWall(HOUR_MS);
      platform.saysUnusedMs = 15 * MINUTE_MS;
      if (restarts) await world.restart(1_000);
      platform.need(session.record.sandboxId ?? "").state = "stopped";
      if (!restarts) world.links.at(-1)?.end("suspended");
      await world.clock.advanceAsync(20_000);
      const { desired } = world.sessions.find(session.record.id).record;
      expect([desired, platform.count("start")]).toEqual(["connected", 1]);
      keeper.stop();
    }
  });

  test("[AY10] a hub that saw nothing and is told nothing gives back what is wanted", async () => {
    const { world, platform, session, keeper } = await stage();
    await pass(world, 20 * MINUTE_MS);
    keeper.stop();
    await world.restart(20 * MINUTE_MS);
    platform.need(session.record.sandboxId ?? "").state = "stopped";
    await world.clock.advanceAsync(10_000);
    expect(platform.count("start")).toBe(1);
  });

  test("[AY8] the hub pauses what nobody used, says why, and leaves alone what is used", async () => {
    const { world, platform, session, keeper } = await stage(10 * MINUTE_MS);
    const visit = session.activity.visited("wake");
    await pass(world, HOUR_MS, () => visit.typed(1));
    expect(session.record.state).toBe("connected");
    await pass(world, 20 * MINUTE_MS);
    expect([session.record.detail, platform.stops]).toEqual(["suspended.paused", 0]);
    const told = world.store.events({ after: 0, limit: 10_000 }).map(({ text }) => text);
    expect(told).toContain("paused after 10m without input or process");
    keeper.stop();
  });
});
