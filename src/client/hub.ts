/**
 * A hub for a program: sessions over HTTP, and what runs in them over one WebSocket that is dialled
 * when it is first needed and outlives its sockets. Runs wherever fetch and WebSocket are global:
 * Node from 22, Bun, Deno, browsers.
 */
import { isFaultCode } from "../base/faults.ts";
import { HubError } from "../base/hub-error.ts";
import { createApi, type Api } from "./api.ts";
import type { HubEvent, NewSession, Session } from "./api-types.ts";
import { dialBrowser, wakeWithPage } from "./browser.ts";
import { connectHub, type HubConnection } from "./hub-connection.ts";
import type { AttachOptions, SessionChannel } from "./session-channel.ts";
import { lastEventSeq, untilVerdict } from "./verdict.ts";
import type { CodeRequest, WorkOptions, WorkResult } from "./work.ts";

export interface HubOptions {
  /** The hub's address, for example `http://127.0.0.1:7070`. */
  readonly url: string;
  /** What `holdfast token` prints on the hub's machine. */
  readonly token: string;
  readonly fetch?: typeof fetch;
}

export interface WaitOptions {
  /** Ends the waiting, not what was asked for. */
  readonly signal?: AbortSignal;
  /** What happens on the way, each with a sentence for people. */
  readonly onEvent?: (event: HubEvent) => void;
}

/** All of it rejects with HubError: a stable `code`, a sentence, a hint. */
export interface Hub extends AsyncDisposable {
  /** One call, one answer: lists, health, timelines, events, the platform. */
  readonly api: Api;
  /** Resolves with a session that is proven to work, or rejects with why it is not. */
  create(wanted?: NewSession, wait?: WaitOptions): Promise<Session>;
  resume(session: string, wait?: WaitOptions): Promise<Session>;
  retry(session: string, wait?: WaitOptions): Promise<Session>;
  pause(session: string, wait?: WaitOptions): Promise<Session>;
  /** Resolves when its sandbox is gone. */
  remove(session: string, wait?: WaitOptions): Promise<void>;
  /** Runs code in a session to its result: outputs, exit code, the line that tells what failed. */
  code(session: string, request: CodeRequest, options?: WorkOptions): Promise<WorkResult>;
  /** The way into a session for commands and terminals. */
  attach(session: string, options?: AttachOptions): Promise<SessionChannel>;
  /** Leaves all sessions; what runs in their channels is hung up. `await using` does the same. */
  close(): void;
}

/** @throws HubError VersionUnsupported where nothing can dial. */
export function openHub({ url, token, fetch: ask = fetch }: HubOptions): Hub {
  if (typeof WebSocket === "undefined") {
    const hint = "Run it with Node 22 or later, Bun, Deno or a browser.";
    throw new HubError("VersionUnsupported", "this runtime has no WebSocket", { hint });
  }
  const address = url.replace(/\/+$/, "");
  const api = createApi({ url: address, token, fetch: ask });
  const wire = `${address.replace(/^http/, "ws")}/v1/client`;
  let connection: Promise<HubConnection> | null = null;
  let closed = false;

  const dial = async (): Promise<HubConnection> => {
    // A ticket is good for one dial.
    const open = async () => dialBrowser({ url: wire, ticket: (await api.ticket()).ticket });
    const dialled = await connectHub({ open });
    // In a page: the network is back, or somebody looks at it again.
    if (typeof document !== "undefined") void dialled.closed.then(wakeWithPage(dialled));
    return dialled;
  };
  /** The first dial is the caller's to judge; the next caller dials again. */
  const connected = (): Promise<HubConnection> => {
    if (closed) return Promise.reject(new HubError("LinkLost", "this hub was closed"));
    connection ??= dial().catch((error: unknown) => {
      connection = null;
      throw error;
    });
    return connection;
  };
  const settle = async (
    ask: () => Promise<Session>,
    goals: readonly Session["state"][],
    after: number,
    { signal = new AbortController().signal, onEvent }: WaitOptions = {},
  ): Promise<Session> => {
    signal.throwIfAborted();
    const told = onEvent === undefined ? {} : { onEvent };
    const session = await untilVerdict(api, await ask(), { goals, after, signal, ...told });
    if (goals[0] === session.state) return session;
    throw faultOf(session);
  };
  const act = (action: "pause" | "resume" | "retry", goals: readonly Session["state"][]) => {
    return async (session: string, wait?: WaitOptions) =>
      settle(() => api.act(session, action), goals, await lastEventSeq(api, session), wait);
  };

  const hub: Hub = {
    api,
    create: (wanted = {}, wait) => settle(() => api.create(wanted), CONNECTED, 0, wait),
    resume: act("resume", CONNECTED),
    retry: act("retry", CONNECTED),
    pause: act("pause", ["suspended", "error", "ended"]),
    async remove(session, wait) {
      const after = await lastEventSeq(api, session);
      const asked = async () => (await api.remove(session)) ?? api.session(session);
      await settle(asked, ["ended", "error"], after, wait);
    },
    code: (session, request, options) => api.code(session, request, options),
    attach: async (session, options) => (await connected()).attach(session, options),
    close() {
      closed = true;
      // A dial that failed was told to the one who asked for it.
      connection?.then((open) => open.close()).catch(() => undefined);
    },
    [Symbol.asyncDispose]: async () => hub.close(),
  };
  return hub;
}

const CONNECTED = ["connected", "error", "suspended", "ended"] as const;

function faultOf({ name, state, lastError }: Session): HubError {
  if (lastError === null) return new HubError("StateConflict", `session ${name} is ${state}`);
  const { code, message, hint } = lastError;
  // A hub that is newer than this client may have a code of its own.
  return new HubError(isFaultCode(code) ? code : "StateConflict", message, { hint });
}
