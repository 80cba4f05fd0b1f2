/**
 * The platform of a simulated cluster, which fences nobody: whatever a hub asks for arrives after a
 * while, also when the session is another's by then. Nothing may arrive behind an end that a later
 * owner asked for.
 */
import type { Random } from "../../base/random.ts";
import { LEASE_TTL_MS } from "../../hub/cluster/membership.ts";
import type { SimKernel } from "./kernel.ts";

const ENDS_SHARE = 0.3;

export class ClusterPlatform {
  readonly #kernel: SimKernel;
  readonly #random: Random;
  readonly #onWrong: (text: string) => void;
  /** By session: the latest owner that asked for an end of its sandbox. */
  readonly #endedBy = new Map<string, number>();

  constructor(kernel: SimKernel, random: Random, onWrong: (text: string) => void) {
    this.#kernel = kernel;
    this.#random = random;
    this.#onWrong = onWrong;
  }

  /** Whether what is asked next ends something. */
  draw(): boolean {
    return this.#random.next() < ENDS_SHARE;
  }

  /** Owners of a session are numbered as they come. */
  ask(id: string, owner: number, ends: boolean): void {
    if (ends) this.#endedBy.set(id, owner);
    this.#kernel.at(this.#random.next() * LEASE_TTL_MS, () => {
      const by = this.#endedBy.get(id) ?? 0;
      if (owner < by) this.#onWrong(`a call of owner ${owner} of ${id} arrived behind ${by}'s end`);
    });
  }

  /** The store came back with an older state: who owns what begins anew. */
  forget(): void {
    this.#endedBy.clear();
  }
}
