/**
 * How many may try to log in: each try asks the identity provider, and nobody is known yet. A few
 * at once, and of one address a few a minute.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";

const AT_ONCE_MAX = 32;
const MINUTE_MS = 60_000;
/** An office behind one address logs in on a Monday morning. */
const PER_ADDRESS_MAX = 60;
/** Addresses that are remembered; the oldest minute makes room. */
const ADDRESSES_MAX = 10_000;

export class LoginRate {
  readonly #clock: Clock;
  readonly #tries = new Map<string, number>();
  #minute = -1;
  #atOnce = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what to call at its end. @throws HubError RateLimited, HubBusy */
  enter(address: string): () => void {
    const minute = Math.floor(this.#clock.mono() / MINUTE_MS);
    if (minute !== this.#minute || this.#tries.size >= ADDRESSES_MAX) this.#tries.clear();
    this.#minute = minute;
    const tries = (this.#tries.get(address) ?? 0) + 1;
    this.#tries.set(address, tries);
    if (tries > PER_ADDRESS_MAX) {
      throw new HubError("RateLimited", `more than ${PER_ADDRESS_MAX} logins a minute from there`);
    }
    if (this.#atOnce >= AT_ONCE_MAX) throw new HubError("HubBusy", "too many log in right now");
    this.#atOnce += 1;
    return () => {
      this.#atOnce -= 1;
    };
  }
}
