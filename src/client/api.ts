/**
 * The hub's HTTP API as functions: one call, one answer, or one HubError. Runs in Node and in
 * browsers. The event stream is api-events.ts, and what runs in sessions work.ts.
 */
import { abortable, fetchHead, fetchWhole, type WholeAnswer } from "../base/fetch-whole.ts";
import { HubError } from "../base/hub-error.ts";
import type {
  Health,
  HubEvent,
  HubList,
  LadderPlan,
  ListeningPort,
  NewSession,
  PlatformReport,
  LinksRevoked,
  PreviewLink,
  Session,
  SessionPage,
} from "./api-types.ts";
import type { PlatformControl } from "./platform-types.ts";
import { tokenCalls } from "./api-tokens.ts";
import { timelineCalls } from "./api-timeline.ts";
import { openEventStream, type EventStreamOptions } from "./api-events.ts";
import { problemFault } from "./problem.ts";
import type {
  CodeRequest,
  CommandRequest,
  PostLines,
  Lease,
  WorkOptions,
  WorkResult,
} from "./work.ts";

/** Answers come from memory or the store; a hub that needs longer is not well. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A proof and its re-checks; shorter than the wait for the answer. */
const PROBE_WAIT_S = 12;

export interface ApiOptions {
  /** Address of the hub, without a path. */
  readonly url: string;
  readonly token: string | null;
  readonly fetch: typeof fetch;
}

export interface SessionQuery {
  /** Sessions of a page, at most 200. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** Only these states, fault codes or ids. */
  readonly state?: readonly string[];
  readonly code?: readonly string[];
  readonly id?: readonly string[];
  /** Only with all of these labels: `key=value`, or `key` with any value. */
  readonly label?: readonly string[];
  /** Each with the part of its health that a list shows. */
  readonly health?: boolean;
}

export type SessionAction = "pause" | "resume" | "retry";

export type Api = ReturnType<typeof createApi>;

export function createApi(options: ApiOptions) {
  const call = (method: string, path: string, body?: unknown) =>
    askHub(options, { method, path, body });
  return {
    url: options.url,

    /** One page of sessions, oldest first. */
    async sessions(page: SessionQuery = {}): Promise<SessionPage> {
      return (await call("GET", `/v1/sessions${queryOf(page)}`)) as SessionPage;
    },

    async session(idOrName: string): Promise<Session> {
      return (await call("GET", sessionPath(idOrName))) as Session;
    },

    /** Asks for a session; the answer is its first state, not its verdict. */
    async create(wanted: NewSession): Promise<Session> {
      return (await call("POST", "/v1/sessions", wanted)) as Session;
    },

    async act(idOrName: string, action: SessionAction): Promise<Session> {
      return (await call("POST", `${sessionPath(idOrName)}/${action}`)) as Session;
    },

    /** Proves a connected session again; answers once it is proven or has lost its proof. */
    async probe(idOrName: string): Promise<Session> {
      return (await call("POST", `${sessionPath(idOrName)}/probe?wait=${PROBE_WAIT_S}`)) as Session;
    },

    /** Says that a session with a lease is still wanted. */
    async renew(idOrName: string): Promise<Lease> {
      return (await call("POST", `${sessionPath(idOrName)}/lease`)) as Lease;
    },

    /** What a retry would do now; changes nothing. */
    async plan(idOrName: string): Promise<LadderPlan> {
      return (await call("POST", `${sessionPath(idOrName)}/retry?dryRun=true`)) as LadderPlan;
    },

    /** The session as it is while it goes away; null when the hub has nothing more to say. */
    async remove(idOrName: string): Promise<Session | null> {
      return (await call("DELETE", sessionPath(idOrName))) as Session | null;
    },

    /** The ports of a connected session on which somebody listens. */
    async ports(idOrName: string): Promise<readonly ListeningPort[]> {
      const answer = await call("GET", `${sessionPath(idOrName)}/ports`);
      return (answer as { items: ListeningPort[] }).items;
    },

    /** A signed link to what listens on a port of the session. */
    async previewLink(idOrName: string, port: number, forSeconds?: number): Promise<PreviewLink> {
      const body = forSeconds === undefined ? {} : { expiresInSeconds: forSeconds };
      const path = `${sessionPath(idOrName)}/ports/${port}/links`;
      return (await call("POST", path, body)) as PreviewLink;
    },

    /** Takes back all links to a port, or to all ports, that there are; what they opened ends. */
    async revokeLinks(idOrName: string, port?: number): Promise<LinksRevoked> {
      const of = port === undefined ? "links" : `ports/${port}/links`;
      return (await call("DELETE", `${sessionPath(idOrName)}/${of}`)) as LinksRevoked;
    },

    async health(idOrName: string): Promise<Health> {
      return (await call("GET", `${sessionPath(idOrName)}/health`)) as Health;
    },

    ...timelineCalls(call),

    async platform(): Promise<PlatformReport> {
      return (await call("GET", "/v1/platform")) as PlatformReport;
    },

    /** Makes a control sandbox, or joins the one that is under way; `platform` shows its end. */
    async control(): Promise<PlatformControl> {
      return (await call("POST", "/v1/platform/control")) as PlatformControl;
    },

    async ticket(): Promise<{ ticket: string; expiresAt: string }> {
      return (await call("POST", "/v1/tickets")) as { ticket: string; expiresAt: string };
    },

    /** True when the hub says that it serves; anonymous. */
    async ready(): Promise<boolean> {
      const { ok } = await send(options, { method: "GET", path: "/readyz" });
      return ok;
    },

    ...furtherCalls(options, call),

    events(stream: EventStreamOptions): AsyncGenerator<HubEvent, void, undefined> {
      return openEventStream(stream, (path, headers, signal) =>
        openStream(options, path, { headers: { accept: "text/event-stream", ...headers } }, signal),
      );
    },
  };
}

function furtherCalls(options: ApiOptions, call: Parameters<typeof tokenCalls>[0]) {
  const post: PostLines = (path, body, headers, signal) => {
    const all = { accept: "application/x-ndjson", "content-type": "application/json", ...headers };
    const init = { method: "POST", headers: all, body: JSON.stringify(body) };
    return openStream(options, path, init, signal);
  };
  return {
    ...tokenCalls(call),

    async hubs(): Promise<HubList> {
      return (await call("GET", "/v1/hubs")) as HubList;
    },

    /** Asks this hub to give its sessions to the others; `hubs` tells how far it is. */
    async drain(): Promise<HubList> {
      return (await call("POST", "/v1/hubs/drain")) as HubList;
    },

    /** Runs code in a session to its result; a nonzero exit is one. */
    async code(
      idOrName: string,
      request: CodeRequest,
      work: WorkOptions = {},
    ): Promise<WorkResult> {
      // A page that runs none of it does not load it.
      const { runCode } = await import("./work.ts");
      return runCode(post, sessionPath(idOrName), request, work);
    },

    /** Runs a command in a session to its result; a nonzero exit is one. */
    async exec(
      idOrName: string,
      request: CommandRequest,
      work: WorkOptions = {},
    ): Promise<WorkResult> {
      const { runCommand } = await import("./work.ts");
      return runCommand(post, sessionPath(idOrName), request, work);
    },
  };
}

function queryOf(page: SessionQuery): string {
  const given = Object.entries(page).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  return query.size > 0 ? `?${query}` : "";
}

function sessionPath(idOrName: string): string {
  return `/v1/sessions/${encodeURIComponent(idOrName)}`;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

/** One call, for what is not part of every client. @throws HubError */
export async function askHub(options: ApiOptions, call: Call): Promise<unknown> {
  const answer = await send(options, call);
  const text = new TextDecoder().decode(answer.bytes);
  if (!answer.ok) throw problemFault(`${options.url}${call.path}`, answer.status, text);
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notAHub(options.url, "its answer is no JSON", text, cause);
  }
}

async function send(options: ApiOptions, call: Call): Promise<WholeAnswer> {
  const headers: Record<string, string> = { accept: "application/json", ...auth(options.token) };
  if (call.body !== undefined) headers["content-type"] = "application/json";
  const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
  const init = { method: call.method, headers, ...body };
  const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    return await fetchWhole(`${options.url}${call.path}`, init, deadline, options.fetch);
  } catch (cause) {
    throw unreachable(options.url, cause);
  }
}

async function openStream(
  options: ApiOptions,
  path: string,
  init: { readonly headers: Record<string, string>; readonly method?: string; body?: string },
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    const headers = { ...auth(options.token), ...init.headers };
    const all = { ...init, headers };
    response = await fetchHead(`${options.url}${path}`, all, signal, options.fetch);
  } catch (cause) {
    throw unreachable(options.url, cause);
  }
  if (response.body === null) throw notAHub(options.url, "its stream has no body", "", null);
  const body = abortable(response.body, signal);
  if (response.ok) return body;
  throw problemFault(`${options.url}${path}`, response.status, await new Response(body).text());
}

function auth(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** What TLS says of a certificate that no known root stands for. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_|CERT_/;
const CA_HINT =
  "Name the root of its certificate: HOLDFAST_CA=FILE (--ca), or NODE_EXTRA_CA_CERTS.";

function unreachable(url: string, cause: unknown): HubError {
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new HubError("HubUnreachable", `the hub at ${url} did not answer in time`, { cause });
  }
  const why = reason(cause);
  const hint = UNTRUSTED.test(why) ? { hint: CA_HINT } : {};
  return new HubError("HubUnreachable", `no hub answers at ${url}${why}`, { cause, ...hint });
}

/** fetch hides the useful part (ECONNREFUSED, ENOTFOUND) in the cause. */
function reason(error: unknown): string {
  const inner = error instanceof Error ? error.cause : undefined;
  const code = typeof inner === "object" && inner !== null && "code" in inner ? inner.code : null;
  return typeof code === "string" ? ` (${code})` : "";
}

function notAHub(url: string, why: string, raw: string, cause: unknown): HubError {
  const message = `something at ${url} answers, but it is no Holdfast hub: ${why}`;
  return new HubError("HubUnreachable", message, { cause, raw, hint: "Check HOLDFAST_URL." });
}
