/** The shared rate budget: never more than its limit in any minute, whoever asks and however. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import { codeOf, guardedWorld } from "./guarded-world.ts";

const LIMIT = 600;

const throttled = (waitMs?: number, scope: string | null = null): HubError =>
  new HubError(
    "PlatformRateLimited",
    "ThrottlerException: Too Many Requests",
    waitMs === undefined ? {} : { retryAfter: { waitMs, scope } },
  );

/** The most calls that reached the platform in any minute. */
function busiestMinute(reachedAt: readonly number[]): number {
  let most = 0;
  let from = 0;
  for (const [to, at] of reachedAt.entries()) {
    while (at - (reachedAt[from] ?? at) >= 60_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

describe("the rate budget", () => {
  test("[GU5] 500 sessions that all ask at once stay under the limit in every minute", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    const codes = new Map<string | null, number>();
    for (let second = 0; second < 240; second++) {
      for (let n = 0; n < 25; n++) {
        void codeOf(watch.provider.claim(`box-${n}`)).then((code) =>
          codes.set(code, (codes.get(code) ?? 0) + 1),
        );
      }
      await clock.advanceAsync(1_000);
    }
    expect(busiestMinute(platform.reachedAt)).toBeLessThanOrEqual(LIMIT);
    expect(busiestMinute(platform.reachedAt)).toBeGreaterThan(LIMIT * 0.8);
    expect([...codes.keys()].toSorted()).toEqual(["PlatformRateLimited", null].toSorted());
    expect(watch.report().rate.used).toBeLessThanOrEqual(LIMIT);
  });

  test("[GU5] under the limit nobody waits and nobody is refused", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    for (let n = 0; n < 300; n++) {
      expect(await codeOf(watch.provider.claim("box"))).toBeNull();
      await clock.advanceAsync(200);
    }
    expect(platform.reachedAt.length).toBe(300);
    expect(watch.report().rate).toMatchObject({ waiting: 0, refused: 0 });
  });

  test("[GU5] a short wait is waited out in turn, a long one is refused at once", async () => {
    const { clock, watch } = guardedWorld(LIMIT);
    const burst = LIMIT / 10;
    for (let n = 0; n < burst; n++) await watch.provider.claim("box");
    let waited: string | null | undefined;
    void codeOf(watch.provider.claim("box")).then((code) => (waited = code));
    expect(watch.report().rate.waiting).toBe(1);
    await clock.advanceAsync(500);
    expect(waited).toBeNull();
    const startedAt = clock.mono();
    const many = Array.from({ length: 40 }, () => codeOf(watch.provider.claim("box")));
    const last = many.at(-1) ?? Promise.resolve(undefined);
    expect(await last).toBe("PlatformRateLimited");
    expect(clock.mono()).toBe(startedAt);
    await clock.advanceAsync(5_000);
    expect((await Promise.all(many)).filter((code) => code === null).length).toBeGreaterThan(8);
  });

  test("[GU5] who gives up waiting gives its turn back", async () => {
    const { clock, watch, platform } = guardedWorld(LIMIT);
    for (let n = 0; n < LIMIT / 10; n++) await watch.provider.claim("box");
    const stop = new AbortController();
    const quitters = Array.from({ length: 10 }, () =>
      codeOf(watch.provider.claim("box", stop.signal)),
    );
    stop.abort(new HubError("StateConflict", "called off"));
    expect(await Promise.all(quitters)).toEqual(quitters.map(() => "StateConflict"));
    const reached = platform.reachedAt.length;
    const next = codeOf(watch.provider.claim("box"));
    await clock.advanceAsync(150);
    expect(await next).toBeNull();
    expect(platform.reachedAt.length).toBe(reached + 1);
  });

  test("[GU6] 429 with a time: nobody asks before it is over, and who must wait long is told", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    platform.trouble = () => throttled(60_000);
    await codeOf(watch.provider.claim("box"));
    platform.trouble = null;
    const reached = platform.reachedAt.length;
    for (let n = 0; n < 50; n++) {
      expect(await codeOf(watch.provider.claim("box"))).toBe("PlatformRateLimited");
      await clock.advanceAsync(1_000);
    }
    expect(platform.reachedAt.length).toBe(reached);
    await clock.advanceAsync(10_000);
    expect(await codeOf(watch.provider.claim("box"))).toBeNull();
    expect(watch.report().rate.limitPerMinute).toBe(LIMIT);
    expect(watch.report().rate.last429).not.toBeNull();
  });

  test("[GU6] a time for one limit of the platform holds only the calls that count against it", async () => {
    const { platform, watch, clock } = guardedWorld(LIMIT);
    const { create } = platform;
    platform.create = () => Promise.reject(throttled(60_000, "sandbox-create"));
    const request = { name: "a", env: {}, labels: {} };
    await codeOf(watch.provider.create(request, 30_000));
    platform.create = create.bind(platform);
    expect(await codeOf(watch.provider.create(request, 30_000))).toBe("PlatformRateLimited");
    expect(platform.sandboxes.size).toBe(0);
    expect(await codeOf(watch.provider.claim("a"))).toBeNull();
    await clock.advanceAsync(60_000);
    expect(await codeOf(watch.provider.create(request, 30_000))).toBeNull();
  });

  test("[GU6] a time beyond five minutes is looked at again after five", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    platform.trouble = () => throttled(24 * 3_600_000);
    await codeOf(watch.provider.claim("box"));
    platform.trouble = null;
    await clock.advanceAsync(299_000 - 5_000);
    expect(await codeOf(watch.provider.claim("box"))).toBe("PlatformRateLimited");
    await clock.advanceAsync(6_000);
    expect(await codeOf(watch.provider.claim("box"))).toBeNull();
  });

  test("[GU6] 429 without a time halves the pace, which grows back", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    const limit = (): number => watch.report().rate.limitPerMinute;
    platform.trouble = () => throttled();
    await codeOf(watch.provider.claim("box"));
    expect(limit()).toBe(LIMIT / 2);
    platform.trouble = null;
    await clock.advanceAsync(50_000);
    expect(limit()).toBe(LIMIT / 2 + LIMIT * 0.25);
    await clock.advanceAsync(60_000);
    expect(limit()).toBe(LIMIT);
  });

  test("[GU6] refusals that come together count once, and the pace never falls to nothing", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    platform.trouble = () => throttled();
    await Promise.all(Array.from({ length: 30 }, () => codeOf(watch.provider.claim("box"))));
    expect(watch.report().rate.limitPerMinute).toBe(LIMIT / 2);
    for (let n = 0; n < 30; n++) {
      void codeOf(watch.provider.claim("box"));
      await clock.advanceAsync(2_500);
    }
    expect(watch.report().rate.limitPerMinute).toBeGreaterThanOrEqual(LIMIT * 0.02);
  });

  test("[GU5] a platform that fails costs no more calls than one that answers", async () => {
    const { clock, platform, watch } = guardedWorld(LIMIT);
    platform.trouble = () => new HubError("PlatformDown", "answered 503");
    for (let second = 0; second < 120; second++) {
      for (let n = 0; n < 60; n++) void codeOf(watch.provider.claim(`box-${n}`));
      await clock.advanceAsync(1_000);
    }
    // Open after the first second; from then on only looks reach the platform.
    expect(platform.reachedAt.length).toBeLessThan(100);
    expect(watch.report().breaker.state).toBe("open");
  });
});
