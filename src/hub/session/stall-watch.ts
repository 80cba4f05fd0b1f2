/**
 * Whether a sandbox that is coming up still makes progress. Progress is a change of what the
 * platform says it is doing. That it touched its record is not: a platform's own bookkeeping does
 * that also for a sandbox that is stuck for good, and then nothing would ever count as stuck.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Claim } from "../../providers/provider.ts";
import type { SessionPolicy } from "./policy.ts";

type StallPolicy = Pick<SessionPolicy, "stallMs" | "buildStallMs">;

export class StallWatch {
  readonly #clock: Clock;
  readonly #policy: StallPolicy;
  #mark: string | null = null;
  #sinceMono: number;
  #touched = 0;
  #updatedAt: string | null = null;

  /** `askedMono`: when it was asked for; the first word of the platform is no progress, either. */
  constructor(clock: Clock, policy: StallPolicy, askedMono: number | null) {
    this.#clock = clock;
    this.#policy = policy;
    this.#sinceMono = askedMono ?? clock.mono();
  }

  /** @throws HubError SandboxStartStalled, or SandboxStopStalled, once nothing has changed. */
  look(claim: Claim): void {
    const mark = `${claim.platformState} ${claim.reason ?? ""}`;
    if (this.#mark !== null && this.#mark !== mark) {
      this.#sinceMono = this.#clock.mono();
      this.#touched = 0;
    } else if (this.#updatedAt !== null && this.#updatedAt !== claim.updatedAt) this.#touched += 1;
    this.#mark = mark;
    this.#updatedAt = claim.updatedAt;
    const stuckMs = Math.round(this.#clock.mono() - this.#sinceMono);
    const limitMs = claim.building === true ? this.#policy.buildStallMs : this.#policy.stallMs;
    if (stuckMs < limitMs) return;
    const record = this.#touched === 0 ? "" : `; its record was touched ${this.#touched} times`;
    const said = `it is ${claim.platformState} without any progress for ${stuckMs} ms${record}`;
    const isEnding = claim.state === "stopping" || claim.state === "pausing";
    throw new HubError(isEnding ? "SandboxStopStalled" : "SandboxStartStalled", said);
  }
}
