/**
 * One request from a visitor to an app inside and its answer back: streamed both ways with
 * back-pressure, cut on both sides when either leaves. Knows no sessions and no rights.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { ServerResponse } from "node:http";
import { pipeline, type Duplex } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { requestHeaders, responseHeaders, type Visit } from "./preview-headers.ts";
import type { PreviewWay } from "./preview-way.ts";

/** From the whole request to the first line of the answer; once it flows there is no limit. */
export const ANSWER_MS = 120_000;

export interface Passage {
  readonly way: PreviewWay;
  readonly clock: Clock;
  readonly port: number;
  /** Path and query, without what was the hub's. */
  readonly url: string;
  readonly visit: Visit;
  /** Rejects when the session can serve no more; null while it does. */
  readonly lost: AbortSignal;
}

/** Resolves once the answer is under way. Rejects when nothing was written yet. */
export async function relay(
  request: IncomingMessage,
  response: ServerResponse,
  passage: Passage,
): Promise<void> {
  const canRepeat = !hasBody(request) && /^(GET|HEAD|OPTIONS)$/.test(request.method ?? "");
  try {
    await relayOnce(request, response, passage, false);
  } catch (error) {
    // The app ended a kept connection while the request was on its way to it.
    if (!canRepeat || !(error instanceof StaleConnection)) throw plainFault(error);
    try {
      await relayOnce(request, response, passage, true);
    } catch (again) {
      throw plainFault(again);
    }
  }
}

class StaleConnection extends Error {}

function relayOnce(
  request: IncomingMessage,
  response: ServerResponse,
  passage: Passage,
  isFresh: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = open(request, passage, isFresh);
    const stop = watch(upstream, passage);
    const leave = (): void => void upstream.destroy();
    response.once("close", leave);
    upstream.once("error", (error) => {
      stop();
      response.off("close", leave);
      const isCut = !(error instanceof HubError) || error.code === "PortReset";
      const isStale = upstream.reusedSocket && isCut;
      reject(isStale ? new StaleConnection(error.message) : error);
    });
    upstream.once("response", (answer) => {
      stop();
      response.writeHead(
        answer.statusCode ?? 502,
        answer.statusMessage,
        responseHeaders(answer.rawHeaders, passage.visit.prefix === "" ? "host" : "path"),
      );
      // An event stream's head must not wait for its first event; one that comes with its body goes
      // out with it in one write.
      setImmediate(() => {
        if (!response.writableEnded) response.flushHeaders();
      });
      // An app that breaks off cuts the visitor, who must not take half for the whole.
      pipeline(answer, response, () => undefined);
      resolve();
    });
    if (hasBody(request)) request.pipe(upstream);
    else upstream.end();
  });
}

/** Hands two sockets to each other, once the app has agreed. */
export function relayUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  passage: Passage,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = open(request, passage, true);
    const stop = watch(upstream, passage);
    const leave = (): void => void upstream.destroy();
    socket.once("close", leave);
    upstream.once("error", (error) => {
      stop();
      reject(plainFault(error));
    });
    upstream.once("upgrade", (answer, inner, innerHead) => {
      stop();
      socket.off("close", leave);
      socket.write(headText(answer, responseHeaders(answer.rawHeaders, "upgrade")));
      socket.write(innerHead);
      inner.write(head);
      pipeline(inner, socket, inner, () => undefined);
      resolve();
    });
    upstream.once("response", (answer) => {
      stop();
      const headers = [...responseHeaders(answer.rawHeaders), "Connection", "close"];
      socket.write(headText(answer, headers));
      pipeline(answer, socket, () => undefined);
      resolve();
    });
    upstream.end();
  });
}

function open(request: IncomingMessage, passage: Passage, isFresh: boolean): ClientRequest {
  const { way, port, url, visit } = passage;
  const options = {
    method: request.method ?? "GET",
    path: url,
    port,
    host: "session",
    headers: requestHeaders(request.rawHeaders, visit),
    setHost: false,
  };
  try {
    if (!isFresh) return httpRequest({ ...options, agent: way.agent });
    const createConnection = (_: unknown, done: (error: Error | null, on: Duplex) => void) => {
      way.connect(port).then(
        (duplex) => done(null, duplex),
        (error: unknown) => done(toHubError(error), undefined as never),
      );
      return undefined;
    };
    return httpRequest({ ...options, createConnection });
  } catch (error) {
    // Node refuses to send what could be read as two requests.
    const said = error instanceof Error ? error.message : String(error);
    throw new HubError("BadRequest", `the request cannot be passed on: ${said}`);
  }
}

/** Ends a request that gets no answer. Returns what ends the watch. */
function watch(upstream: ClientRequest, { clock, port, lost }: Passage): () => void {
  const timer = clock.setTimeout(() => {
    const said = `the app on port ${port} took the request and gave no answer in ${ANSWER_MS / 1_000} s`;
    upstream.destroy(new HubError("PortTimeout", said, { hint: "Look at the app's own log." }));
  }, ANSWER_MS);
  const cut = (): void => {
    const { reason } = lost as { reason: unknown };
    upstream.destroy(reason instanceof Error ? reason : new HubError("LinkLost", "it is lost"));
  };
  if (lost.aborted) cut();
  else lost.addEventListener("abort", cut, { once: true });
  return () => {
    clock.clearTimeout(timer);
    lost.removeEventListener("abort", cut);
  };
}

function plainFault(error: unknown): Error {
  if (error instanceof HubError || !(error instanceof Error)) return toHubError(error);
  const said = `what listens there broke off: ${error.message}`;
  return new HubError("PortReset", said, { cause: error, hint: "Does it speak HTTP?" });
}

export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

function headText({ statusCode = 502, statusMessage = "" }: IncomingMessage, raw: string[]) {
  let text = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let at = 0; at + 1 < raw.length; at += 2)
    text += `${raw[at] ?? ""}: ${raw[at + 1] ?? ""}\r\n`;
  return `${text}\r\n`;
}
