/**
 * Who talks to the hub: Host, Origin and token, for HTTP and for every WebSocket alike. Cookies
 * are never used, so a foreign page has nothing to borrow. What one may then do is ../auth.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type { AuditLog } from "../auth/audit-log.ts";
import { Admitted } from "../auth/admitted.ts";
import { ADMIN, COLLECTOR, type Principal } from "../auth/principal.ts";
import { Traffic } from "../auth/traffic.ts";
import { TicketBook } from "../auth/ticket-book.ts";
import { TokenBook, type TokenShelf } from "../auth/token-book.ts";

const ONCE = new Set(["host", "origin", "authorization", "content-length", "content-type"]);
const CREDENTIALS = new Set([
  ...["token", "access_token", "api_key", "apikey", "key", "ticket", "authorization", "auth"],
  ...["password", "secret", "jwt", "bearer"],
]);
/** Calls that wait or stream are under way, too: every tab and every follower is one. */
const CALLS = { what: "calls under way", all: 4_000, each: 500 };
/** Room for every session and its people; more is refused instead of taken and starved. */
const LINKS = { what: "links", all: 15_000, each: 500 };

const DRIVER_TOKEN_PREFIX = "hfd_";

export interface AccessOptions {
  readonly adminToken: string;
  /** May read /metrics and nothing else; null when there is none. */
  readonly metricsToken: string | null;
  /** Keyed hash of session ids: a driver's token needs no row in the store. */
  readonly driverSecret: Uint8Array;
  /** Names, without port, under which the hub may be addressed. */
  readonly hostNames: readonly string[];
  /** Where API tokens are kept. */
  readonly shelf: TokenShelf;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly random: Random;
}

export class Access {
  readonly #options: AccessOptions;
  readonly #hostNames: ReadonlySet<string>;
  /** The last Host that was right. */
  #goodHost: string | null = null;
  /** Of what is compared with each call, which then costs one digest. */
  readonly #adminDigest: Buffer;
  readonly #metricsDigest: Buffer | null;
  readonly #tickets: TicketBook;
  readonly tokens: TokenBook;
  readonly admitted: Admitted;
  readonly audit: AuditLog;
  readonly calls = new Traffic(CALLS);
  readonly links = new Traffic(LINKS);

  /** @throws HubError StoreCorrupt when the tokens cannot be read */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.#adminDigest = digestOf(options.adminToken);
    this.#metricsDigest = options.metricsToken === null ? null : digestOf(options.metricsToken);
    const { shelf, audit, clock, random } = options;
    this.audit = audit;
    this.#tickets = new TicketBook(clock, random);
    this.admitted = new Admitted(clock);
    const onRevoked = (id: string): void => this.admitted.end(id);
    this.tokens = new TokenBook({ shelf, clock, random, onRevoked });
    this.#hostNames = new Set([
      "localhost",
      ...options.hostNames.map((name) => name.toLowerCase()),
    ]);
  }

  /**
   * What two readers could read in two ways is refused, and so is a credential in a URL: it would
   * be in the logs of every proxy, and in the history of every browser.
   * @throws HubError BadRequest
   */
  checkHead(rawHeaders: readonly string[], url: string): void {
    const seen = new Set<string>();
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]?.toLowerCase() ?? "";
      if (ONCE.has(name) && seen.has(name)) throw new HubError("BadRequest", `${name} came twice`);
      seen.add(name);
    }
    const query = url.indexOf("?");
    if (query < 0) return;
    for (const key of new URLSearchParams(url.slice(query)).keys()) {
      if (!CREDENTIALS.has(key.toLowerCase())) continue;
      const hint = "Send `authorization: Bearer …`, or a ticket as subprotocol.";
      throw new HubError("BadRequest", `no ${key} belongs in a URL`, { hint });
    }
  }

  /**
   * A literal address cannot be rebound to another machine; a name can, so it must be ours.
   * @throws HubError HostNotAllowed
   */
  checkHost(host: string | undefined): void {
    // Nearly all say the same, and to parse it costs more than all else that is checked.
    if (host !== undefined && host === this.#goodHost) return;
    const name = hostName(host);
    if (name !== null && (isIP(name) !== 0 || this.#hostNames.has(name))) {
      this.#goodHost = host ?? null;
      return;
    }
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
  identify(authorization: string | undefined): Principal {
    const token = bearer(authorization);
    if (token === null) throw new HubError("Unauthenticated", "the request carries no token");
    const told = digestOf(token);
    if (timingSafeEqual(told, this.#adminDigest)) return ADMIN;
    const metrics = this.#metricsDigest;
    if (metrics !== null && timingSafeEqual(told, metrics)) return COLLECTOR;
    const known = this.tokens.check(token);
    if (known !== null) return known;
    throw new HubError("Unauthenticated", "the token is not this hub's, is over or was revoked");
  }

  /** Null where the header is not the hub's: it may be an app's own. */
  recognise(authorization: string | undefined): Principal | null {
    try {
      return this.identify(authorization);
    } catch {
      // Nobody that the hub knows, which is the answer.
      return null;
    }
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

  issueTicket(principal: Principal): { readonly ticket: string; readonly expiresAt: number } {
    return this.#tickets.issue(principal);
  }

  /** @throws HubError Unauthenticated, also when the token that asked for it is over. */
  redeemTicket(ticket: string): Principal {
    const principal = this.#tickets.redeem(ticket);
    if (this.tokens.stands(principal)) return principal;
    throw new HubError("Unauthenticated", "the ticket is used, expired or not this hub's");
  }

  /** Monotonic ms, for what is counted by the second. */
  mono(): number {
    return this.#options.clock.mono();
  }

  /** Writes down what was only remembered. */
  close(): void {
    this.tokens.close();
    this.audit.close();
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
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

function hostName(host: string | undefined): string | null {
  if (host === undefined || !URL.canParse(`http://${host}`)) return null;
  return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

function quoted(text: string | undefined): string {
  return text === undefined ? "(none)" : JSON.stringify(text.slice(0, 120));
}
