/**
 * Tickets for browsers, which cannot set headers on a WebSocket: one use, soon, at the one door
 * that they were asked for. In memory only.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import type { Principal } from "./principal.ts";

/** Long enough to open a WebSocket after asking, too short to be found in a log. */
const TICKET_MS = 30_000;
/** Tickets that wait at the same time; more means that someone only asks. */
const TICKETS_MAX = 10_000;
/** Of these, for one principal: a browser that reconnects all its tabs needs a handful. */
const TICKETS_EACH_MAX = 1_000;

/** Where a ticket opens a WebSocket: a route, and where it was named, one session alone. */
export interface TicketPurpose {
  readonly route: `WS ${string}`;
  /** Its id. */
  readonly session: string | null;
}

interface Waiting {
  readonly principal: Principal;
  readonly route: string;
  readonly expiresAt: number;
}

export class TicketBook {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws HubError RateLimited */
  issue(
    principal: Principal,
    { route, session }: TicketPurpose,
  ): { readonly ticket: string; readonly expiresAt: number } {
    const now = this.#clock.now();
    let own = 0;
    for (const [ticket, waiting] of this.#waiting) {
      if (waiting.expiresAt <= now) this.#waiting.delete(ticket);
      else if (waiting.principal.id === principal.id) own += 1;
    }
    if (this.#waiting.size >= TICKETS_MAX || own >= TICKETS_EACH_MAX) {
      throw new HubError("RateLimited", "too many tickets wait to be used");
    }
    const ticket = newId("tkt", this.#random) + newId("tkt", this.#random).slice(4);
    const expiresAt = now + TICKET_MS;
    // Whoever comes by it sees that session and no other.
    const narrowed = session === null ? principal : { ...principal, sessions: [session] };
    this.#waiting.set(ticket, { principal: narrowed, route, expiresAt });
    return { ticket, expiresAt };
  }

  /**
   * Whoever asked for it. At another door it is used up, too.
   * @throws HubError Unauthenticated, also on the second use.
   */
  redeem(ticket: string, route: string): Principal {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    const isRight = waiting?.route === route && waiting.expiresAt > this.#clock.now();
    if (waiting === undefined || !isRight) {
      throw new HubError("Unauthenticated", "the ticket is used, expired or not this hub's");
    }
    return waiting.principal;
  }
}
