/** The upper half of the ladder: what is destructive, when it may be done, and what it leaves. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { broken, facts, untilRest } from "../support/broken-sandbox.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { HubWorld } from "../support/hub-world.ts";

describe("a sandbox that is broken for good", () => {
  test("[SM27] is restarted, then replaced and kept; the session goes on in a fresh one", async () => {
    const { world, platform, session } = await broken();
    const old = session.record.sandboxId;
    const startedAt = world.clock.now();
    await untilRest(world, session);
    expect(session.record.state).toBe("connected");
    expect(world.clock.now() - startedAt).toBeLessThan(world.policy.healMs);
    expect(world.path(session)).toEqual(
      expect.arrayContaining([
        "nudging.signalling",
        "nudging.relaunching",
        "nudging.assessing",
        "nudging.consulting",
        "resuming.restarting",
        "creating.replacing",
        "creating.requesting",
      ]),
    );
    expect(session.record.sandboxId).not.toBe(old);
    expect(session.record.quarantine).toMatchObject([{ sandboxId: old }]);
    expect(platform.find(old ?? "")?.state).toBe("stopped");
    expect(session.health().ladder.quarantined).toMatchObject([{ sandboxId: old }]);
    const [told] = facts(world, session, "sandbox.quarantined");
    expect(told?.text).toMatch(
      /is replaced and kept, stopped, until .*platform's own way in fails/,
    );
    expect(told?.data).toMatchObject({
      until: expect.any(Number) as number,
      stopped: true,
    });
  });

  test("[SM27] one that cannot be stopped is kept all the same, and that is said", async () => {
    const { world, platform, session } = await broken();
    platform.unstoppable = true;
    await untilRest(world, session);
    expect(session.record.state).toBe("connected");
    const [told] = facts(world, session, "sandbox.quarantined");
    expect(told?.text).toContain("not stopped (Sandbox state change in progress)");
    expect(told?.data).toMatchObject({ code: "SandboxStopStalled", stopped: false });
    expect(session.health().warnings).toMatchObject([{ code: "SandboxStopStalled" }]);
  });

  test("[SM23] what the platform calls broken is recovered, where the platform offers that", async () => {
    const { world, platform, session } = await broken();
    const [sandbox] = platform.sandboxes.values();
    if (sandbox === undefined) throw new Error("no sandbox");
    sandbox.state = "error";
    const recovered: string[] = [];
    Object.assign(platform, {
      recover: (sandboxId: string) => {
        recovered.push(sandboxId);
        platform.broken.delete(sandboxId);
        return platform.start(sandboxId);
      },
    });
    await untilRest(world, session);
    expect([session.record.state, session.record.sandboxId]).toEqual(["connected", sandbox.id]);
    expect([recovered, platform.count("stop")]).toEqual([[sandbox.id], 0]);
    expect(facts(world, session, "sandbox.restarted")[0]?.text).toMatch(/^recover: /);
  });

  test("[SM23] what went away while the control sandbox was asked is gone, and not restarted", async () => {
    const { world, platform, control, session } = await broken();
    const consult = control.consult.bind(control);
    Object.assign(control, {
      consult: async () => {
        platform.sandboxes.delete(session.record.sandboxId ?? "");
        return consult();
      },
    });
    await untilRest(world, session);
    expect(session.record.fault?.code).toBe("SandboxGone");
    expect([facts(world, session, "sandbox.restarted"), platform.count("stop")]).toEqual([[], 0]);
  });

  test("[SM23] what got well while the control sandbox took its time is not restarted", async () => {
    const { world, platform, control, session } = await broken();
    const consult = control.consult.bind(control);
    Object.assign(control, {
      consult: async () => {
        platform.broken.clear();
        const waitMs = world.policy.assessMs + 1_000;
        await new Promise((resolve) => world.clock.setTimeout(resolve, waitMs));
        return consult();
      },
    });
    await untilRest(world, session);
    expect(control.asked).toBe(1);
    expect([facts(world, session, "sandbox.restarted"), platform.count("stop")]).toEqual([[], 0]);
  });

  test("[SM23] a driver that only opens no terminal says nothing against its sandbox", async () => {
    const { world, platform, session } = await broken();
    world.onLink = (link) => (link.noTerminal = true);
    world.attach(session);
    await untilRest(world, session);
    expect(session.record.state).toBe("error");
    expect([facts(world, session, "sandbox.restarted"), platform.count("stop")]).toEqual([[], 0]);
    const restart = session.plan().find(({ rung }) => rung === "restart");
    expect(`${restart?.would}: ${restart?.why}`).toMatch(/^refuse: .*driver answers/);
  });

  test("[SM23] what a lying exec did not write, no driver has missed", async () => {
    const { world, platform, session } = await broken();
    const well = FakePlatform.prototype.exec.bind(platform);
    let asked = 0;
    const exec: typeof well = async (...request) => {
      const { exitCode, output } = await well(...request);
      // At first it leaves nothing that a driver could find, and later it does nothing at all.
      return { exitCode, output: asked++ === 0 ? output.replaceAll(/ marked:\d/g, "") : "" };
    };
    Object.assign(platform, { exec });
    world.attach(session);
    await untilRest(world, session);
    expect(session.record.state).toBe("error");
    expect([facts(world, session, "sandbox.restarted"), platform.count("stop")]).toEqual([[], 0]);
  });

  test("[SM27] is removed with its session", async () => {
    const { world, platform, session } = await broken();
    await untilRest(world, session);
    expect(platform.sandboxes.size).toBe(2);
    session.operate("operator.removed");
    await world.clock.advanceAsync(10_000);
    expect([session.record.detail, platform.sandboxes.size]).toEqual(["ended.gone", 0]);
  });

  test("[SM27] with no replacement in the policy it is an error after the restart", async () => {
    const { world, platform, session } = await broken("platform-ok", { replacesMax: 0 });
    await untilRest(world, session);
    expect(session.record.fault).toMatchObject({ rung: "restart", retryable: true });
    expect([platform.count("create"), platform.count("stop")]).toEqual([1, 1]);
    const said = session.record.fault?.evidence.find(({ what }) => what === "ladder")?.detail;
    expect(said).toContain("no replace: policy says never");
  });

  test("[SM28] and so is the platform: PlatformBroken, no rung, and proven again when it is well", async () => {
    const { world, platform, control, session } = await broken("platform-broken");
    await untilRest(world, session);
    expect(session.record.fault?.code).toBe("PlatformBroken");
    expect(session.record.detail).toBe("error.healable");
    expect([platform.count("stop"), platform.count("create"), control.asked]).toEqual([0, 1, 1]);
    const [asked] = facts(world, session, "control.asked");
    expect(asked?.data).toMatchObject({ verdict: "platform-broken", tookMs: 5 });
    platform.broken.clear();
    await world.clock.advanceAsync(2 * world.policy.confirmMs);
    await untilRest(world, session);
    expect(session.record.state).toBe("connected");
    expect(session.record.quarantine).toEqual([]);
  });

  test("[SM28] no answer of the control sandbox: what says itself that it is broken is replaced", async () => {
    const { world, session } = await broken("unknown");
    await untilRest(world, session);
    expect(session.record).toMatchObject({ state: "connected", quarantine: [{}] });
  });

  test("[SM28] no answer, and a sandbox that is merely silent: nothing is ended", async () => {
    const { world, platform, session } = await broken("unknown");
    const never = <T>() => new Promise<T>(() => undefined);
    Object.assign(platform, { exec: never, writeFile: never });
    await untilRest(world, session);
    expect(session.record.state).toBe("error");
    expect([platform.count("stop"), platform.count("create")]).toEqual([0, 1]);
    const said = session.record.fault?.evidence.find(({ what }) => what === "ladder")?.detail;
    expect(said).toContain("no control sandbox could tell");
  });

  test("[SM29] a hub that restarts at any step gives no budget back", async () => {
    const { world, platform, session } = await broken("platform-ok", { replacesMax: 0 });
    const { id } = session.record;
    const attempts = session.record.attempt;
    for (let life = 0; life < 40; life++) {
      await world.clock.advanceAsync(1_500);
      await world.restart(10);
      if (world.sessions.find(id).record.state === "error") break;
    }
    const after = world.sessions.find(id);
    await untilRest(world, after);
    expect(after.record).toMatchObject({ state: "error", attempt: attempts });
    expect(facts(world, after, "sandbox.restarted").length).toBeLessThanOrEqual(1);
    expect(platform.count("stop")).toBeLessThanOrEqual(1);
    const ended = facts(world, after, "attempt.ended").map(({ data }) => data["attempt"]);
    expect(ended).toEqual([1, 2]);
  });
});

describe("what no other sandbox mends", () => {
  test.for([
    ["EgressBlocked", "exec", "the hub cannot be reached"],
    ["UpgradeBlocked", "exec", "a proxy answers"],
    ["TlsRejected", "exec", "a certificate of somebody else"],
    ["DnsFailed", "exec", "the hub's name is not known"],
    ["DiskFull", "writeFile", "write: no space left on device"],
    ["FilesystemReadOnly", "writeFile", "open: read-only file system"],
    ["ProcessLimit", "exec", "fork: resource temporarily unavailable"],
  ] as const)("[SM30] %s: no restart, no replacement", async ([code, call, said]) => {
    const { world, platform, session } = await broken();
    // All else works: what was broken before is whole again.
    Object.assign(platform, { exec: FakePlatform.prototype.exec });
    Object.assign(platform, { writeFile: FakePlatform.prototype.writeFile });
    Object.assign(platform, { [call]: () => Promise.reject(new HubError(code, said)) });
    await untilRest(world, session);
    expect(session.record.fault?.code).toBe(code);
    expect([platform.count("stop"), platform.count("create")]).toEqual([0, 1]);
  });
});

/** The driver of a connected session ends; of any other there is none to end. */
function crashDriver(world: HubWorld, session: Session): void {
  const link = world.links.at(-1);
  const isNew = link !== undefined && link.ended === null;
  if (session.record.state === "connected" && isNew) session.detach(link, "crashed");
}

describe("what comes and goes", () => {
  test("[SM31] a sandbox that is stopped again and again is held, restarted once, then an error", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const stopper = (): void => {
      const [sandbox] = world.platform.sandboxes.values();
      const link = world.links.at(-1);
      if (sandbox?.state === "started" && session.record.state === "connected") {
        sandbox.state = "stopped";
        if (link !== undefined) session.detach(link, "stopped behind our back");
      }
    };
    world.driversDial();
    world.platform.onNudge = () => "driver-dead";
    for (let turn = 0; turn < 2_000 && session.record.state !== "error"; turn++) {
      stopper();
      await world.clock.advanceAsync(50);
      if (world.platform.count("start") > 20) break;
    }
    const entered = facts(world, session, "session.entered");
    const held = entered.filter(({ detail }) => detail === "nudging.holding");
    expect(held).toHaveLength(2);
    expect(held[0]?.data).toMatchObject({ because: { code: "SandboxFlapping" } });
    // Peace for half a minute, one restart, and the next time an end: no loop of starts.
    expect(facts(world, session, "sandbox.restarted")).toHaveLength(1);
    expect(session.record.fault).toMatchObject({ code: "SandboxFlapping", retryable: true });
    expect([world.platform.count("start"), world.platform.count("create")]).toEqual([5, 1]);
  });

  test("[SM31] a driver that is launched again and again: held, then DriverCrashLoop with its words", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    world.platform.onNudge = () => "driver-dead";
    const [sandbox] = world.platform.sandboxes.values();
    const words = new TextEncoder().encode("FATAL: out of memory");
    for (const file of ["driver.out", "driver.log"]) {
      sandbox?.files.set(`${world.platform.home}/.holdfast/${file}`, words);
    }
    for (let turn = 0; turn < 3_000 && session.record.state !== "error"; turn++) {
      crashDriver(world, session);
      await world.clock.advanceAsync(50);
    }
    expect(session.record.fault).toMatchObject({ code: "DriverCrashLoop", retryable: true });
    const said = session.record.fault?.evidence.map(({ detail }) => detail).join("\n");
    expect(said).toContain("FATAL: out of memory");
    expect(world.platform.count("exec:launch")).toBe(world.policy.crashLaunches + 1);
    expect(world.platform.count("stop")).toBe(0);
  });

  test("[SM31] who asks for a retry after launches that came to another end gets a driver at once", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    world.platform.onNudge = () => "driver-dead";
    const refusal = new HubError("PlatformAuthRejected", "Invalid credentials");
    const exec = world.platform.exec.bind(world.platform);
    const launches = () => world.platform.count("exec:launch");
    const untilRefused: typeof exec = (...asked) =>
      launches() > world.policy.crashLaunches ? Promise.reject(refusal) : exec(...asked);
    Object.assign(world.platform, { exec: untilRefused });
    for (let turn = 0; turn < 3_000 && session.record.state !== "error"; turn++) {
      crashDriver(world, session);
      await world.clock.advanceAsync(50);
    }
    expect(session.record.fault?.code).toBe("PlatformAuthRejected");
    const link = world.links.at(-1);
    if (link !== undefined) session.detach(link, "crashed");
    Object.assign(world.platform, { exec });
    world.driversDial();
    session.operate("operator.retried");
    await untilRest(world, session);
    expect(session.record.state).toBe("connected");
    expect(world.path(session)).not.toContain("nudging.holding");
  });
});

describe("outcomes", () => {
  test("[SM32] each attempt tells once how it ended, also one that is cancelled", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.onNudge = () => "signalled";
    session.detach(link, "lost");
    await world.clock.advanceAsync(100);
    session.operate("operator.paused");
    await world.clock.advanceAsync(10);
    session.operate("operator.removed");
    await world.clock.advanceAsync(10);
    const told = facts(world, session, "attempt.ended").map(({ data }) => [
      data["attempt"],
      data["result"],
      data["rung"],
    ]);
    expect(told).toEqual([
      [1, "connected", "none"],
      [2, "cancelled", "nudge"],
      [3, "suspended", "none"],
      [4, "ended", "none"],
    ]);
    const [first] = facts(world, session, "attempt.ended");
    expect(first?.data).toMatchObject({
      code: null,
      phase: "creating.proving",
      tries: 1,
      durationMs: expect.any(Number) as number,
      sandboxId: "box-1",
    });
  });

  test("[SM34] a retry joins the healing that runs: no new attempt, no new deadline", async () => {
    const world = new HubWorld();
    const { session, link } = await world.connected();
    world.platform.onNudge = () => "signalled";
    session.detach(link, "lost");
    await world.clock.advanceAsync(100);
    const { attempt, deadlineAt, detail } = session.record;
    session.operate("operator.retried");
    session.operate("operator.resumed");
    expect(session.record).toMatchObject({ attempt, deadlineAt, detail, desired: "connected" });
  });

  test("[SM11] a sandbox that was deleted elsewhere is replaced only where the policy says so", async () => {
    for (const recreatesMax of [0, 1]) {
      const world = new HubWorld({ policy: { recreatesMax } });
      const { session, link } = await world.connected();
      world.platform.sandboxes.clear();
      session.detach(link, "gone");
      await untilRest(world, session);
      const made = world.platform.count("create");
      const { state, fault } = session.record;
      const outcome = [state, fault?.code ?? null, made, session.record.quarantine.length];
      expect(outcome).toEqual(
        recreatesMax === 0 ? ["error", "SandboxGone", 1, 0] : ["connected", null, 2, 0],
      );
    }
  });
});
