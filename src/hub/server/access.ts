/**
 * Who talks to the hub: Host, Origin and token, for HTTP and for every WebSocket alike. Cookies
 * are never used, so a foreign page has nothing to borrow. What one may then do is ../auth.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type { AuditLog } from "../auth/audit-log.ts";
import { Acquainted } from "../auth/acquainted.ts";
import { Admitted } from "../auth/admitted.ts";
import { CreateQuota } from "../auth/create-quota.ts";
import type { Oidc } from "../auth/oidc/oidc.ts";
import { ADMIN, COLLECTOR, type Principal } from "../auth/principal.ts";
import { Traffic } from "../auth/traffic.ts";
import { TicketBook, type TicketPurpose } from "../auth/ticket-book.ts";
import { TokenBook } from "../auth/token-book.ts";
import type { ApiToken } from "../auth/api-token.ts";
import type { Shelf } from "../shelf.ts";
import { Callers, type Asked } from "./callers.ts";
import { Strangers } from "./strangers.ts";

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

const CLIENT: TicketPurpose = { route: "WS /v1/client", session: null };

/** What another hub says of a request that it passes on; only a hub of the cluster is believed. */
export interface PeerTrust {
  isPeer(request: IncomingMessage): boolean;
  principalOf(request: Pick<IncomingMessage, "headers" | "socket">): Principal | null;
}

export interface AccessOptions {
  readonly adminToken: string;
  /** May read /metrics and nothing else; null when there is none. */
  readonly metricsToken: string | null;
  /** Keyed hash of session ids: a driver's token needs no row in the store. */
  readonly driverSecret: Uint8Array;
  /** Names, without port, under which the hub may be addressed. */
  readonly hostNames: readonly string[];
  /** People of an identity provider; null where there is none. */
  readonly oidc: Oidc | null;
  /** Whom other hubs of the cluster have let in already. */
  readonly peers?: PeerTrust;
  /** Whose word on where a request came from is believed; nobody's when it is left out. */
  readonly trustedProxies?: readonly string[];
  /** Sessions that one caller may start; as many as the platform gives when it is left out. */
  readonly createsPerHour?: number | null;
  /** Sessions that a tenant may have at a time; as many as the platform gives when left out. */
  readonly tenantSessions?: number | null;
  /** Where API tokens are kept. */
  readonly shelf: Shelf<ApiToken>;
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
  readonly #acquainted = new Acquainted();
  readonly tokens: TokenBook;
  readonly admitted: Admitted;
  readonly audit: AuditLog;
  readonly oidc: Oidc | null;
  readonly callers: Callers;
  readonly creates: CreateQuota;
  readonly calls = new Traffic(CALLS);
  readonly links = new Traffic(LINKS);
  readonly strangers = new Strangers();

  /** @throws HubError StoreCorrupt when the tokens cannot be read */
  constructor(options: AccessOptions) {
    this.#options = options;
    this.#adminDigest = digestOf(options.adminToken);
    this.#metricsDigest = options.metricsToken === null ? null : digestOf(options.metricsToken);
    const { shelf, audit, clock, random } = options;
    this.audit = audit;
    this.oidc = options.oidc;
    this.callers = new Callers(options.trustedProxies);
    const { createsPerHour = null, tenantSessions = null } = options;
    this.creates = new CreateQuota(createsPerHour, clock, tenantSessions);
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

  /** Who asks: as the request says, or as the hub said that has let it in. @throws HubError */
  caller(request: Pick<IncomingMessage, "headers" | "socket">): Principal {
    const told = this.#options.peers?.principalOf(request) ?? null;
    if (told !== null) return told;
    const { headers, socket } = request;
    const words = headers.authorization ?? "";
    const known = this.#acquainted.find(socket, words);
    if (known !== null && this.tokens.knowsStill(known)) return known;
    const principal = this.identify(words);
    this.#acquainted.keep(socket, words, principal);
    return principal;
  }

  /** The hub that let it in has looked at the host, which may be a name of its own. */
  isPeer(request: IncomingMessage): boolean {
    return this.#options.peers?.isPeer(request) === true;
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

  /**
   * Before anybody is asked who they are: a token of the identity provider may have to be looked
   * at, which takes its time. Null where it has not, so that all others lose no turn.
   * @throws HubError LoginRefused, Forbidden, IssuerUnavailable
   */
  learn(request: Asked): Promise<void> | null {
    const learning = this.oidc?.learn(request.headers.authorization) ?? null;
    if (learning === null) return null;
    return learning.then((person) => {
      if (person === null) return;
      const { subject, role, tenant } = person;
      const detail = { subject, role, tenant };
      const [what, from] = ["oidc.bearer", this.callers.addressOf(request)];
      this.audit.note({ who: person.id, from, what, target: null, outcome: "seen", detail });
    });
  }

  /** @throws HubError Unauthenticated */
  identify(authorization: string | undefined): Principal {
    const token = bearer(authorization);
    if (token === null) throw new HubError("Unauthenticated", "the request carries no token");
    const told = digestOf(token);
    if (timingSafeEqual(told, this.#adminDigest)) return ADMIN;
    const metrics = this.#metricsDigest;
    if (metrics !== null && timingSafeEqual(told, metrics)) return COLLECTOR;
    const known = this.tokens.check(token, told) ?? this.oidc?.known(token) ?? null;
    if (known !== null && this.tokens.knowsStill(known)) return known;
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

  /** @throws HubError RateLimited */
  issueTicket(
    principal: Principal,
    purpose: TicketPurpose = CLIENT,
  ): { readonly ticket: string; readonly expiresAt: number } {
    return this.#tickets.issue(principal, purpose);
  }

  /** @throws HubError Unauthenticated, also when the token that asked for it is over. */
  redeemTicket(ticket: string, route: string = CLIENT.route): Principal {
    const principal = this.#tickets.redeem(ticket, route);
    if (this.tokens.stands(principal)) return principal;
    throw new HubError("Unauthenticated", "the ticket is used, expired or not this hub's");
  }

  /** Monotonic ms, for what is counted by the second. */
  mono(): number {
    return this.#options.clock.mono();
  }

  /** The tokens are closed before: where they are kept may be gone by now. */
  close(): void {
    this.admitted.close();
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
