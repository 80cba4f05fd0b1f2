/** Many sessions that fail alike: when it is one event of the platform, and when that is over. */
import { describe, expect, test } from "vitest";
import type { FaultCode } from "../../../src/base/faults.ts";
import type { SessionEvent } from "../../../src/store/facts.ts";
import { answered } from "../../support/fake-platform.ts";
import { allSettled, guardedWorld } from "./guarded-world.ts";

function hub(living: number) {
  const world = guardedWorld();
  const { watch, clock, platform, sessions } = world;
  sessions.living = living;
  platform.exec = () => Promise.reject(answered("exec", 500, "internal error"));
  let seq = 0;
  const event = (session: number, more: Partial<SessionEvent>): SessionEvent => ({
    seq: ++seq,
    at: clock.now(),
    session: `s${session}`,
    name: `s${session}`,
    kind: "session.entered",
    state: "nudging",
    detail: "nudging.proving",
    text: "",
    data: {},
    ...more,
  });
  return {
    ...world,
    heals: (session: number, code: FaultCode) => {
      watch.observe(event(session, { data: { because: { code, said: "" } } }));
    },
    fails: (session: number, code: FaultCode) => {
      watch.observe(event(session, { kind: "session.failed", state: "error", data: { code } }));
    },
    connects: (session: number) => {
      watch.observe(event(session, { kind: "session.connected", state: "connected" }));
    },
    held: () => watch.report().alike.held,
  };
}

describe("sessions that fail alike", () => {
  test("[GU12] three of six within a minute: no rung above a nudge, reported as such", async () => {
    const { heals, fails, held, watch, platform } = hub(6);
    heals(1, "ExecBroken");
    fails(2, "ExecBroken");
    expect(held()).toBe(false);
    heals(3, "ExecBroken");
    expect(held()).toBe(true);
    expect(watch.whyNoRung()).toMatchObject({ code: "PlatformBroken" });
    await allSettled();
    expect(watch.report().alike).toMatchObject({ code: "ExecBroken", sessions: 3 });
    expect(watch.report().alike.text).toMatch(
      /^3 of 6 sessions failed with ExecBroken within a minute, .*exec failed/,
    );
    expect(platform.count("create")).toBe(1);
    let begun = false;
    const restart = watch.control.destructive("s1", () => Promise.resolve((begun = true)));
    await expect(restart).rejects.toMatchObject({ code: "PlatformBroken" });
    expect(begun).toBe(false);
  });

  test.for([
    ["two of two are a coincidence", 2, [1, 2], "ExecBroken"],
    ["three of seven are not half", 7, [1, 2, 3], "ExecBroken"],
    ["one session thrice is one", 3, [1, 1, 1], "ExecBroken"],
    ["a driver is the session's own", 3, [1, 2, 3], "DriverAbsent"],
    ["a request is the caller's own", 3, [1, 2, 3], "ImageMissing"],
  ] as const)("[GU12] %s", ([, living, failing, code]) => {
    const { fails, held } = hub(living);
    for (const session of failing) fails(session, code);
    expect(held()).toBe(false);
  });

  test("[GU12] failures of different kinds, of different minutes, and mended ones do not add up", async () => {
    const { fails, heals, connects, held, clock } = hub(4);
    fails(1, "ExecBroken");
    fails(2, "FilesystemBroken");
    fails(3, "DiskFull");
    expect(held()).toBe(false);
    await clock.advanceAsync(61_000);
    fails(2, "ExecBroken");
    fails(3, "ExecBroken");
    expect(held()).toBe(false);
    connects(2);
    heals(4, "ExecBroken");
    expect(held()).toBe(false);
    fails(1, "ExecBroken");
    expect(held()).toBe(true);
  });

  test("[GU12] a control sandbox that works ends it, asked again after 1, 2 and then every 5 minutes", async () => {
    const { fails, held, clock, platform, watch } = hub(3);
    const { exec } = platform;
    for (const session of [1, 2, 3]) fails(session, "ResumeBroken");
    await clock.advanceAsync(60_000 + 120_000 + 1_000);
    expect(platform.count("create")).toBe(3);
    expect(held()).toBe(true);
    Reflect.deleteProperty(platform, "exec");
    expect(platform.exec).not.toBe(exec);
    await clock.advanceAsync(300_000);
    expect(platform.count("create")).toBe(4);
    expect(held()).toBe(false);
    expect(watch.whyNoRung()).toBeNull();
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test("[GU12] a run that a person asked for ends it, too", async () => {
    const { fails, held, clock, platform, watch } = hub(3);
    for (const session of [1, 2, 3]) fails(session, "ResumeBroken");
    await clock.advanceAsync(10_000);
    expect(held()).toBe(true);
    Reflect.deleteProperty(platform, "exec");
    await watch.control.run();
    expect(held()).toBe(false);
    watch.stop();
  });
});
