/**
 * The hub's HTTP API as functions: one call, one answer, or one HubError. Runs in Node and in
 * browsers. It owns the door from problem+json to HubError; the event stream is api-events.ts.
 */
import { abortable, fetchHead, fetchWhole, type WholeAnswer } from "../base/fetch-whole.ts";
import { HubError } from "../base/hub-error.ts";
import { isFaultCode, type FaultCode } from "../base/faults.ts";
import type {
  Health,
  HubEvent,
  LadderPlan,
  NewSession,
  PlatformReport,
  PreviewLink,
  Session,
  SessionPage,
} from "./api-types.ts";
import type { PlatformControl } from "./platform-types.ts";
import { openEventStream, type EventStreamOptions } from "./api-events.ts";

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

export type SessionAction = "pause" | "resume" | "retry";

export type Api = ReturnType<typeof createApi>;

export function createApi(options: ApiOptions) {
  const call = (method: string, path: string, body?: unknown) =>
    request(options, { method, path, body });
  return {
    url: options.url,

    /** One page of sessions, newest first. */
    async sessions(page: { limit?: number; cursor?: string } = {}): Promise<SessionPage> {
      const query = new URLSearchParams();
      if (page.limit !== undefined) query.set("limit", String(page.limit));
      if (page.cursor !== undefined) query.set("cursor", page.cursor);
      const answer = await call("GET", `/v1/sessions${query.size > 0 ? `?${query}` : ""}`);
      return answer as SessionPage;
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

    /** What a retry would do now; changes nothing. */
    async plan(idOrName: string): Promise<LadderPlan> {
      return (await call("POST", `${sessionPath(idOrName)}/retry?dryRun=true`)) as LadderPlan;
    },

    /** The session as it is while it goes away; null when the hub has nothing more to say. */
    async remove(idOrName: string): Promise<Session | null> {
      return (await call("DELETE", sessionPath(idOrName))) as Session | null;
    },

    /** A signed link to what listens on a port of the session. */
    async previewLink(idOrName: string, port: number, forSeconds?: number): Promise<PreviewLink> {
      const body = forSeconds === undefined ? {} : { expiresInSeconds: forSeconds };
      const path = `${sessionPath(idOrName)}/ports/${port}/links`;
      return (await call("POST", path, body)) as PreviewLink;
    },

    async health(idOrName: string): Promise<Health> {
      return (await call("GET", `${sessionPath(idOrName)}/health`)) as Health;
    },

    async timeline(idOrName: string): Promise<readonly HubEvent[]> {
      const answer = await call("GET", `${sessionPath(idOrName)}/timeline`);
      return (answer as { items: HubEvent[] }).items;
    },

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

    events(stream: EventStreamOptions): AsyncGenerator<HubEvent, void, undefined> {
      return openEventStream(stream, (path, headers, signal) =>
        openStream(options, path, headers, signal),
      );
    },
  };
}

function sessionPath(idOrName: string): string {
  return `/v1/sessions/${encodeURIComponent(idOrName)}`;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

async function request(options: ApiOptions, call: Call): Promise<unknown> {
  const answer = await send(options, call);
  const text = new TextDecoder().decode(answer.bytes);
  if (!answer.ok) throw problem(`${options.url}${call.path}`, answer.status, text);
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
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let response: Response;
  try {
    const all = { accept: "text/event-stream", ...auth(options.token), ...headers };
    response = await fetchHead(`${options.url}${path}`, { headers: all }, signal, options.fetch);
  } catch (cause) {
    throw unreachable(options.url, cause);
  }
  if (response.body === null) throw notAHub(options.url, "its event stream has no body", "", null);
  const body = abortable(response.body, signal);
  if (response.ok) return body;
  throw problem(`${options.url}${path}`, response.status, await new Response(body).text());
}

function auth(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** What stands in a problem+json body; everything is checked, the sender may be a proxy. */
function problem(url: string, status: number, text: string): HubError {
  const body = parseObject(text);
  const code = body["code"];
  const detail = body["detail"] ?? body["title"];
  const message = typeof detail === "string" ? detail : `${url} answered ${status}`;
  const options = typeof body["hint"] === "string" ? { hint: body["hint"] } : { raw: text };
  if (isFaultCode(code)) return new HubError(code, message, options);
  return new HubError(codeOfStatus(status), message, options);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not JSON: the caller keeps the raw text as evidence.
    return {};
  }
}

/** For answers without a code: proxies, and hubs newer than this client. */
function codeOfStatus(status: number): FaultCode {
  if (status === 401) return "Unauthenticated";
  if (status === 403) return "Forbidden";
  if (status === 404) return "NotFound";
  if (status === 429) return "RateLimited";
  if (status >= 502 && status <= 504) return "HubUnreachable";
  return status >= 500 ? "Internal" : "BadRequest";
}

function unreachable(url: string, cause: unknown): HubError {
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new HubError("HubUnreachable", `the hub at ${url} did not answer in time`, { cause });
  }
  return new HubError("HubUnreachable", `no hub answers at ${url}${reason(cause)}`, { cause });
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
