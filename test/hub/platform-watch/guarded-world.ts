/** A platform watch over a fake platform that fails as the test says, on the test's clock. */
import { silentLogger } from "../../../src/base/log.ts";
import type { HubError } from "../../../src/base/hub-error.ts";
import { seededRandom } from "../../../src/base/random.ts";
import type { ControlResult } from "../../../src/hub/platform-watch/control-run.ts";
import { PlatformWatch } from "../../../src/hub/platform-watch/platform-watch.ts";
import { FakePlatform } from "../../support/fake-platform.ts";
import { settled, TestClock } from "../../support/test-clock.ts";

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

/** A clock that gives long chains of promises their time: a control sandbox has seven steps. */
class PatientClock extends TestClock {
  override async advanceAsync(ms: number): Promise<void> {
    await allSettled();
    const endMs = this.mono() + ms;
    const strideMs = Math.max(STRIDE_MS_MIN, ms / 100);
    for (;;) {
      const leftMs = endMs - this.mono();
      await super.advanceAsync(Math.min(leftMs, strideMs));
      await allSettled();
      if (leftMs <= strideMs) return;
    }
  }
}

const STRIDE_MS_MIN = 1_000;

/** Lets every promise go on that can, however long its chain is. */
export async function allSettled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await settled();
}

export function guardedWorld(limitPerMinute?: number) {
  const sessions = { living: 0, wanted: new Set<string>(), controls: [] as ControlResult[] };
  const clock = new PatientClock();
  const platform = new TroubledPlatform(clock);
  const watch = new PlatformWatch({
    hubId: "hub_test",
    inner: platform,
    clock,
    random: seededRandom("guarded-world"),
    log: silentLogger,
    living: () => sessions.living,
    hasClients: (id) => sessions.wanted.has(id),
    onControl: (result) => sessions.controls.push(result),
    ...(limitPerMinute === undefined ? {} : { limitPerMinute }),
  });
  return { clock, platform, watch, sessions };
}

/** The code of a call's fault, or null when it was answered. */
export function codeOf(call: Promise<unknown>): Promise<string | null> {
  return call.then(
    () => null,
    (error: unknown) => (error as HubError).code,
  );
}
