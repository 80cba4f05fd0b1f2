/**
 * Who may talk to the hub: Host, Origin and token, for HTTP and for every WebSocket alike. Pure
 * but for the ticket book. Cookies are never used, so a foreign page has nothing to borrow.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";

/** Long enough to open a WebSocket after asking, too short to be found in a log. */
const TICKET_MS = 30_000;
/** Tickets that wait at the same time; more means that someone only asks. */
const TICKETS_MAX = 10_000;

const DRIVER_TOKEN_PREFIX = "hfd_";

export interface AccessOptions {
  readonly adminToken: string;
  /** May read /metrics and nothing else; null when there is none. */
  readonly metricsToken: string | null;
  /** Keyed hash of session ids: a driver's token needs no row in the store. */
  readonly driverSecret: Uint8Array;
  /** Names, without port, under which the hub may be addressed. */
  readonly hostNames: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #hostNames: ReadonlySet<string>;
  readonly #tickets = new Map<string, number>();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#hostNames = new Set([
      "localhost",
      ...options.hostNames.map((name) => name.toLowerCase()),
    ]);
  }

  /**
   * A literal address cannot be rebound to another machine; a name can, so it must be ours.
   * @throws HubError HostNotAllowed
   */
  checkHost(host: string | undefined): void {
    const name = hostName(host);
    if (name !== null && (isIP(name) !== 0 || this.#hostNames.has(name))) return;
    throw new HubError("HostNotAllowed", `this hub does not answer to the host ${quoted(host)}`);
  }

  /**
   * Programs send no Origin; a browser does, and then it must be a page of this very host.
   * @throws HubError OriginNotAllowed
   */
  checkOrigin(origin: string | undefined, host: string | undefined): void {
    if (origin === undefined) return;
    const from = URL.canParse(origin) ? new URL(origin).host.toLowerCase() : null;
    if (from !== null && from === host?.toLowerCase()) return;
    throw new HubError("OriginNotAllowed", `a page of ${quoted(origin)} may not use this hub`);
  }

  /** @throws HubError Unauthenticated */
  checkAdmin(authorization: string | undefined): void {
    const token = bearer(authorization);
    if (token === null) throw new HubError("Unauthenticated", "the request carries no token");
    if (!same(token, this.#options.adminToken)) {
      throw new HubError("Unauthenticated", "the token is not this hub's");
    }
  }

  /** For doors at which the header may also be an app's own. */
  isAdmin(authorization: string | undefined): boolean {
    const token = bearer(authorization);
    return token !== null && same(token, this.#options.adminToken);
  }

  /** The admin may see the numbers, and so may a collector with its own token. */
  checkMetrics(authorization: string | undefined): void {
    const { metricsToken } = this.#options;
    const token = bearer(authorization);
    if (token !== null && metricsToken !== null && same(token, metricsToken)) return;
    this.checkAdmin(authorization);
  }

  driverToken(sessionId: string, sandboxName: string): string {
    const owner = `${sessionId}.${sandboxName}`;
    return `${DRIVER_TOKEN_PREFIX}${owner}.${this.#mac(owner)}`;
  }

  /** Session and sandbox that a driver's token speaks for. @throws HubError Unauthenticated */
  driverOwner(authorization: string | undefined): { sessionId: string; sandboxName: string } {
    const token = bearer(authorization);
    const [sessionId = "", sandboxName = "", mac = ""] = token?.startsWith(DRIVER_TOKEN_PREFIX)
      ? token.slice(DRIVER_TOKEN_PREFIX.length).split(".")
      : [];
    if (!same(mac, this.#mac(`${sessionId}.${sandboxName}`))) {
      throw new HubError("Unauthenticated", "this is no driver's token of this hub");
    }
    return { sessionId, sandboxName };
  }

  /** One use, soon: for browsers, which cannot set headers on a WebSocket. */
  issueTicket(): { readonly ticket: string; readonly expiresAt: number } {
    const { clock, random } = this.#options;
    const now = clock.now();
    for (const [ticket, expiresAt] of this.#tickets) {
      if (expiresAt <= now) this.#tickets.delete(ticket);
    }
    if (this.#tickets.size >= TICKETS_MAX) {
      throw new HubError("RateLimited", "too many tickets wait to be used");
    }
    const ticket = newId("tkt", random) + newId("tkt", random).slice(4);
    const expiresAt = now + TICKET_MS;
    this.#tickets.set(ticket, expiresAt);
    return { ticket, expiresAt };
  }

  /** @throws HubError Unauthenticated, also on the second use. */
  redeemTicket(ticket: string): void {
    const expiresAt = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (expiresAt === undefined || expiresAt <= this.#options.clock.now()) {
      throw new HubError("Unauthenticated", "the ticket is used, expired or not this hub's");
    }
  }

  #mac(owner: string): string {
    return createHmac("sha256", this.#options.driverSecret)
      .update(`driver:${owner}`)
      .digest("base64url");
  }
}

function bearer(authorization: string | undefined): string | null {
  const match = /^Bearer +(\S+)$/i.exec(authorization ?? "");
  return match?.[1] ?? null;
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function hostName(host: string | undefined): string | null {
  if (host === undefined || !URL.canParse(`http://${host}`)) return null;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

function quoted(text: string | undefined): string {
  return text === undefined ? "(none)" : JSON.stringify(text.slice(0, 120));
}
