/**
 * The hub's other origin: what is asked of a preview's host comes here and never to the API, and
 * the other way round. From a host to a session, from a visitor to a right, from a fault to a page.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Principal } from "../auth/principal.ts";
import type { InnerClient } from "../inner-client.ts";
import type { Access } from "../server/access.ts";
import { PROBLEM_TYPE, writeProblem } from "../server/problem.ts";
import { starting } from "../server/starting.ts";
import { whyNotRoutable } from "../session/not-routable.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../sessions.ts";
import { listeningPorts } from "./listening-ports.ts";
import { PreviewAccess, type Admission } from "./preview-access.ts";
import { checkRequest, type Visit } from "./preview-headers.ts";
import { isPreviewHost, targetOf, type PreviewPlace } from "./preview-host.ts";
import { PAGE_POLICY, reasonPage, WAKE_PARAMETER } from "./preview-page.ts";
import type { Pass, PreviewPasses } from "./preview-pass.ts";
import { reasonOf, reasonOfState, type Reason } from "./preview-reason.ts";
import type { Revocations } from "./revocations.ts";
import { hasBody, relay, relayUpgrade, type Passage } from "./preview-relay.ts";
import { PreviewWay } from "./preview-way.ts";

export interface PreviewDoorOptions {
  readonly place: Pick<PreviewPlace, "domain" | "scheme">;
  readonly access: Access;
  readonly passes: PreviewPasses;
  readonly revocations: Revocations;
  readonly sessions: Pick<Sessions, "find" | "known">;
  readonly client: Pick<InnerClient, "attach">;
  readonly clock: Clock;
  readonly isReady: () => boolean;
  readonly log: Logger;
  /** Marks what passed through this hub; in `Via`. */
  readonly via: string;
}

/** Of a pass only the id of its maker is known, and only that is asked for. */
const MAKER = { role: "viewer", tenant: null, sessions: null, expiresAt: null } as const;

/** A visitor who may, and where to. */
interface Visited {
  readonly session: Session;
  readonly port: number;
  readonly url: string;
  readonly visit: Visit;
}

export class PreviewDoor {
  readonly #options: PreviewDoorOptions;
  readonly #access: PreviewAccess;
  readonly #ways = new Map<string, PreviewWay>();

  constructor(options: PreviewDoorOptions) {
    this.#options = options;
    const { access, passes, place, clock, sessions } = options;
    this.#access = new PreviewAccess({
      access,
      passes,
      domain: place.domain,
      isSecure: place.scheme === "https",
      now: () => clock.now(),
      lookup: (session, tenant) => sessions.known(session, tenant)?.record,
    });
  }

  isFor(request: IncomingMessage): boolean {
    return isPreviewHost(request.headers.host, this.#options.place.domain);
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let visited: Visited | null = null;
    try {
      const admission = this.#admit(request, false);
      if (admission.kind === "redirect") {
        redirect(response, admission.location, { "set-cookie": admission.cookie });
        return;
      }
      visited = this.#visit(request, admission);
      this.#hold(admission.by, response, request.socket);
      if (this.#wakes(request, response, visited)) return;
      await this.#pass(visited, (passage) => relay(request, response, passage));
    } catch (error) {
      this.#answer(request, response, error, visited);
    }
  }

  /** The same below a path of the API, for who was let in there. Answers, whatever comes of it. */
  async serveBelow(
    request: IncomingMessage,
    response: ServerResponse,
    below: Pick<Visited, "session" | "port"> & { readonly prefix: string },
  ): Promise<void> {
    const { access, via, place } = this.#options;
    const { session, port, prefix } = below;
    const rest = (request.url ?? "/").slice(prefix.length);
    const url = rest.startsWith("/") ? rest : `/${rest}`;
    const remote = access.callers.addressOf(request);
    const who = { remote, scheme: place.scheme, via, prefix };
    const visit = { ...who, takesAuthorization: true, isUpgrade: false };
    const visited = { session, port, url, visit };
    try {
      checkRequest(request.rawHeaders, url, via);
      await this.#pass(visited, (passage) => relay(request, response, passage));
    } catch (error) {
      this.#answer(request, response, error, visited);
    }
  }

  /** The ports on which somebody listens. @throws HubError */
  async ports(session: Session): Promise<number[]> {
    if (session.route === null) throw whyNotRoutable(session.record);
    return listeningPorts(await this.#wayTo(session.record.id).channel());
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    let visited: Visited | null = null;
    try {
      if (request.headers.upgrade?.toLowerCase() !== "websocket") {
        throw new HubError("BadRequest", "a preview can be upgraded to a WebSocket only");
      }
      const admission = this.#admit(request, true);
      assert(admission.kind === "admitted", "only a page is sent elsewhere");
      const visit = (visited = this.#visit(request, admission, true));
      this.#hold(admission.by, socket, request.socket);
      await this.#pass(visit, (passage) => relayUpgrade(request, socket, head, passage));
    } catch (error) {
      writeProblem(socket, this.#reason(error, visited).problem);
    }
  }

  close(): void {
    for (const way of this.#ways.values()) way.close();
    this.#ways.clear();
  }

  #admit(request: IncomingMessage, isUpgrade: boolean): Admission {
    const { place, via, isReady } = this.#options;
    const { headers, method = "GET", url = "/", rawHeaders } = request;
    checkRequest(rawHeaders, url, via);
    const target = targetOf(headers.host, place.domain);
    if (!isReady()) throw starting();
    return this.#access.admit(target, { headers, method, url, isUpgrade });
  }

  /** @throws HubError SessionNotFound */
  #visit(
    { headers, socket }: IncomingMessage,
    { url, takesAuthorization }: Admission & { readonly kind: "admitted" },
    isUpgrade = false,
  ): Visited {
    const { place, via, sessions } = this.#options;
    const { port, session } = targetOf(headers.host, place.domain);
    const remote = socket.remoteAddress ?? "unknown";
    const visit = { remote, scheme: place.scheme, via, takesAuthorization, isUpgrade, prefix: "" };
    return { session: sessions.find(session), port, url, visit };
  }

  /** What a link or a token opened ends when it is taken back, or when who made it is. */
  #hold(by: Pass | Principal, opened: ServerResponse | Duplex, line: Socket): void {
    const { access, revocations } = this.#options;
    const end = (): void => void opened.destroy();
    const isPass = "sessionId" in by;
    const person = isPass ? { ...MAKER, id: by.by } : by;
    const forget = [
      access.admitted.hold(person, end),
      access.strangers.hold(line),
      isPass ? revocations.hold(by, end) : (): void => undefined,
    ];
    opened.once("close", () => {
      for (const one of forget) one();
    });
  }

  /** The one thing that wakes a session: somebody pressed the button. */
  #wakes(request: IncomingMessage, response: ServerResponse, visited: Visited): boolean {
    const [path = "/", query = ""] = visited.url.split("?");
    const parts = query.split("&");
    if (request.method !== "POST" || !parts.includes(WAKE_PARAMETER)) return false;
    const { session } = visited;
    if (session.record.detail === "suspended.paused") {
      session.operate("operator.resumed", "because a visitor of its preview asked for it");
    }
    const rest = parts.filter((part) => part !== WAKE_PARAMETER).join("&");
    redirect(response, path.replace(/^[/\\]+/, "/") + (rest === "" ? "" : `?${rest}`));
    return true;
  }

  async #pass(
    { session, port, url, visit }: Visited,
    work: (passage: Passage) => Promise<void>,
  ): Promise<void> {
    if (session.route === null) throw whyNotRoutable(session.record);
    const way = this.#wayTo(session.record.id);
    const lost = new AbortController();
    const stop = await way.onLost(() => lost.abort(whyNotRoutable(session.record)));
    try {
      await work({ way, clock: this.#options.clock, port, url, visit, lost: lost.signal });
    } finally {
      stop();
    }
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    visited: Visited | null,
  ): void {
    const reason = this.#reason(error, visited);
    if (response.headersSent) response.destroy();
    else answer(request, response, reason, visited?.url ?? "/");
  }

  /** A session that is not there explains more than the connection that broke with it. */
  #reason(error: unknown, visited: Visited | null): Reason {
    const gone = visited !== null && visited.session.route === null;
    const reason = gone ? reasonOfState(visited.session.record) : reasonOf(error);
    // What is wrong with us is not told to a visitor.
    if (reason.problem.code === "Internal") {
      this.#options.log.error({ err: error }, "a preview failed");
    }
    return reason;
  }

  #wayTo(sessionId: string): PreviewWay {
    let way = this.#ways.get(sessionId);
    if (way !== undefined) return way;
    const { client, clock } = this.#options;
    const onIdle = (): void => {
      this.#ways.get(sessionId)?.close();
      this.#ways.delete(sessionId);
    };
    way = new PreviewWay({ sessionId, client, clock, onIdle });
    this.#ways.set(sessionId, way);
    return way;
  }
}

function redirect(
  response: ServerResponse,
  location: string,
  more: OutgoingHttpHeaders = {},
): void {
  const headers = { location, "cache-control": "no-store", "referrer-policy": "no-referrer" };
  response.writeHead(303, { ...headers, ...more }).end();
}

/** A page for people, problem+json for programs. */
function answer(
  request: IncomingMessage,
  response: ServerResponse,
  reason: Reason,
  url: string,
): void {
  const isPage = (request.headers.accept ?? "").includes("text/html");
  const wakeUrl = `${url}${url.includes("?") ? "&" : "?"}${WAKE_PARAMETER}`;
  const body = isPage ? reasonPage(reason, wakeUrl) : JSON.stringify(reason.problem);
  response.writeHead(reason.problem.status, {
    "content-type": isPage ? "text/html; charset=utf-8" : PROBLEM_TYPE,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    // Without a referrer the button's POST would come from nowhere.
    "referrer-policy": "same-origin",
    vary: "accept",
    ...(isPage ? { "content-security-policy": PAGE_POLICY } : {}),
    ...(reason.againSeconds === null ? {} : { "retry-after": String(reason.againSeconds) }),
    // What is left of a body that nobody wants is not read to its end.
    ...(hasBody(request) ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
