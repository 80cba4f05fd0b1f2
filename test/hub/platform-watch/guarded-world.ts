/** A platform watch over a fake platform that fails as the test says, on the test's clock. */
import { silentLogger } from "../../../src/base/log.ts";
import type { HubError } from "../../../src/base/hub-error.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { PlatformWatch } from "../../../src/hub/platform-watch/platform-watch.ts";
import { FakePlatform } from "../../support/fake-platform.ts";
import { TestClock } from "../../support/test-clock.ts";

/** Answers each call of its API as `trouble` says; null lets it through. */
export class TroubledPlatform extends FakePlatform {
  trouble: ((call: string) => HubError | "hangs" | null) | null = null;
  /** Monotonic ms of each call that reached the platform. */
  readonly reachedAt: number[] = [];

  override claim(idOrName: string) {
    return this.#pass("claim", () => super.claim(idOrName));
  }

  override list(labels: Readonly<Record<string, string>>) {
    return this.#pass("list", () => super.list(labels));
  }

  #pass<T>(call: string, work: () => Promise<T>): Promise<T> {
    this.reachedAt.push(this.clock.mono());
    const trouble = this.trouble?.(call) ?? null;
    if (trouble === "hangs") return new Promise<T>(() => undefined);
    return trouble === null ? work() : Promise.reject(trouble);
  }
}

export function guardedWorld(limitPerMinute?: number) {
  const clock = new TestClock();
  const platform = new TroubledPlatform(clock);
  const watch = new PlatformWatch({
    hubId: "hub_test",
    inner: platform,
    clock,
    random: seededRandom("guarded-world"),
    log: silentLogger,
    ...(limitPerMinute === undefined ? {} : { limitPerMinute }),
  });
  return { clock, platform, watch };
}

/** The code of a call's fault, or null when it was answered. */
export function codeOf(call: Promise<unknown>): Promise<string | null> {
  return call.then(
    () => null,
    (error: unknown) => (error as HubError).code,
  );
}
