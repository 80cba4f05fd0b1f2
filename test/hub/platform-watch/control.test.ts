/** The control sandbox and the desk in front of it: steps, verdicts, sharing, cost, leftovers. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import type { ControlResult } from "../../../src/hub/platform-watch/control-run.ts";
import type { FakePlatform } from "../../support/fake-platform.ts";
import { answered } from "../../support/fake-platform.ts";
import { allSettled, guardedWorld } from "./guarded-world.ts";

const never = new AbortController().signal;
const hang = <T>(): Promise<T> => new Promise<T>(() => undefined);

function desk() {
  const world = guardedWorld();
  const { control } = world.watch;
  return {
    ...world,
    control,
    /** Runs one and gives it the time that it needs. */
    async run(): Promise<ControlResult> {
      const running = control.run();
      await world.clock.advanceAsync(150_000);
      return running;
    },
    controls: () => [...world.platform.sandboxes.values()].map(({ request }) => request.name),
  };
}

const outcomes = ({ steps }: ControlResult): string =>
  steps.map(({ name, outcome }) => `${name} ${outcome}`).join(", ");

describe("a control sandbox", () => {
  test("[GU7] goes through all steps on a platform that works, and leaves nothing behind", async () => {
    const { run, platform, controls, sessions } = desk();
    const labels: object[] = [];
    const { create } = platform;
    platform.create = (request) => {
      labels.push(request.labels);
      return create.call(platform, request);
    };
    const result = await run();
    expect(outcomes(result)).toBe(
      "create ok, write ok, exec ok, pause ok, resume ok, read ok, delete ok",
    );
    expect(result).toMatchObject({ verdict: "platform-ok", failed: null, deleted: true });
    expect(sessions.controls).toEqual([result]);
    expect(labels).toEqual([{ "holdfast/control": "1", "holdfast/hub": "hub_test" }]);
    expect(controls()).toEqual([]);
  });

  const broken: readonly [string, (platform: FakePlatform) => void, string][] = [
    ["create", (p) => (p.create = () => reject("create sandbox", 500)), "PlatformDown"],
    ["create", (p) => (p.create = hang), "PlatformTimeout"],
    ["write", (p) => (p.homeDir = () => reject("toolbox", 502)), "ExecBroken"],
    ["write", (p) => (p.writeFile = () => reject("write file", 404)), "FilesystemBroken"],
    ["exec", (p) => (p.exec = () => reject("exec", 500)), "ExecBroken"],
    ["exec", (p) => (p.exec = hang), "PlatformTimeout"],
    ["exec", (p) => (p.exec = () => Promise.resolve({ exitCode: 0, output: "" })), "ExecBroken"],
    ["pause", (p) => (p.pause = () => reject("pause sandbox", 500)), "PlatformDown"],
    ["resume", (p) => (p.start = () => reject("start sandbox", 500)), "PlatformDown"],
    ["resume", (p) => breakAfterPause(p, () => (p.exec = () => reject("exec", 500))), "ExecBroken"],
    [
      "read",
      (p) => breakAfterPause(p, () => (p.readFile = () => reject("read file", 404))),
      "FilesystemBroken",
    ],
    ["read", (p) => (p.readFile = () => Promise.resolve(new Uint8Array(3))), "FilesystemBroken"],
    ["delete", (p) => (p.destroy = () => reject("delete sandbox", 500)), "PlatformDown"],
    ["delete", (p) => (p.destroy = () => Promise.resolve(false)), "PlatformTimeout"],
  ];
  test.for(broken)("[GU7] %s fails: it is named, with the answer", async ([step, plant, code]) => {
    const { run, platform, controls } = desk();
    plant(platform);
    const result = await run();
    expect(result.verdict).toBe("platform-broken");
    expect(result.failed).toMatchObject({ step, code });
    expect(result.text).toContain(step);
    expect(result.steps.find(({ name }) => name === step)?.outcome).toBe("failed");
    if (step !== "delete") expect(controls()).toEqual([]);
    else expect(result.deleted).toBe(false);
  });

  test("[GU8] a platform that cannot pause is not broken: the step is skipped and said", async () => {
    const { run, platform } = desk();
    platform.pause = () => reject("pause sandbox", 422, "pause is not supported");
    const result = await run();
    expect(result.verdict).toBe("platform-ok");
    expect(outcomes(result)).toContain("pause skipped, resume skipped, read ok");
    expect(result.text).toContain("without pause and resume");
  });

  test.for([
    [401, "Invalid credentials", "PlatformAuthRejected"],
    [402, "Payment required", "PlatformQuota"],
    [429, "ThrottlerException", "PlatformRateLimited"],
    [400, "Snapshot py not found", "SnapshotMissing"],
  ] as const)("[GU8] %i %s tells nothing about the platform", async ([status, text, code]) => {
    const { run, platform } = desk();
    platform.create = () => reject("create sandbox", status, text);
    const result = await run();
    expect(result).toMatchObject({ verdict: "unknown", failed: { step: "create", code } });
  });

  test("[GU7] a delete that meets 409 is repeated within its time", async () => {
    const { run, platform } = desk();
    const destroy = platform.destroy.bind(platform);
    let busy = 5;
    platform.destroy = (id) =>
      busy-- > 0 ? reject("delete sandbox", 409, "state change in progress") : destroy(id);
    expect(await run()).toMatchObject({ verdict: "platform-ok", deleted: true });
  });
});

describe("the control desk", () => {
  test("[GU9] all who ask while one runs share it, and its answer is good for a minute", async () => {
    const { control, platform, clock } = desk();
    const asked = Promise.all([control.consult(never), control.run(), control.consult(never)]);
    await clock.advanceAsync(100);
    const [first, second, third] = await asked;
    expect(platform.count("create")).toBe(1);
    expect(new Set([first.at, second.at, third.at]).size).toBe(1);
    await clock.advanceAsync(59_000);
    expect((await control.consult(never)).at).toBe(first.at);
    await clock.advanceAsync(2_000);
    expect((await control.consult(never)).at).toBeGreaterThan(first.at);
    expect(platform.count("create")).toBe(2);
    expect(control.facts.runsToday).toBe(2);
  });

  test("[GU9] a wall clock that is set back keeps no answer young, and no run recent", async () => {
    const { control, platform, clock } = desk();
    for (let n = 1; n <= 12; n++) {
      await control.consult(never);
      expect(platform.count("create")).toBe(n);
      clock.jumpWall(-30 * 60_000);
      await clock.advanceAsync(8 * 60_000);
    }
  });

  test("[GU9] by itself it makes ten an hour at most, and says so; a person is not counted", async () => {
    const { control, platform, clock } = desk();
    for (let n = 0; n < 10; n++) {
      await control.consult(never);
      await clock.advanceAsync(61_000);
    }
    expect(await control.consult(never)).toMatchObject({ verdict: "unknown" });
    expect(platform.count("create")).toBe(10);
    expect((await control.run()).verdict).toBe("platform-ok");
    await clock.advanceAsync(3_600_000);
    expect((await control.consult(never)).verdict).toBe("platform-ok");
    expect(control.facts.automaticLeftThisHour).toBe(9);
  });

  test("[GU9] what is known without a look costs none", async () => {
    const { control, platform, watch } = desk();
    platform.trouble = () => answered("read sandbox", 503, "upstream unavailable");
    for (let n = 0; n < 20; n++) await watch.provider.claim("a").catch(String);
    await allSettled();
    expect(await control.consult(never)).toMatchObject({ verdict: "platform-broken", tookMs: 0 });
    expect(platform.count("create")).toBe(0);
  });

  test("[GU9] who stops waiting gets its own reason, and the run goes on for the others", async () => {
    const { control, platform, clock } = desk();
    platform.create = hang;
    const stop = new AbortController();
    const quitter = control.consult(stop.signal);
    const other = control.consult(never);
    stop.abort(new HubError("StateConflict", "called off"));
    await expect(quitter).rejects.toMatchObject({ code: "StateConflict" });
    await clock.advanceAsync(120_000);
    expect((await other).verdict).toBe("platform-broken");
  });

  test("[GU9] its cost is counted from the request to the delete, by the day", async () => {
    const { control, platform, clock } = desk();
    const create = platform.create.bind(platform);
    platform.create = async (request) => {
      await new Promise<void>((done) => clock.setTimeout(done, 12_000));
      return create(request);
    };
    void control.run();
    await clock.advanceAsync(60_000);
    expect(control.facts).toMatchObject({ runsToday: 1, sandboxSeconds: 12, running: null });
    await clock.advanceAsync(86_400_000);
    expect(control.facts).toMatchObject({ runsToday: 0, sandboxSeconds: 0 });
  });

  test("[GU10] what a hub that was killed left behind is deleted by the next within a minute", async () => {
    const { platform, watch, clock, controls } = desk();
    const labels = { "holdfast/control": "1", "holdfast/hub": "hub_test" };
    platform.make({ name: "holdfast-control-old", env: {}, labels }, "started");
    const others = { ...labels, "holdfast/hub": "hub_other" };
    platform.make({ name: "holdfast-control-of-another", env: {}, labels: others }, "started");
    platform.make({ name: "named-by-a-person", env: {}, labels }, "started");
    watch.start();
    await clock.advanceAsync(60_000);
    expect(controls()).toEqual(["holdfast-control-of-another", "named-by-a-person"]);
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("[GU10] a create that came after its run gave up is deleted, the one that runs is not", async () => {
    const { control, platform, watch, clock, controls } = desk();
    watch.start();
    const create = platform.create.bind(platform);
    platform.create = async (request) => {
      await new Promise<void>((done) => clock.setTimeout(done, 50_000));
      return create(request);
    };
    const late = control.run();
    await clock.advanceAsync(49_000);
    expect((await late).failed?.step).toBe("create");
    await clock.advanceAsync(2_000);
    expect(controls()).toHaveLength(1);
    await clock.advanceAsync(20_000);
    expect(controls()).toHaveLength(0);
    platform.create = create;
    platform.exec = hang;
    void control.run();
    await clock.advanceAsync(9_000);
    expect(controls()).toHaveLength(1);
    watch.stop();
  });
});

describe("destructive rungs", () => {
  test("[GU11] ten at once, sessions with people attached first, the others in their order", async () => {
    const { control, sessions } = desk();
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    sessions.wanted.add("s30");
    for (let n = 1; n <= 40; n++) {
      void control.destructive(`s${n}`, () => {
        begun.push(`s${n}`);
        return new Promise<void>((end) => ends.push(end));
      });
    }
    await allSettled();
    expect(begun).toEqual(Array.from({ length: 10 }, (_, index) => `s${index + 1}`));
    for (let n = 0; n < 3; n++) ends.shift()?.();
    await allSettled();
    expect(begun.slice(10)).toEqual(["s30", "s11", "s12"]);
    expect(control.facts.destructive).toEqual({ running: 10, waiting: 27 });
    while (ends.length > 0) {
      ends.shift()?.();
      await allSettled();
    }
    expect(begun).toHaveLength(40);
    expect(control.facts.destructive).toEqual({ running: 0, waiting: 0 });
  });

  test("[GU11] one that fails gives its place back", async () => {
    const { control } = desk();
    for (let n = 0; n < 30; n++) {
      const failed = control.destructive("s", () => Promise.reject(new Error("no")));
      await expect(failed).rejects.toThrow("no");
    }
    expect(control.facts.destructive.running).toBe(0);
  });

  test("[GU11] none is begun while the breaker is open", async () => {
    const { control, platform, watch } = desk();
    platform.trouble = () => answered("read sandbox", 503, "upstream unavailable");
    for (let n = 0; n < 20; n++) await watch.provider.claim("a").catch(String);
    await allSettled();
    let begun = false;
    const work = control.destructive("s", () => {
      begun = true;
      return Promise.resolve();
    });
    await expect(work).rejects.toMatchObject({ code: "PlatformDown" });
    expect(begun).toBe(false);
  });
});

function reject<T>(call: string, status: number, text = "broken for the test"): Promise<T> {
  return Promise.reject(answered(call, status, text));
}

/** It works until the sandbox was paused: the seed incident, at a fresh sandbox. */
function breakAfterPause(platform: FakePlatform, plant: () => void): void {
  const pause = platform.pause.bind(platform);
  platform.pause = (id) => {
    plant();
    return pause(id);
  };
}
