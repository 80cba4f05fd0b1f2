/** The hub-wide breaker on the test's clock: when it opens, how it looks again, when it closes. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import { answered } from "../../support/fake-platform.ts";
import { settled } from "../../support/test-clock.ts";
import { codeOf, guardedWorld } from "./guarded-world.ts";

const down = (): HubError => answered("read sandbox", 503, "upstream unavailable");
const rejected = (): HubError => answered("read sandbox", 401, "Invalid credentials");

/** 500 sessions whose patrols ask for a claim twice a minute. */
const CALLS_PER_SECOND = 17;

function hub() {
  const world = guardedWorld();
  const { clock, watch } = world;
  const codes: (string | null)[] = [];
  return {
    ...world,
    codes,
    state: () => watch.report().breaker.state,
    /** Patrols for so long; calls that hang are left alone. */
    async patrol(seconds: number) {
      for (let n = 0; n < seconds * CALLS_PER_SECOND; n++) {
        void codeOf(watch.provider.claim(`box-${n}`)).then((code) => codes.push(code));
        await clock.advanceAsync(1_000 / CALLS_PER_SECOND);
      }
    },
  };
}

describe("the breaker", () => {
  test("[GU1] stays closed while calls are answered, and when they are about single sandboxes", async () => {
    const { patrol, state, platform } = hub();
    await patrol(30);
    platform.trouble = () => answered("read sandbox", 409, "state change in progress");
    await patrol(30);
    expect(state()).toBe("closed");
  });

  test("[GU1] opens within 10 s of a 5xx burst, and stays closed when fewer than half fail", async () => {
    const { patrol, state, platform } = hub();
    await patrol(60);
    let turn = 0;
    platform.trouble = () => (++turn % 3 === 0 ? down() : null);
    await patrol(60);
    expect(state()).toBe("closed");
    platform.trouble = down;
    await patrol(10);
    expect(state()).toBe("open");
  });

  test("[GU1] opens for a platform that takes calls and answers none", async () => {
    const { patrol, state, platform, clock, watch } = hub();
    platform.trouble = (call) =>
      call === "list" ? "hangs" : new HubError("PlatformTimeout", "no answer in time");
    await patrol(2);
    await clock.advanceAsync(5_000);
    expect(state()).toBe("open");
    expect(watch.report().breaker.why?.code).toBe("PlatformTimeout");
  });

  test("[GU1] needs a look of its own that failed: failures of others may have a reason of theirs", async () => {
    const { patrol, state, platform } = hub();
    platform.trouble = (call) => (call === "list" ? null : down());
    await patrol(30);
    expect(state()).toBe("closed");
    platform.trouble = down;
    await patrol(5);
    expect(state()).toBe("open");
  });

  test("[GU2] while open a call fails at once, says since when, why and when it looks again", async () => {
    const { patrol, platform, watch, clock } = hub();
    platform.trouble = down;
    await patrol(3);
    const reached = platform.reachedAt.length;
    const startedAt = clock.mono();
    const error = await watch.provider.claim("box").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "PlatformDown", outcomeUnknown: false });
    expect((error as HubError).message).toMatch(
      /^not asked since \d\d:\d\d:\d\d: .*503.*; the next look is at \d\d:\d\d:\d\d$/,
    );
    expect(platform.reachedAt.length).toBe(reached);
    expect(clock.mono()).toBe(startedAt);
  });

  test("[GU3] looks again after 5, 10, 20 and then every 30 s with jitter, once at a time", async () => {
    const { patrol, platform, clock, state } = hub();
    platform.trouble = down;
    await patrol(3);
    expect(state()).toBe("open");
    const before = platform.reachedAt.length;
    const openedAt = clock.mono();
    await clock.advanceAsync(160_000);
    const looks = platform.reachedAt.slice(before);
    const waits = looks.map((at, index) => at - (looks[index - 1] ?? openedAt));
    const wanted = [5_000, 10_000, 20_000, 30_000, 30_000, 30_000];
    expect(waits.length).toBeGreaterThanOrEqual(5);
    for (const [index, waitMs] of waits.entries()) {
      const plainMs = wanted[index] ?? 30_000;
      expect(waitMs).toBeLessThanOrEqual(plainMs * 1.2);
      // The first is counted from some time after the opening.
      if (index > 0) expect(waitMs).toBeGreaterThanOrEqual(plainMs * 0.8);
    }
    expect(new Set(waits).size).toBeGreaterThan(3);
  });

  test("[GU3] closes with the first look that is answered, and lets everything through again", async () => {
    const { patrol, platform, clock, state, watch } = hub();
    platform.trouble = down;
    await patrol(3);
    platform.trouble = null;
    await clock.advanceAsync(6_000);
    expect(state()).toBe("closed");
    expect(await codeOf(watch.provider.claim("box"))).toBeNull();
  });

  test("[GU3] a platform that flaps is looked at less and less often, and never forgotten", async () => {
    const { patrol, platform, clock, state, watch } = hub();
    const openForMs: number[] = [];
    for (let flap = 0; flap < 4; flap++) {
      platform.trouble = down;
      await patrol(4);
      expect(state()).toBe("open");
      platform.trouble = null;
      const { nextLookAt } = watch.report().breaker;
      openForMs.push((nextLookAt ?? 0) - (watch.report().breaker.since ?? 0));
      await clock.advanceAsync((nextLookAt ?? 0) - clock.now());
      expect(state()).toBe("closed");
    }
    expect(openForMs[1]).toBeGreaterThan(openForMs[0] ?? 0);
    expect(openForMs[3]).toBeGreaterThan(20_000);
    expect(watch.report().breaker.openings).toBe(4);
    await clock.advanceAsync(61_000);
    platform.trouble = down;
    await patrol(4);
    const { since, nextLookAt } = watch.report().breaker;
    expect((nextLookAt ?? 0) - (since ?? 0)).toBeLessThanOrEqual(6_000);
  });

  test("[GU4] a key that is refused twice opens it; one refusal, and a refusal of one thing, do not", async () => {
    const { platform, watch, state } = hub();
    platform.trouble = rejected;
    await codeOf(watch.provider.claim("a"));
    expect(state()).toBe("closed");
    platform.trouble = (call) => (call === "list" ? null : rejected());
    await codeOf(watch.provider.claim("a"));
    await settled();
    expect(state()).toBe("closed");
    platform.trouble = rejected;
    for (let n = 0; n < 2; n++) await codeOf(watch.provider.claim("a"));
    await settled();
    expect(watch.report().breaker).toMatchObject({
      state: "open",
      why: { code: "PlatformAuthRejected" },
    });
    const reached = platform.reachedAt.length;
    expect(await codeOf(watch.provider.claim("a"))).toBe("PlatformAuthRejected");
    expect(platform.reachedAt.length).toBe(reached);
  });

  test("[GU4] a key that works again closes it with one call", async () => {
    const { platform, watch, state, clock } = hub();
    platform.trouble = rejected;
    for (let n = 0; n < 2; n++) await codeOf(watch.provider.claim("a"));
    await settled();
    expect(state()).toBe("open");
    platform.trouble = null;
    const reached = platform.reachedAt.length;
    await clock.advanceAsync(6_000);
    expect(state()).toBe("closed");
    expect(platform.reachedAt.length - reached).toBe(1);
  });

  test("[GU1] what a sandbox's own door says, and a start that is slow, leave it closed", async () => {
    const { platform, watch, state } = hub();
    platform.exec = () => Promise.reject(new HubError("PlatformDown", "connect refused"));
    platform.start = () => Promise.reject(new HubError("PlatformTimeout", "not started in time"));
    for (let n = 0; n < 100; n++) {
      await codeOf(watch.provider.exec("a", { command: "true", timeoutMs: 100 }));
      await codeOf(watch.provider.start("a", 100));
    }
    await settled();
    expect(state()).toBe("closed");
  });

  test("[GU2] a hub that stops leaves no timer of it behind", async () => {
    const { patrol, platform, watch, clock } = hub();
    platform.trouble = down;
    watch.start();
    await patrol(3);
    watch.stop();
    await clock.advanceAsync(60_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
