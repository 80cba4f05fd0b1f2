/** The platform's way into a sandbox and the driver's own: each alone, against each other, both. */
import { describe, expect, test } from "vitest";
import { LyingPlatform } from "../support/fake-platform.ts";
import { failedInside, HubWorld, untilError, worldOn } from "../support/hub-world.ts";

describe("two paths into a sandbox", () => {
  test("[SM40] a platform whose way in breaks takes nobody's work away: degraded, and said so", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    platform.lies = true;
    session.fellSilent(link);
    await world.clock.advanceAsync(100);
    expect(session.record.detail).toBe("connected.rechecking");
    await world.clock.advanceAsync(5_000);
    expect(session.record.detail).toBe("connected.degraded");
    expect(session.route).toBe(link);
    const health = session.health();
    expect([health.status, health.verdict.code]).toEqual(["warn", "ResumeBroken"]);
    expect(health.disagreement).toContain("although the driver's own exec worked");
    expect(health.capabilities.exec).toMatchObject({
      ok: false,
      text: "broken over the platform's path, works from inside",
    });
    const factsBefore = world.kinds(session).length;
    await world.clock.advanceAsync(20 * world.policy.confirmMs);
    expect(session.record.detail).toBe("connected.degraded");
    // It is looked at all the time, and what stays as it was is not told again.
    expect(world.kinds(session).length).toBe(factsBefore);
    platform.lies = false;
    await world.clock.advanceAsync(2 * world.policy.confirmMs);
    expect(session.record.detail).toBe("connected.healthy");
    expect(session.health()).toMatchObject({ status: "pass", disagreement: null });
  });

  test("[SM40] a degraded session whose driver fails, too, is not connected", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    platform.lies = true;
    session.fellSilent(link);
    await world.clock.advanceAsync(6_000);
    expect(session.record.detail).toBe("connected.degraded");
    link.filesystem = failedInside("EIO");
    await untilError(world, session, 2 * world.policy.confirmMs);
    expect(session.route).toBeNull();
  });

  test("[SM41] what the driver cannot do is broken, however well the platform's way in is", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    link.exec = failedInside("EAGAIN");
    session.fellSilent(link);
    await untilError(world, session, 15_000);
    expect(session.record.fault?.code).toBe("ProcessLimit");
    expect(session.health().evidence.exec).toMatchObject({ ok: false, path: "driver" });
  });

  test("[SM1] the platform's path alone, or the driver's alone, never makes connected", async () => {
    for (const inside of [true, false]) {
      const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
      platform.lies = false;
      world.driversDial();
      world.onLink = (link) => {
        if (inside) platform.lies = true;
        else link.filesystem = failedInside("EROFS");
      };
      const session = world.create();
      await untilError(world, session, 30_000);
      expect(world.kinds(session)).not.toContain("session.connected");
      expect(session.record.fault?.code).toBe(inside ? "ResumeBroken" : "FilesystemReadOnly");
    }
  });

  test("[PR12] a session without terminals is connected, and warns", async () => {
    const world = new HubWorld();
    world.driversDial();
    world.onLink = (link) => (link.noTerminal = true);
    const session = world.create();
    await world.clock.advanceAsync(1_000);
    expect(session.record.detail).toBe("connected.healthy");
    expect(session.health()).toMatchObject({
      status: "warn",
      verdict: { code: "Connected" },
      capabilities: { terminal: { ok: false }, exec: { ok: true }, link: { ok: true } },
    });
  });

  test("[PR15] a driver that is short of time warns, breaks nothing, and is well again", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    link.loopLagMs = 4_000;
    await world.clock.advanceAsync(12_000);
    expect(session.record.detail).toBe("connected.healthy");
    expect(session.health()).toMatchObject({
      status: "warn",
      verdict: { code: "Connected" },
      warnings: [{ code: "DriverStarved", text: "the driver's event loop was 4000 ms late" }],
    });
    link.loopLagMs = 0;
    await world.clock.advanceAsync(12_000);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });
});
