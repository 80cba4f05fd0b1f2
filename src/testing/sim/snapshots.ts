/**
 * The one snapshot of a simulated platform: active, or lying about it, with an activation that
 * works after a while, is refused, or never ends.
 */
import { HubError } from "../../base/hub-error.ts";
import type { SnapshotClaim } from "../../providers/provider.ts";
import type { SimKernel } from "./kernel.ts";

export const SIM_SNAPSHOT = "tools-v3";
export const SIM_FALLBACK = "debian:12";

/** Why it cannot be used at the moment, and what an activation does then. */
export type SnapshotTrouble = "sleeps" | "refuses" | "never wakes" | "missing";

const ACTIVATION_MS = 2_500;

export class SimSnapshots {
  readonly #kernel: SimKernel;
  #trouble: SnapshotTrouble | null = null;
  #activating = false;

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
  }

  set(trouble: SnapshotTrouble | null): void {
    this.#trouble = trouble;
    this.#activating = false;
  }

  /** @throws HubError when a sandbox cannot be made from it now. */
  use(): void {
    if (this.#trouble === null) return;
    if (this.#trouble === "missing") {
      throw new HubError("SnapshotMissing", `Snapshot ${SIM_SNAPSHOT} not found`);
    }
    throw new HubError("SnapshotInactive", `Snapshot ${SIM_SNAPSHOT} is inactive`);
  }

  claim(at: number): SnapshotClaim | null {
    if (this.#trouble === "missing") return null;
    const state = this.#trouble === null ? "active" : this.#activating ? "activating" : "inactive";
    return { name: SIM_SNAPSHOT, state, platformState: state, reason: null, at };
  }

  activate(): void {
    if (this.#trouble === "refuses") {
      throw new HubError("SnapshotInactive", "Snapshot cannot be activated for 10 minutes");
    }
    const trouble = this.#trouble;
    if (trouble === null || trouble === "missing" || this.#activating) return;
    this.#activating = true;
    if (trouble === "never wakes") return;
    this.#kernel.at(ACTIVATION_MS, () => {
      if (this.#activating && this.#trouble === trouble) this.set(null);
    });
  }
}
