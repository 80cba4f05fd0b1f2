/**
 * Counts what comes and goes: stops of a sandbox that nobody of ours asked for, and launches of its
 * driver. Survives connected, because that is what a flapping sandbox is in between. In memory: a
 * hub that restarts counts anew.
 */
import type { Clock } from "../../base/clock.ts";
import type { Flapping } from "./ladder-plan.ts";
import type { SessionPolicy } from "./policy.ts";

/** In windows: what flaps again so soon after it was held does so for the same reason. */
const HOLDS_REMEMBERED = 10;

export class FlapWatch {
  readonly #clock: Clock;
  readonly #policy: SessionPolicy;
  #stops: number[] = [];
  #launches: number[] = [];
  #holds: number[] = [];

  constructor(clock: Clock, policy: SessionPolicy) {
    this.#clock = clock;
    this.#policy = policy;
  }

  /** The sandbox was running and is not, and this hub did not stop it. */
  stopped(): void {
    this.#stops = [...this.#within(this.#stops, this.#policy.flapWindowMs), this.#clock.mono()];
  }

  launched(): void {
    const recent = this.#within(this.#launches, this.#policy.crashWindowMs);
    this.#launches = [...recent, this.#clock.mono()];
  }

  /** It is waited out: what led to that is not counted again, but the wait itself is. */
  held(): void {
    this.asked();
    this.#holds = [...this.#within(this.#holds, this.#memoryMs), this.#clock.mono()];
  }

  /** Somebody asks for it now: that is a new try, and what was waited out before is still known. */
  asked(): void {
    this.#stops = [];
    this.#launches = [];
  }

  /** Waits of the last while, the present one included. */
  get holds(): number {
    return this.#within(this.#holds, this.#memoryMs).length;
  }

  get #memoryMs(): number {
    return HOLDS_REMEMBERED * this.#policy.flapWindowMs;
  }

  get flapping(): Flapping | null {
    const { flapStops, flapWindowMs, crashLaunches, crashWindowMs } = this.#policy;
    if (this.#within(this.#stops, flapWindowMs).length >= flapStops) return "sandbox";
    if (this.#within(this.#launches, crashWindowMs).length > crashLaunches) return "driver";
    return null;
  }

  #within(times: readonly number[], windowMs: number): number[] {
    const since = this.#clock.mono() - windowMs;
    return times.filter((at) => at > since);
  }
}
