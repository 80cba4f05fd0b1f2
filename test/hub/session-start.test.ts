/** Starts that do not simply succeed: snapshots, builds, stuck sandboxes, wrong answers. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { answered } from "../support/fake-platform.ts";
import { HubWorld, plainSpec, worldOn } from "../support/hub-world.ts";
import { ScriptedStartPlatform, SnapshotPlatform } from "../support/start-platforms.ts";

const py = { ...plainSpec, snapshot: "py" };
const pyOrImage = { ...py, fallbackImage: "debian:12" };

/** Runs until the session rests, and says after how long. */
async function settle(world: HubWorld, session: Session, atMostMs: number): Promise<number> {
  const startedAt = world.clock.now();
  while (session.record.state === "creating" && world.clock.now() - startedAt < atMostMs) {
    await world.clock.advanceAsync(50);
  }
  return world.clock.now() - startedAt;
}

const texts = (world: HubWorld, session: Session, kind: string): string[] =>
  world.store
    .events({ after: 0, session: session.record.id, limit: 1_000 })
    .filter((event) => event.kind === kind)
    .map(({ text }) => text);

function snapshotWorld(activatesInMs: number | null) {
  const made = worldOn((clock) => new SnapshotPlatform(clock, activatesInMs));
  made.world.driversDial();
  return made;
}

describe("an inactive snapshot", () => {
  test("[SM50] is activated, waited for, and the one create of the user ends in connected", async () => {
    const { world, platform } = snapshotWorld(7_000);
    const session = world.create({ spec: pyOrImage });
    await world.clock.advanceAsync(3_000);
    expect(session.record.detail).toBe("creating.activating");
    await settle(world, session, 30_000);
    expect(session.record).toMatchObject({
      state: "connected",
      source: { kind: "snapshot", name: "py", because: null },
    });
    expect([platform.count("create"), platform.count("activate")]).toEqual([2, 1]);
    expect(texts(world, session, "snapshot.activated")).toEqual([
      "snapshot py was inactive and is active again after 7000 ms",
    ]);
    expect(session.health()).toMatchObject({ status: "pass", source: { warning: null } });
  });

  test.for([
    ["may not be activated", null, "active", 20_000],
    ["cannot be activated", 1_000, "failed", 20_000],
    ["is not active in time", 500_000, "active", 90_000],
  ] as const)(
    "[SM50] that %s: the image is used, and every view says so for as long as it runs",
    async ([, activatesInMs, endsAs, atMostMs]) => {
      const { world, platform } = snapshotWorld(activatesInMs);
      platform.endsAs = endsAs;
      const session = world.create({ spec: pyOrImage });
      const tookMs = await settle(world, session, atMostMs);
      expect(session.record.state).toBe("connected");
      expect(tookMs).toBeLessThan(atMostMs);
      expect(world.path(session)).toContain("creating.fallingBack");
      expect(platform.asked.at(-1)).toMatchObject({ image: "debian:12" });
      expect(platform.asked.at(-1)).not.toHaveProperty("snapshot");
      expect(session.record.source).toMatchObject({ kind: "image-fallback", name: "debian:12" });
      const [fellBack] = texts(world, session, "start.fellBack");
      expect(fellBack).toMatch(/^starts from image debian:12 instead of snapshot py: /);
      for (const waitMs of [0, 600_000]) {
        await world.clock.advanceAsync(waitMs);
        const health = session.health();
        expect([health.status, health.verdict.code]).toEqual(["warn", "Connected"]);
        expect(health.verdict.text).toContain("runs from image debian:12 instead of snapshot py");
        expect(health.source?.warning).toContain("instead of snapshot py");
      }
    },
  );

  test("[SM50] without an image to fall back to is an error that names the setting", async () => {
    const { world, platform } = snapshotWorld(null);
    const session = world.create({ spec: py });
    const tookMs = await settle(world, session, 20_000);
    expect(tookMs).toBeLessThanOrEqual(1_000);
    expect(session.record.fault).toMatchObject({ code: "SnapshotInactive", retryable: false });
    expect(session.record.fault?.message).toContain("Forbidden resource");
    expect(session.record.fault?.hint).toContain("--fallback-image");
    expect(session.record.fault?.hint).toContain("HOLDFAST_FALLBACK_IMAGE");
    expect([platform.count("create"), platform.count("activate")]).toEqual([1, 1]);
    expect(session.record).toMatchObject({ asked: false, litter: [] });
  });

  test("[SM50] the hub's setting is used where the session names no image", async () => {
    const world = new HubWorld({
      platform: (clock) => new SnapshotPlatform(clock, null),
      policy: { fallbackImage: "ubuntu:24.04" },
    });
    world.driversDial();
    const session = world.create({ spec: py });
    await settle(world, session, 20_000);
    expect(session.record.source).toMatchObject({ kind: "image-fallback", name: "ubuntu:24.04" });
  });

  test("[SM50] a retry by the operator asks for the snapshot again", async () => {
    const { world, platform } = snapshotWorld(null);
    const session = world.create({ spec: py });
    await settle(world, session, 20_000);
    expect(session.record.state).toBe("error");
    platform.activatesInMs = 100;
    session.operate("operator.retried");
    await settle(world, session, 20_000);
    expect(session.record).toMatchObject({ state: "connected", source: { kind: "snapshot" } });
  });

  test("[SM50] a hub that dies while it falls back goes on with the image", async () => {
    const { world, platform } = snapshotWorld(null);
    const create = platform.create.bind(platform);
    let held = true;
    platform.create = (request) =>
      request.image !== undefined && held ? new Promise(() => undefined) : create(request);
    const session = world.create({ spec: pyOrImage });
    await world.clock.advanceAsync(1_000);
    expect(session.record.detail).toBe("creating.fallingBack");
    const { deadlineAt } = session.record;
    held = false;
    await world.restart(1_000);
    const again = world.sessions.find("demo");
    await settle(world, again, 20_000);
    expect(again.record).toMatchObject({ state: "connected", source: { kind: "image-fallback" } });
    expect(deadlineAt).not.toBeNull();
    expect(texts(world, again, "start.fellBack")).toHaveLength(1);
    expect(platform.count("activate")).toBe(1);
  });
});

describe("a missing snapshot", () => {
  test("[SM50] is not asked to become active, and the image is used", async () => {
    const { world, platform } = snapshotWorld(100);
    platform.snapshotState = null;
    const session = world.create({ spec: pyOrImage });
    await settle(world, session, 20_000);
    expect(session.record).toMatchObject({ state: "connected", source: { name: "debian:12" } });
    expect(platform.count("activate")).toBe(0);
  });

  test("[SM50] and an image that is missing, too: one error that tells of both", async () => {
    const { world, platform } = snapshotWorld(100);
    platform.snapshotState = null;
    const session = world.create({ spec: { ...pyOrImage, retry: {} } });
    const create = platform.create.bind(platform);
    platform.create = (request) =>
      request.image === undefined
        ? create(request)
        : Promise.reject(new Error("unexpected: the platform says no"));
    await settle(world, session, 20_000);
    expect(session.record.state).toBe("error");
    expect(session.record.fault?.message).toContain("image debian:12 was to replace snapshot py");
  });
});

function scripted(...script: ScriptedStartPlatform["script"]) {
  const made = worldOn((clock) => new ScriptedStartPlatform(clock));
  made.platform.script.push(...script);
  made.world.driversDial();
  return made;
}

describe("a start that fails", () => {
  test("[SM51] is tried again on a fresh name, and nothing is left of the first", async () => {
    const { world, platform } = scripted("error");
    const session = world.create();
    await settle(world, session, 20_000);
    expect(session.record.state).toBe("connected");
    expect(new Set(platform.names).size).toBe(2);
    expect(session.record.litter).toEqual([platform.names[0]]);
    const [discarded] = texts(world, session, "sandbox.discarded");
    expect(discarded).toContain("timeout of 1200000ms exceeded");
  });

  test("[SM51] more often than granted ends with the fault of the start, and no sandbox", async () => {
    const { world, platform } = scripted("error", "error", "error");
    const session = world.create();
    await settle(world, session, 60_000);
    expect(session.record.fault).toMatchObject({
      code: "SandboxStartFailed",
      category: "startup",
      retryable: true,
    });
    expect(platform.names).toHaveLength(2);
    expect(session.record).toMatchObject({ sandboxId: null, asked: false });
    expect(session.record.litter).toEqual(platform.names);
  });

  test.for([
    [{ startup: 0 }, 1],
    [{}, 1],
    [{ startup: 3 }, 4],
    [{ environment: 3 }, 1],
  ] as const)("[SM51] with retry %j it is asked for %i times", async ([retry, times]) => {
    const { world, platform } = scripted(...Array.from({ length: 9 }, () => "error" as const));
    const session = world.create({ spec: { ...plainSpec, retry } });
    await settle(world, session, 110_000);
    expect([session.record.state, platform.names.length]).toEqual(["error", times]);
  });

  test("[SM51] whose answers are lost is looked up, then asked for anew within its class", async () => {
    const { world, platform } = scripted("lost", "lost", "lost", "lost");
    const session = world.create();
    await settle(world, session, 110_000);
    expect(session.record.fault).toMatchObject({
      code: "PlatformTimeout",
      category: "environment",
    });
    expect(platform.names).toHaveLength(3);
    expect(session.record.litter).toHaveLength(3);
  });

  test("[SM52] by its build says so, with the end of the build's log as evidence", async () => {
    const { world, platform } = scripted("build_failed", "build_failed");
    const session = world.create({ spec: { ...plainSpec, image: "mine:1", retry: {} } });
    await settle(world, session, 30_000);
    const fault = session.record.fault;
    expect(fault).toMatchObject({ code: "ImageBuildFailed", category: "startup" });
    expect(platform.count("buildLog")).toBe(1);
    const logs = fault?.evidence.filter(({ what }) => what === "build log") ?? [];
    expect(logs[0]?.detail).toContain("no space left on device");
  });
});

describe("a sandbox that comes up and takes no driver", () => {
  test("[SM51] is given up for a fresh one, and its late driver is nobody's", async () => {
    const { world, platform } = worldOn((clock) => new ScriptedStartPlatform(clock));
    let launches = 0;
    platform.onLaunch = (sandbox) => {
      launches += 1;
      if (launches === 1) throw answered("exec", 500, "internal error");
      world.clock.setTimeout(() => world.dial(sandbox), 20);
    };
    const session = world.create();
    await settle(world, session, 60_000);
    expect([session.record.state, platform.names.length]).toEqual(["connected", 2]);
    expect(session.record.litter).toEqual([platform.names[0]]);
    expect(session.record.sandboxName).toBe(platform.names[1]);
  });

  test.for([
    [{}, 1],
    [{ driver: 1 }, 2],
  ] as const)(
    "[SM51] with retry %j %i sandboxes are tried, none is kept",
    async ([retry, times]) => {
      const { world, platform } = worldOn((clock) => new ScriptedStartPlatform(clock));
      const session = world.create({ spec: { ...plainSpec, retry } });
      await settle(world, session, 110_000);
      expect(session.record.fault).toMatchObject({ code: "DriverAbsent", category: "driver" });
      expect(platform.names).toHaveLength(times);
      expect(session.record).toMatchObject({ sandboxId: null, asked: false });
      expect(session.record.litter).toEqual(platform.names);
      expect(session.plan().every(({ would }) => would === "skip")).toBe(true);
    },
  );

  test("[SM25] is kept when it is the platform that went silent, and proven once it is back", async () => {
    const { world, platform } = worldOn((clock) => new ScriptedStartPlatform(clock));
    const { homeDir, claim } = platform;
    const down = () => Promise.reject(new HubError("PlatformDown", "connect ECONNREFUSED"));
    platform.homeDir = down;
    const session = world.create({ spec: { ...plainSpec, retry: {} } });
    await world.clock.advanceAsync(10);
    platform.claim = down;
    await settle(world, session, 20_000);
    expect(session.record).toMatchObject({ state: "error", fault: { code: "PlatformDown" } });
    expect(session.record.sandboxId).not.toBeNull();
    Object.assign(platform, { homeDir, claim });
    world.driversDial();
    await world.clock.advanceAsync(3 * world.policy.confirmMs);
    expect([session.record.state, platform.names.length]).toEqual(["connected", 1]);
  });

  test("[SM51] a hub that restarts gives back no try that was used", async () => {
    const { world, platform } = scripted("error", "error", "error", "error");
    world.create({ spec: { ...plainSpec, retry: { startup: 1 } } });
    for (let life = 0; life < 6; life++) {
      await world.clock.advanceAsync(800);
      await world.restart();
    }
    await settle(world, world.sessions.find("demo"), 60_000);
    expect(world.sessions.find("demo").record.state).toBe("error");
    expect(platform.names.length).toBeLessThanOrEqual(3);
  });
});

describe("a sandbox that is stuck in creating", () => {
  test("[SM53] is given up after the stall time, tried again, and its name is never in the way", async () => {
    const { world, platform } = scripted("stuck");
    const session = world.create();
    const tookMs = await settle(world, session, 120_000);
    expect(session.record.state).toBe("connected");
    expect(tookMs).toBeGreaterThanOrEqual(world.policy.stallMs);
    expect(tookMs).toBeLessThan(world.policy.stallMs + 3_000);
    const [discarded] = texts(world, session, "sandbox.discarded");
    expect(discarded).toContain("it is creating without any progress for 45");
    expect(session.record.litter).toEqual([platform.names[0]]);
  });

  test("[SM53] twice: a typed error before the deadline, and both names are litter", async () => {
    const { world, platform } = scripted("stuck", "stuck");
    const session = world.create();
    const tookMs = await settle(world, session, world.policy.createMs + 1_000);
    expect(tookMs).toBeLessThan(world.policy.createMs);
    expect(session.record.fault).toMatchObject({
      code: "SandboxStartFailed",
      diagnosis: "SandboxStartStalled",
      category: "startup",
      retryable: true,
    });
    expect(session.health().verdict.code).toBe("SandboxStartStalled");
    expect(session.record.litter).toEqual(platform.names);
  });

  test("[SM53] and whose record is touched all the time is as stuck", async () => {
    const { world } = scripted("touched", "touched");
    const session = world.create();
    const tookMs = await settle(world, session, 200_000);
    expect(tookMs).toBeLessThan(world.policy.createMs);
    expect(session.record.fault?.message).toMatch(/its record was touched \d+ times/);
  });

  test("[SM53] while it builds has the time of a build", async () => {
    const { world, platform } = scripted("stuck");
    const claimOf = platform.claimOf.bind(platform);
    platform.claimOf = (sandbox) => {
      const claim = claimOf(sandbox);
      return claim.state === "creating" ? { ...claim, building: true } : claim;
    };
    const session = world.create({ spec: { ...plainSpec, image: "mine:1" } });
    expect(session.record.deadlineAt).toBe(world.clock.now() + world.policy.buildMs);
    await world.clock.advanceAsync(200_000);
    expect(session.record.detail).toBe("creating.watching");
    const [sandbox] = platform.sandboxes.values();
    if (sandbox !== undefined) sandbox.state = "started";
    await settle(world, session, 20_000);
    expect(session.record.state).toBe("connected");
    expect(platform.names).toHaveLength(1);
  });
});

describe("a deadline", () => {
  test("[SM51] that ends a start leaves its name to the janitor, and a late sandbox goes at once", async () => {
    const { world, platform } = scripted();
    let finish: () => void = () => undefined;
    platform.create = (request) => {
      platform.calls.push("create");
      const sandbox = platform.make(request, "creating");
      return new Promise((resolve) => {
        finish = () => {
          sandbox.state = "started";
          resolve(platform.claimOf(sandbox));
        };
      });
    };
    const session = world.create();
    await settle(world, session, 200_000);
    expect(session.record).toMatchObject({ state: "error", asked: false });
    expect(session.record.litter).toHaveLength(1);
    finish();
    await world.clock.advanceAsync(1_000);
    expect(platform.sandboxes.size).toBe(0);
  });
});
