/** What the simulated platform says without ever being in trouble about it. */
import type { Clock } from "../../base/clock.ts";
import type { PlatformFacts, SnapshotClaim } from "../../providers/provider.ts";

export class CalmAnswers {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  snapshot(name: string): Promise<SnapshotClaim> {
    const at = this.#clock.now();
    return Promise.resolve({ name, state: "active", platformState: "active", reason: null, at });
  }

  activateSnapshot(name: string): Promise<SnapshotClaim> {
    return this.snapshot(name);
  }

  buildLog(): Promise<string | null> {
    return Promise.resolve(null);
  }

  facts(): Promise<PlatformFacts> {
    return Promise.resolve({
      apiUrl: "sim:",
      reachable: true,
      auth: "ok",
      tier: null,
      root: null,
      pause: null,
      door: null,
      checkedAt: this.#clock.now(),
      detail: null,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
