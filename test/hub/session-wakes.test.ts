/** Wakes that take their time, and pauses and wakes whose answer is lost. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { SessionPolicy } from "../../src/hub/session/policy.ts";
import type { Claim, ClaimState } from "../../src/providers/provider.ts";
import { answered, FakePlatform, type FakeSandbox } from "../support/fake-platform.ts";
import { untilError, worldOn } from "../support/hub-world.ts";

const lost = (call: string): HubError =>
  new HubError("PlatformTimeout", `${call}: no answer`, { outcomeUnknown: true });

/** Takes a start at once, says for a while what it is doing, and answers the call in no time. */
class SlowWakePlatform extends FakePlatform {
  /** What it says one after the other, and how long each. */
  steps: readonly { readonly says: string; readonly forMs: number }[] = [];
  readonly #saying = new Map<string, string>();

  override start(sandboxId: string, waitMs = 0): Promise<Claim> {
    this.calls.push("start");
    const sandbox = this.need(sandboxId);
    let atMs = 0;
    for (const { says, forMs } of this.steps) {
      this.clock.setTimeout(() => this.#says(sandbox, "starting", says), atMs);
      atMs += forMs;
    }
    this.clock.setTimeout(() => this.#says(sandbox, "started", "started"), atMs);
    return new Promise((_, reject) => {
      this.clock.setTimeout(() => reject(lost("start sandbox")), waitMs);
    });
  }

  override need(sandboxId: string): FakeSandbox {
    const sandbox = super.need(sandboxId);
    // Only calls of its toolbox need it while it comes up.
    if (sandbox.state === "starting") {
      throw answered("toolbox", 400, "failed to resolve container IP after 3 attempts");
    }
    return sandbox;
  }

  override claimOf(sandbox: FakeSandbox): Claim {
    const claim = super.claimOf(sandbox);
    const says = this.#saying.get(sandbox.id);
    if (says === undefined || sandbox.state === "paused") return claim;
    return {
      ...claim,
      platformState: says,
      ...(says === "restoring" ? ({ building: true } as const) : {}),
    };
  }

  #says(sandbox: FakeSandbox, state: ClaimState, word: string): void {
    sandbox.state = state;
    this.#saying.set(sandbox.id, word);
  }
}

class LostPausePlatform extends FakePlatform {
  pauses = true;
  override async pause(sandboxId: string): Promise<Claim> {
    const claim = await super.pause(sandboxId);
    if (!this.pauses) this.need(sandboxId).state = "started";
    if (claim.state === "paused") throw lost("pause sandbox");
    return claim;
  }
}

const hourMs = 3_600_000;

describe("a wake", () => {
  const asleep = async (
    state: "paused" | "archived",
    steps: SlowWakePlatform["steps"],
    policy: Partial<SessionPolicy> = {},
  ) => {
    const { world, platform } = worldOn((clock) => new SlowWakePlatform(clock), policy);
    // What was frozen or put away comes back without its processes.
    platform.onNudge = () => "driver-dead";
    const { session } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(1_000);
    expect(session.record.state).toBe("suspended");
    // Long after its create, whose clock is none of a wake.
    await world.clock.advanceAsync(hourMs);
    for (const sandbox of platform.sandboxes.values()) sandbox.state = state;
    platform.steps = steps;
    return { world, platform, session };
  };

  test("[SM63] out of an archive takes its time, says what it does, and is one start", async () => {
    const { world, platform, session } = await asleep("archived", [
      { says: "restoring", forMs: 110_000 },
      { says: "starting", forMs: 20_000 },
    ]);
    session.operate("operator.resumed");
    await world.clock.advanceAsync(60_000);
    const health = session.health();
    expect([health.detail, health.claim.state]).toEqual(["resuming.watching", "restoring"]);
    expect(health.claim.ageMs).toBeLessThan(2_000);
    await world.clock.advanceAsync(80_000);
    expect(session.record.detail).toBe("connected.healthy");
    expect(platform.count("start")).toBe(1);
  });

  test("[SM63] out of an archive that outlasts its attempt is gone on with once it is there", async () => {
    const { world, platform, session } = await asleep("archived", [
      { says: "restoring", forMs: 290_000 },
    ]);
    session.operate("operator.resumed");
    await untilError(world, session, 200_000);
    expect(session.record.fault).toMatchObject({ category: "startup", retryable: true });
    expect(session.health().claim.state).toBe("restoring");
    // Nobody asks again: it is looked at until the platform says that it is done.
    await world.clock.advanceAsync(290_000 - 180_000 + world.policy.confirmMs * 1.2 + 1_000);
    expect(session.record.detail).toBe("connected.healthy");
    expect(platform.count("start")).toBe(1);
  });

  const stalled = { code: "SandboxStartFailed", diagnosis: "SandboxStartStalled" };
  const noRungs = { restartsMax: 0, replacesMax: 0 };

  test("[SM63] that makes no progress is given up early, with the platform's word", async () => {
    const stuck = [{ says: "resuming", forMs: hourMs }];
    const { world, session } = await asleep("paused", stuck, noRungs);
    session.operate("operator.resumed");
    expect(await untilError(world, session, 200_000)).toBeLessThan(60_000);
    expect(session.record.fault).toMatchObject(stalled);
    const said = session.record.fault?.evidence.find(
      ({ what }) => what === "resuming.watching",
    )?.detail;
    expect(said).toBe("it is resuming without any progress for 45000 ms");
  });

  test("[SM63] that outlives its attempt is an error of the start, and of no driver", async () => {
    const endless = [{ says: "restoring", forMs: hourMs }];
    const { world, session } = await asleep("archived", endless, noRungs);
    session.operate("operator.resumed");
    await untilError(world, session, 200_000);
    expect(session.record.fault).toMatchObject(stalled);
    expect(session.record.fault?.message).toContain("the platform still says restoring");
  });
});

describe("a pause whose answer is lost", () => {
  test("[SM64] is not undone when it was made", async () => {
    const { world, platform } = worldOn((clock) => new LostPausePlatform(clock));
    const { session } = await world.connected();
    session.operate("operator.paused");
    await world.clock.advanceAsync(10_000);
    expect(session.record.detail).toBe("suspended.paused");
    expect([platform.count("pause"), platform.count("start")]).toEqual([1, 0]);
  });

  test("[SM64] leaves the session connected by a new proof when it was not made", async () => {
    const { world, platform } = worldOn((clock) => new LostPausePlatform(clock));
    const { session } = await world.connected();
    platform.pauses = false;
    session.operate("operator.paused");
    await world.clock.advanceAsync(10_000);
    expect(session.record.detail).toBe("connected.healthy");
  });
});
