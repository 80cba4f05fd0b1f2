/** One session against platforms that break a promise: where it ends, when, and at what cost. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { Session } from "../../src/hub/session/session.ts";
import {
  answered,
  AuthRejectingPlatform,
  BusyDeletePlatform,
  GonePlatform,
  InactiveSnapshotPlatform,
  LateCreatePlatform,
  LostAnswerPlatform,
  LyingPlatform,
  QueuedExecPlatform,
  StuckCreatingPlatform,
} from "../support/fake-platform.ts";
import { failedInside, HubWorld, plainSpec, untilError, worldOn } from "../support/hub-world.ts";

const faultOf = (session: Session) => session.record.fault;

describe("a session and its platform", () => {
  test("[SM1] it is connected after driver, exec and filesystem answered, in that epoch", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    expect(world.path(session)).toEqual([
      "creating.requesting",
      "creating.bootstrapping",
      "creating.awaitingDriver",
      "creating.proving",
      "connected.healthy",
    ]);
    expect(link.challenges).toBe(1);
    expect(session.health()).toMatchObject({ status: "pass", epoch: 1, disagreement: null });
    expect(world.platform.count("exec:nudge")).toBe(0);
  });

  test("[SM2] LyingPlatform: started, and neither exec nor files: never connected", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(10);
    expect([session.record.detail, link.ended]).toEqual(["suspended.paused", "suspended"]);
    platform.lies = true;
    session.operate("operator.resumed");
    await world.clock.advanceAsync(10);
    expect(session.health().disagreement).toMatch(
      /^the platform says started .* but no driver is connected .*not trusted yet$/,
    );
    // The driver comes back by itself: still nothing but the driver works.
    world.attach(session);
    const tookMs = await untilError(world, session, 15_000);
    expect(tookMs).toBeLessThanOrEqual(15_000);
    expect(faultOf(session)).toMatchObject({ category: "verification", code: "ResumeBroken" });
    expect(world.path(session).slice(-20)).not.toContain("connected.suspect");
    expect(session.route).toBeNull();
    const evidence = faultOf(session)?.evidence ?? [];
    expect(evidence.map(({ what, ok }) => `${what} ${String(ok)}`)).toEqual(
      expect.arrayContaining(["claim true", "driver true", "exec false", "filesystem false"]),
    );
    expect(session.health().disagreement).toContain("exec failed");
  });

  test("[SM9] QueuedExecPlatform: a nudge that is queued has failed after 4.5 s; nudges never pile up", async () => {
    const { world, platform } = worldOn((clock) => new QueuedExecPlatform(clock));
    platform.queued = false;
    const { session, link } = await world.connected();
    platform.queued = true;
    world.links.length = 0;
    session.detach(link, "frozen");
    await world.clock.advanceAsync(4_499);
    // The nudge, and the probe beside it.
    expect(platform.count("exec:queued")).toBe(2);
    expect(session.record.detail).toBe("nudging.signalling");
    await world.clock.advanceAsync(1);
    expect(session.record.detail).toBe("nudging.awaitingDriver");
    // The way that a nudge goes is stuck: no other is sent after it, and no launch.
    await untilError(world, session, world.policy.silenceMs + 20_000);
    expect(world.kinds(session).filter((kind) => kind === "nudge.sent")).toHaveLength(1);
    expect(platform.count("exec:launch")).toBe(1);
    expect(faultOf(session)?.code).toBe("ExecQueued");
    expect(faultOf(session)?.rung).not.toBe("none");
  });

  test("[SM3] StuckCreatingPlatform: the attempt ends by its deadline with a startup fault", async () => {
    const world = new HubWorld({ platform: (clock) => new StuckCreatingPlatform(clock) });
    const session = world.create();
    const deadlineAt = session.record.deadlineAt ?? 0;
    expect(deadlineAt).toBe(world.clock.now() + world.policy.createMs);
    await untilError(world, session, world.policy.createMs + 100);
    expect(world.clock.now()).toBeLessThanOrEqual(deadlineAt + 100);
    expect(faultOf(session)).toMatchObject({ category: "startup", retryable: true });
    expect(session.record.deadlineAt).toBeNull();
  });

  test("[SM10] LostAnswerPlatform: the sandbox is found and adopted, never doubled", async () => {
    const world = new HubWorld({ platform: (clock) => new LostAnswerPlatform(clock) });
    world.driversDial();
    const session = world.create();
    await world.clock.advanceAsync(5_000);
    expect(session.record.state).toBe("connected");
    expect([world.platform.count("create"), world.platform.sandboxes.size]).toEqual([1, 1]);
  });

  test("[SM10] LostAnswerPlatform and a hub that dies in between: still one sandbox", async () => {
    const world = new HubWorld({ platform: (clock) => new LostAnswerPlatform(clock) });
    world.driversDial();
    const { id } = world.create().record;
    // Not a turn has passed since the create was sent, or all of them have.
    for (const ranMs of [0, 1]) {
      await world.clock.advanceAsync(ranMs);
      await world.restart(1_000);
    }
    await world.clock.advanceAsync(20_000);
    expect(world.sessions.find(id).record.state).toBe("connected");
    expect(world.platform.sandboxes.size).toBe(1);
  });

  test("[SM23] no driver and no exec: one stop and start, and it is proven again", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    world.driversDial();
    const start = platform.start.bind(platform);
    platform.start = (sandboxId) => {
      platform.lies = false;
      return start(sandboxId);
    };
    platform.onNudge = () => "driver-dead";
    platform.lies = true;
    session.detach(link, "killed");
    for (let turn = 0; turn < 400 && session.record.state !== "connected"; turn++) {
      await world.clock.advanceAsync(50);
    }
    expect([session.record.state, session.record.epoch]).toEqual(["connected", 2]);
    expect([platform.count("stop"), platform.count("start"), platform.count("create")]).toEqual([
      1, 1, 1,
    ]);
    expect(world.path(session)).toContain("resuming.restarting");
  });

  test("[SM23] a restart that did not help is not repeated: the next rung is another sandbox", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    platform.lies = true;
    session.detach(link, "killed");
    const tookMs = await untilError(world, session, world.policy.healMs + 1_000);
    expect(tookMs).toBeLessThanOrEqual(world.policy.healMs);
    expect(faultOf(session)).toMatchObject({ code: "FilesystemBroken", rung: "replace" });
    expect(world.kinds(session).filter((kind) => kind === "sandbox.restarted")).toHaveLength(1);
  });

  test("[SM23] a driver that answers and is well inside: an error, and never a restart", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(10);
    platform.lies = true;
    session.operate("operator.resumed");
    world.attach(session);
    await untilError(world, session, world.policy.healMs);
    expect([faultOf(session)?.code, link.ended]).toEqual(["ResumeBroken", "suspended"]);
    expect([platform.count("stop"), platform.count("create")]).toEqual([0, 1]);
    const said = faultOf(session)?.evidence.find(({ what }) => what === "ladder")?.detail;
    expect(said).toContain("no restart: its driver answers, and what it sees is well");
  });

  test("[SM23] a driver that sees what the platform sees is the second channel", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    platform.lies = true;
    link.exec = failedInside("ENOENT");
    session.fellSilent(link);
    await untilError(world, session, world.policy.healMs);
    expect(platform.count("stop")).toBeGreaterThan(0);
    expect(world.path(session)).toContain("resuming.restarting");
  });

  test("[SM8] AuthRejectingPlatform: one call, error final, no rung", async () => {
    const world = new HubWorld({ platform: (clock) => new AuthRejectingPlatform(clock) });
    const session = world.create();
    await world.clock.advanceAsync(300_000);
    expect(session.record).toMatchObject({ state: "error", detail: "error.final", rung: "none" });
    expect(faultOf(session)).toMatchObject({ code: "PlatformAuthRejected", retryable: false });
    expect(world.platform.calls).toEqual(["claim"]);
  });

  test("[SM12] a session that asked for no sandbox is removed without asking the platform", async () => {
    const world = new HubWorld({ platform: (clock) => new AuthRejectingPlatform(clock) });
    const session = world.create();
    await world.clock.advanceAsync(10);
    session.operate("operator.removed");
    await world.clock.advanceAsync(10);
    expect(session.record.detail).toBe("ended.gone");
    expect(world.platform.calls).toEqual(["claim"]);
  });

  test.for(["PlatformAuthRejected", "PlatformDown", "PlatformTimeout"] as const)(
    "[SM24] %s while the driver answers: the session stays, and is confirmed again later",
    async (code) => {
      const world = new HubWorld();
      const { session, link } = await world.connected();
      const { exec, writeFile, claim } = world.platform;
      const refused = () => Promise.reject(new HubError(code, "not now"));
      Object.assign(world.platform, { exec: refused, writeFile: refused, claim: refused });
      session.fellSilent(link);
      await world.clock.advanceAsync(10);
      expect(session.record.detail).toBe("connected.unconfirmed");
      expect([session.health().status, session.route !== null]).toEqual(["warn", true]);
      await world.clock.advanceAsync(10 * world.policy.confirmMs);
      expect(session.record.state).toBe("connected");
      Object.assign(world.platform, { exec, writeFile, claim });
      await world.clock.advanceAsync(1.3 * world.policy.confirmMs);
      expect(session.record.detail).toBe("connected.healthy");
    },
  );

  test("[SM25] a failed session is proven again by itself once its platform answers", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    const { exec, writeFile, claim } = world.platform;
    const down = () => Promise.reject(new HubError("PlatformDown", "connect ECONNREFUSED"));
    Object.assign(world.platform, { exec: down, writeFile: down, claim: down });
    session.detach(link, "killed");
    await untilError(world, session, world.policy.healMs + 1_000);
    expect(session.record.detail).toBe("error.healable");
    Object.assign(world.platform, { exec, writeFile, claim });
    world.driversDial();
    world.platform.onNudge = () => "driver-dead";
    await world.clock.advanceAsync(2 * world.policy.confirmMs);
    expect([session.record.detail, session.record.epoch]).toEqual(["connected.healthy", 2]);
  });

  test("[SM11] GonePlatform: error at once, and a retry starts a fresh sandbox", async () => {
    const { world, platform } = worldOn((clock) => new GonePlatform(clock));
    const { session, link } = await world.connected();
    const before = session.record.sandboxId;
    platform.vanish();
    session.detach(link, "gone");
    await world.clock.advanceAsync(10);
    expect(faultOf(session)?.code).toBe("SandboxGone");
    expect(world.platform.count("exec:nudge")).toBe(0);
    session.operate("operator.retried");
    await world.clock.advanceAsync(1_000);
    expect(session.record.state).toBe("connected");
    expect(session.record.sandboxId).not.toBe(before);
  });

  test("[SM8] InactiveSnapshotPlatform: said to the caller within one call", async () => {
    const world = new HubWorld({ platform: (clock) => new InactiveSnapshotPlatform(clock) });
    const session = world.create({ spec: { ...plainSpec, snapshot: "py" } });
    await world.clock.advanceAsync(10);
    expect(faultOf(session)).toMatchObject({ code: "SnapshotInactive", retryable: false });
    expect(faultOf(session)?.message).toContain("py may not be activated");
    expect(faultOf(session)?.hint).toContain("HOLDFAST_FALLBACK_IMAGE");
    expect([world.platform.count("create"), world.platform.count("activate")]).toEqual([1, 1]);
  });

  test("[SM12] BusyDeletePlatform: a removal is repeated until it is true", async () => {
    const world = new HubWorld({ platform: (clock) => new BusyDeletePlatform(clock) });
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(1_400);
    expect(session.record.detail).toBe("ended.cleaning");
    await world.clock.advanceAsync(200);
    expect(session.record.detail).toBe("ended.gone");
    expect([world.platform.count("destroy:409"), world.platform.sandboxes.size]).toEqual([4, 0]);
    expect(() => world.sessions.find("demo")).toThrow("there is no session");
  });

  test("[SM12] a removal goes on after a hub restart", async () => {
    const world = new HubWorld({ platform: (clock) => new BusyDeletePlatform(clock) });
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(150);
    await world.restart();
    await world.clock.advanceAsync(20_000);
    expect([world.platform.sandboxes.size, world.sessions.all.length]).toEqual([0, 0]);
  });

  test("[SM12] a sandbox that comes after its session was removed is removed, too", async () => {
    const { world, platform } = worldOn((clock) => new LateCreatePlatform(clock));
    const session = world.create();
    await world.clock.advanceAsync(10);
    session.operate("operator.removed");
    await world.clock.advanceAsync(20_000);
    expect(session.record.detail).toBe("ended.gone");
    platform.finishCreate();
    await world.clock.advanceAsync(10_000);
    expect(platform.sandboxes.size).toBe(0);
  });

  test("[SM13] nothing of a removed session comes back to life", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    session.operate("operator.removed");
    world.attach(session);
    for (const change of ["operator.paused", "operator.resumed", "operator.retried"] as const) {
      expect(() => session.operate(change)).toThrow("ended");
    }
    await world.clock.advanceAsync(60_000);
    expect(session.record.detail).toBe("ended.gone");
    expect(world.platform.count("create")).toBe(1);
  });
});

describe("a pause that fails", () => {
  test("[SM26] leaves the session connected, by a new proof, and the reason in its timeline", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    world.platform.pause = () =>
      Promise.reject(answered("pause sandbox", 422, "pause is not supported for this class"));
    session.operate("operator.paused");
    for (let turn = 0; turn < 6; turn++) await world.clock.advanceAsync(10);
    expect(session.record.state).toBe("connected");
    const events = world.store.events({ after: 0, session: session.record.id, limit: 1_000 });
    const ended = events.filter(({ kind }) => kind === "attempt.ended").map(({ data }) => data);
    expect(ended.at(-2)).toMatchObject({ attempt: 2, result: "error", code: "PauseUnsupported" });
    expect(ended.at(-1)).toMatchObject({ attempt: 3, result: "connected", code: null });
    expect(session.record.desired).toBe("connected");
    expect(session.outcome(2)?.message).toContain("pause is not supported");
  });
});

describe("idle sessions", () => {
  test("a session that ended leaves no timer behind", async () => {
    const world = new HubWorld();
    const before = world.clock.pendingTimers;
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(60_000);
    expect(world.clock.pendingTimers).toBe(before);
  });
});
