import type { Clock } from "../../src/base/clock.ts";
import type { Claim, ClaimState, SandboxRequest } from "../../src/providers/provider.ts";
import { answered, FakePlatform, type FakeSandbox } from "./fake-platform.ts";

/** Stops what nobody used for a while, as it was asked to; probes are no use in its eyes. */
export class IdleStoppingPlatform extends FakePlatform {
  stops = 0;
  refusesRefresh = false;
  /** From the last use of each sandbox to its last change, as it tells; null: it does not. */
  saysUnusedMs: number | null = null;
  readonly #autoStopMs: number;
  readonly #usedAt = new Map<string, number>();

  constructor(clock: Clock, autoStopMs: number) {
    super(clock);
    this.#autoStopMs = autoStopMs;
  }
  override make(request: SandboxRequest, state: ClaimState): FakeSandbox {
    const sandbox = super.make(request, state);
    this.#use(sandbox.id);
    return sandbox;
  }
  override claimOf(sandbox: FakeSandbox): Claim {
    const claim = super.claimOf(sandbox);
    if (this.saysUnusedMs === null) return claim;
    // Its clock is its own.
    const [lastActivityAt, updatedAt] = [0, this.saysUnusedMs].map((ms) =>
      new Date(ms).toISOString(),
    );
    return { ...claim, lastActivityAt: lastActivityAt ?? "", updatedAt: updatedAt ?? null };
  }
  override start(sandboxId: string): Promise<Claim> {
    this.#use(sandboxId);
    return super.start(sandboxId);
  }
  override async refreshActivity(sandboxId: string): Promise<void> {
    if (this.refusesRefresh) throw answered("refresh activity", 500, "");
    await super.refreshActivity(sandboxId);
    this.#use(sandboxId);
  }
  /** What happens to the processes inside when it stops. */
  onStop: (sandbox: FakeSandbox) => void = () => undefined;
  #use(sandboxId: string): void {
    const at = this.clock.mono();
    this.#usedAt.set(sandboxId, at);
    this.clock.setTimeout(() => {
      const sandbox = this.sandboxes.get(sandboxId);
      if (sandbox?.state !== "started" || this.#usedAt.get(sandboxId) !== at) return;
      sandbox.state = "stopped";
      this.stops += 1;
      this.onStop(sandbox);
    }, this.#autoStopMs);
  }
}
