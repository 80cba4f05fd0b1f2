/** Sessions that break together, with the real watch over their platform: who is touched, when. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { nextStep, type LadderFacts } from "../../../src/hub/session/ladder-plan.ts";
import { defaultPolicy } from "../../../src/hub/session/policy.ts";
import { noCounts } from "../../../src/store/facts.ts";
import { PlatformWatch } from "../../../src/hub/platform-watch/platform-watch.ts";
import { FakePlatform, answered } from "../../support/fake-platform.ts";
import { HubWorld } from "../../support/hub-world.ts";

/** Runs nothing in the sandboxes that `breaks` names. */
class HalfDeadPlatform extends FakePlatform {
  breaks: (sandboxName: string) => boolean = () => false;
  override exec(...[id, request]: Parameters<FakePlatform["exec"]>) {
    if (!this.breaks(this.need(id).request.name)) return super.exec(id, request);
    this.calls.push("exec:500");
    return Promise.reject(answered("exec", 500, "internal error"));
  }
}

/** A driver that stays away although it was nudged as often as may be. */
const absent: LadderFacts = {
  policy: defaultPolicy,
  counts: { ...noCounts, nudges: defaultPolicy.nudgeWaitsMs.length },
  driver: "absent",
  look: "unseen",
  wayIn: "works",
  fault: "DriverAbsent",
  claim: "started",
  control: null,
  heldBack: null,
  flapping: null,
  held: null,
  holds: 0,
  quarantine: [],
  silentMs: 0,
  rung: "nudge",
  rungLeftMs: 5_000,
  leftMs: 30_000,
};

test("[GU12] held back, the rung above a nudge asks the control sandbox, and waits for its yes", () => {
  const heldBack = "3 of 4 sessions failed alike";
  expect(nextStep(absent).step).toBe("relaunch");
  expect(nextStep({ ...absent, heldBack })).toEqual({ step: "consult", why: heldBack });
  const answered = nextStep({ ...absent, heldBack, control: "unknown" });
  expect(answered.step).toBe("give-up");
  expect(answered.why).toContain("no restart");
  expect(nextStep({ ...absent, control: "platform-ok" }).step).toBe("relaunch");
});

/** Three connected sessions, whose commands fail and whose drivers are lost in the same moment. */
async function brokenTogether(breaks: (sandboxName: string) => boolean) {
  const made: { platform?: HalfDeadPlatform; watch?: PlatformWatch } = {};
  const world: HubWorld = new HubWorld({
    platform: (clock) => (made.platform = new HalfDeadPlatform(clock)),
    control: (clock) => {
      made.watch = new PlatformWatch({
        hubId: "hub_test",
        inner: made.platform ?? new FakePlatform(clock),
        clock,
        random: seededRandom("held"),
        log: silentLogger,
        living: () => world.sessions.living,
        hasClients: () => false,
        onControl: () => undefined,
      });
      return made.watch.control;
    },
  });
  const { platform, watch } = made;
  if (platform === undefined || watch === undefined) throw new Error("nothing was made");
  world.sessions.onEvent((event) => watch.observe(event));
  world.driversDial();
  const sessions = ["a", "b", "c"].map((name) => world.create({ name }));
  await world.clock.advanceAsync(1_000);
  expect(sessions.map(({ record }) => record.state)).toEqual(Array(3).fill("connected"));
  platform.breaks = breaks;
  platform.calls.length = 0;
  for (const link of [...world.links]) link.end("replaced");
  return { world, platform, watch, sessions };
}

test("[GU12] the platform is broken: none is launched, restarted or replaced, and all heal with it", async () => {
  const { world, platform, watch, sessions } = await brokenTogether(() => true);
  await world.clock.advanceAsync(60_000);
  expect(watch.report().alike.held).toBe(true);
  expect(sessions.map(({ record }) => record.state)).toEqual(Array(3).fill("error"));
  expect(sessions.map(({ record }) => record.quarantine.length)).toEqual([0, 0, 0]);
  for (const session of sessions) {
    expect(world.path(session)).not.toContain("nudging.relaunching");
  }
  expect(platform.count("stop")).toBe(0);
  expect(platform.sandboxes.size).toBe(3);
  platform.breaks = () => false;
  await world.clock.advanceAsync(400_000);
  expect(watch.report().alike.held).toBe(false);
  expect(sessions.map(({ record }) => record.state)).toEqual(Array(3).fill("connected"));
  expect(platform.sandboxes.size).toBe(3);
  watch.stop();
});

test("[GU12] the platform works: one control sandbox says so, and each climbs on", async () => {
  const own = (name: string): boolean => !name.startsWith("holdfast-control-");
  const { world, platform, watch, sessions } = await brokenTogether(own);
  await world.clock.advanceAsync(5_000);
  expect(platform.count("create")).toBe(1);
  expect(watch.report().alike.held).toBe(false);
  platform.breaks = () => false;
  await world.clock.advanceAsync(60_000);
  expect(sessions.map(({ record }) => record.state)).toEqual(Array(3).fill("connected"));
  watch.stop();
});
