/**
 * The hub's TCP listener, with or without TLS, and what it demands of slow peers. What is asked of
 * it is answered elsewhere.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { isIP } from "node:net";
import type { TlsKeeper } from "../tls-keeper.ts";

/** Node needs headers before request, or a slow body is let off for a minute. */
export const slowPeerLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // Whoever came at once is ended at once, and all others wait for it: ten times, a tenth of it.
  connectionsCheckingInterval: 100,
} as const;

/**
 * Whoever dials in a storm waits in the kernel, and who finds no room comes again. Where a queue
 * takes much longer than a dial, which is 7 s, all have gone when their turn comes; a hub that is
 * late takes some 150 a second.
 */
export const LISTEN_BACKLOG = 1_024;

/** As long as a head may take: a handshake comes before it. */
const HANDSHAKE_MS = slowPeerLimits.headersTimeout;
/** A year, as browsers ask for it. */
const HSTS = ["strict-transport-security", "max-age=31536000"] as const;

/** How people reach the hub: `isHttps` also where a proxy speaks TLS in front of it. */
export interface ListenerTls {
  readonly keeper: TlsKeeper | null;
  readonly isHttps: boolean;
}

/** An upload to an app may take its time, so that the API's bodies are timed one by one. */
export function createListener(
  { keeper, isHttps }: ListenerTls,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const limits = { ...slowPeerLimits, requestTimeout: 0 };
  const serveAll: typeof serve = (request, response) => {
    if (isHttps && isForHsts(request.headers.host)) response.setHeader(...HSTS);
    serve(request, response);
  };
  if (keeper === null) return createServer(limits, serveAll);
  const server = createSecureServer(
    { ...limits, ...keeper.context, ALPNProtocols: ["http/1.1"], handshakeTimeout: HANDSHAKE_MS },
    serveAll,
  );
  keeper.serve(server);
  return server;
}

/**
 * Tells a browser to come by https alone. Not for this machine's own names: what else listens on
 * them would be asked for https, too.
 */
export function isForHsts(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d*$/, "").toLowerCase();
  const isLocal = name === "localhost" || name.endsWith(".localhost");
  return name !== "" && !isLocal && isIP(name.replace(/^\[|\]$/g, "")) === 0;
}
