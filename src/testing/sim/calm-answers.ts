/** What the simulated platform says without ever being in trouble about it. */
import type { Clock } from "../../base/clock.ts";
import type { PlatformFacts } from "../../providers/provider.ts";

export class CalmAnswers {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
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
