/**
 * Listens in the sandbox for a client: each connection becomes a stream that the driver opens. The
 * listener lives as long as its stream, over links, hubs and pauses; a client that is away finds
 * the connections that came meanwhile, up to a bound.
 */
import { createServer, type Server, type Socket } from "node:net";
import { limits } from "../../../base/limits.ts";
import type { OpenListen } from "../../../protocol/port-services.ts";
import type { Channel } from "../../../stream/channel.ts";
import type { Stream } from "../../../stream/stream.ts";
import type { Jobs } from "../../jobs.ts";
import { resolvePath } from "../files/paths.ts";
import { portFault } from "./port-faults.ts";
import { bridge, cut } from "./socket-bridge.ts";

/** Connections of one listener at a time; more are cut, as by a full backlog. */
const CONNECTIONS_MAX = 256;
const OWN_ADDRESS = "127.0.0.1";

export function openListen(
  request: OpenListen,
  stream: Stream,
  channel: Channel,
  { home, jobs }: { readonly home: string; readonly jobs: Jobs },
): void {
  const { host = OWN_ADDRESS, port, path } = request;
  stream.listen({});
  if ((port === undefined) === (path === undefined) || path?.includes("\0") === true) {
    stream.reset("REFUSED", "a listener needs either a port or a path without NUL");
    return;
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const where = path === undefined ? `${host}:${port ?? 0}` : resolvePath(home, path);
  server.maxConnections = CONNECTIONS_MAX;
  server.on("error", (error) => {
    const { code, message } = portFault(error, where);
    stream.reset(code, message);
  });
  server.on("connection", (socket) => accepted(socket, stream, channel, jobs));
  stream.listen({
    onBytes: () => undefined,
    onEnd: () => {
      server.close();
      stream.end();
    },
    // What is connected already goes on: it has a stream of its own.
    onClosed: () => void server.close(),
  });
  const listening = (): void => {
    const taken = portOf(server);
    stream.accept(taken === null ? {} : { port: taken }, 0);
  };
  if (path === undefined) server.listen({ host, port }, listening);
  else server.listen({ path: where }, listening);
}

function accepted(socket: Socket, listener: Stream, channel: Channel, jobs: Jobs): void {
  const { remoteAddress, remotePort } = socket;
  const from = remoteAddress === undefined ? "" : `${remoteAddress}:${remotePort ?? 0}`;
  if (listener.closed) {
    cut(socket);
    return;
  }
  const rxMax = limits.TCP_WINDOW_BYTES;
  const request = { kind: "listen.accepted", of: listener.id, from, rxMax } as const;
  const stream = channel.open(request, {});
  jobs.carries("forward", stream);
  bridge(socket, stream, from === "" ? "the connection" : from);
}

function portOf(server: Server): number | null {
  const address = server.address();
  return address === null || typeof address === "string" ? null : address.port;
}
