/** What breaks no session and must not be hidden: health warns of it, and stops when it is over. */
import { describe, expect, test } from "vitest";
import type { Claim } from "../../src/providers/provider.ts";
import type { Session } from "../../src/hub/session/session.ts";
import {
  answered,
  FakePlatform,
  LyingPlatform,
  type FakeSandbox,
} from "../support/fake-platform.ts";
import { worldOn, type HubWorld } from "../support/hub-world.ts";

/** Two patrols. */
const ROUNDS_MS = 80_000;

/** Its word cannot be had; all else works. */
class SilentPlatform extends FakePlatform {
  answersWith: number | null = null;
  override claim(idOrName: string): Promise<Claim | null> {
    if (this.answersWith === null) return super.claim(idOrName);
    return Promise.reject(answered("read sandbox", this.answersWith, "no"));
  }
}

class FastClockPlatform extends FakePlatform {
  aheadMs = 0;
  override claimOf(sandbox: FakeSandbox): Claim {
    const claim = super.claimOf(sandbox);
    return { ...claim, updatedAt: new Date(claim.at + this.aheadMs).toISOString() };
  }
}

/** Says another word than what is so; all else works. */
class OddWordPlatform extends FakePlatform {
  says: Pick<Claim, "state" | "platformState"> | null = null;
  override claimOf(sandbox: FakeSandbox): Claim {
    return { ...super.claimOf(sandbox), ...this.says };
  }
}

class KeepingPlatform extends FakePlatform {
  keeps: "refuses" | "pretends" | null = "refuses";
  override destroy(sandboxId: string): Promise<boolean> {
    if (this.keeps === "pretends") return Promise.resolve(false);
    if (this.keeps === null) return super.destroy(sandboxId);
    return Promise.reject(answered("delete sandbox", 409, "Sandbox state change in progress"));
  }
}

/** How many facts of the session carry the code. */
function noted(world: HubWorld, { record }: Session, code: string): number {
  const facts = world.store.events({ after: 0, session: record.id, limit: 1_000 });
  return facts.filter(({ data }) => data["code"] === code).length;
}

describe("health warns", () => {
  test("[SM60] of a claim that cannot be read, with the code of why, until it can", async () => {
    const { world, platform } = worldOn((clock) => new SilentPlatform(clock));
    const { session } = await world.connected();
    platform.answersWith = 500;
    await world.clock.advanceAsync(ROUNDS_MS);
    const silent = session.health();
    expect(silent).toMatchObject({
      status: "warn",
      detail: "connected.healthy",
      verdict: { code: "Connected" },
      claim: { state: "started" },
      warnings: [{ code: "PlatformDown" }],
    });
    expect(silent.claim.ageMs).toBeGreaterThan(30_000);
    platform.answersWith = 429;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health().warnings).toMatchObject([{ code: "PlatformRateLimited" }]);
    platform.answersWith = null;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });

  test("[SM61] of a platform whose clock is ahead, and of none that is a little", async () => {
    const { world, platform } = worldOn((clock) => new FastClockPlatform(clock));
    const { session } = await world.connected();
    platform.aheadMs = 59_000;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health().warnings).toEqual([]);
    platform.aheadMs = 3_600_000;
    await world.clock.advanceAsync(ROUNDS_MS);
    const text = "the platform's clock is 3600 s ahead of the hub's";
    expect(session.health().warnings).toMatchObject([{ code: "PlatformClockWrong", text }]);
    // A claim is dated by who read it.
    expect(session.health().claim.ageMs).toBeGreaterThanOrEqual(0);
    platform.aheadMs = 0;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });

  test("[SM65] of a claim that all evidence contradicts, once, until they agree again", async () => {
    const { world, platform } = worldOn((clock) => new OddWordPlatform(clock));
    const { session } = await world.connected();
    platform.says = { state: "stopped", platformState: "stopped" };
    await world.clock.advanceAsync(ROUNDS_MS);
    const text = "the platform says stopped, and its driver, commands and files answered";
    expect(session.health()).toMatchObject({
      status: "warn",
      detail: "connected.healthy",
      verdict: { code: "Connected" },
      warnings: [{ code: "ClaimContradicted", text }],
    });
    expect(noted(world, session, "ClaimContradicted")).toBe(1);
    platform.says = null;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });

  test("[SM65] of a sandbox that is said to run, has no driver and lets nobody in", async () => {
    const { world, platform } = worldOn((clock) => new LyingPlatform(clock));
    platform.lies = false;
    const { session, link } = await world.connected();
    platform.lies = true;
    platform.onNudge = () => "driver-dead";
    session.detach(link, "closed");
    expect(session.health().verdict.code).toBe("DriverAbsent");
    expect(noted(world, session, "DriverAbsent")).toBe(1);
    await world.clock.advanceAsync(100);
    expect(session.health().warnings).toMatchObject([{ code: "ClaimContradicted" }]);
  });

  test("[SM65] of no driver that the hub itself sent away", async () => {
    const { world } = worldOn((clock) => new FakePlatform(clock));
    const { session } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(1_000);
    expect(session.record.detail).toBe("suspended.paused");
    expect(noted(world, session, "DriverAbsent")).toBe(0);
  });

  test("[SM65] of a word that nobody knows, in the first round that reads it", async () => {
    const { world, platform } = worldOn((clock) => new OddWordPlatform(clock));
    const { session } = await world.connected();
    platform.says = { state: "unknown", platformState: "hibernating" };
    await world.clock.advanceAsync(world.policy.patrolMs * 1.2 + 100);
    const text = "hibernating is a state that nobody here knows";
    expect(session.health().warnings).toMatchObject([{ code: "PlatformStateUnknown", text }]);
    expect(noted(world, session, "PlatformStateUnknown")).toBe(1);
    platform.says = null;
    await world.clock.advanceAsync(ROUNDS_MS);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });

  test.each(["refuses", "pretends"] as const)(
    "[SM62] of a removal that the platform %s to do",
    async (keeps) => {
      const { world, platform } = worldOn((clock) => new KeepingPlatform(clock));
      const { session } = await world.connected();
      platform.keeps = keeps;
      session.operate("operator.removed");
      await world.clock.advanceAsync(1_000);
      expect(session.health()).toMatchObject({
        status: "warn",
        detail: "ended.cleaning",
        warnings: [{ code: "DeletePending" }],
      });
      const text = session.health().warnings[0]?.text ?? "";
      expect(text).toContain(keeps === "refuses" ? "state change in progress" : "still there");
      platform.keeps = null;
      await world.clock.advanceAsync(10_000);
      expect(session.record.detail).toBe("ended.gone");
    },
  );
});
