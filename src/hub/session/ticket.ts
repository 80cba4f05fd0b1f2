/**
 * The single-use ticket of one session: the hub writes it into the sandbox with a launch or a
 * nudge, and the driver that brings it back is the one that was wanted. In memory on purpose: it
 * only hastens a decision, and a hub that restarted decides without it.
 */
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";

export class DriverTicket {
  readonly #random: Random;
  #ticket: string | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A new one; the one before it is worth nothing any more. */
  issue(): string {
    this.#ticket = newId("tkt", this.#random);
    return this.#ticket;
  }

  /** True once, for the newest ticket. */
  redeem(ticket: string | undefined): boolean {
    if (ticket === undefined || ticket !== this.#ticket) return false;
    this.#ticket = null;
    return true;
  }
}
