/**
 * How many sessions one caller may start within an hour, and how many a tenant may have: each costs
 * a sandbox. Counted by person, so that ten logins of one are one, and in the memory of this hub;
 * what a tenant has at all hubs is counted by the store that they share.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { tenantIsFull } from "../../store/refusal.ts";
import { ADMIN, type Principal } from "./principal.ts";

const HOUR_MS = 3_600_000;

export class CreateQuota {
  readonly #perHour: number | null;
  readonly #perTenant: number | null;
  readonly #clock: Clock;
  /** By person: when each was started, oldest first. */
  readonly #started = new Map<string, number[]>();

  /** Null: as many as the platform gives. */
  constructor(perHour: number | null, clock: Clock, perTenant: number | null = null) {
    this.#perHour = perHour;
    this.#perTenant = perTenant;
    this.#clock = clock;
  }

  /**
   * Takes one. Returns how it is given back when nothing was started after all, or the seconds
   * until there is room. The hub's own token is shared by all who run it.
   */
  take({ id, person = id }: Principal): (() => void) | { readonly waitSeconds: number } {
    if (this.#perHour === null || id === ADMIN.id) return () => undefined;
    const now = this.#clock.mono();
    this.#forget(now);
    const own = this.#started.get(person) ?? [];
    const [oldest = now] = own;
    if (own.length >= this.#perHour) {
      return { waitSeconds: Math.ceil((oldest + HOUR_MS - now) / 1_000) };
    }
    own.push(now);
    this.#started.set(person, own);
    return () => {
      const at = own.lastIndexOf(now);
      if (at >= 0) own.splice(at, 1);
    };
  }

  /** Of a tenant that has so many here. @throws HubError RateLimited */
  demandRoom({ tenant }: Principal, has: number): void {
    if (tenant === null || this.#perTenant === null || has < this.#perTenant) return;
    throw tenantIsFull(tenant, has);
  }

  /** What a caller without room is told. */
  full(waitSeconds: number): HubError {
    const said = `${this.#perHour ?? 0} sessions were started within the hour`;
    const hint = `There is room again in ${waitSeconds} s; HOLDFAST_CREATES_PER_HOUR is the limit.`;
    return new HubError("RateLimited", said, { hint });
  }

  #forget(now: number): void {
    for (const [person, times] of this.#started) {
      while ((times[0] ?? now) <= now - HOUR_MS) times.shift();
      if (times.length === 0) this.#started.delete(person);
    }
  }
}
