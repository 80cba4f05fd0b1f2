/** Carries one HTTP request or one upgrade to a daemon's socket. Decides nothing. */
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { leaveTogether } from "../../base/leave-together.ts";

export interface RelayTarget {
  socketPath: string;
  /** Path and query as the daemon shall see them. */
  path: string;
  headers: OutgoingHttpHeaders;
}

/** A daemon that is not there is a bare 502, as from the real proxy. */
export function relayHttp(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: RelayTarget,
): void {
  const outgoing = httpRequest({ ...target, method: incoming.method, agent: false });
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  outgoing.on("error", () => {
    incoming.unpipe(outgoing).resume();
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { "content-length": 0 }).end();
  });
  response.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

export function relayUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: RelayTarget,
  through?: Duplex,
): void {
  const outgoing = connect(target.socketPath);
  let connected = false;
  outgoing.on("connect", () => {
    connected = true;
    const lines = Object.entries(target.headers).map(([key, value]) => `${key}: ${String(value)}`);
    outgoing.write(`GET ${target.path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    outgoing.write(head);
    (through === undefined ? outgoing : outgoing.pipe(through)).pipe(socket);
    socket.pipe(outgoing);
    leaveTogether(outgoing, socket);
  });
  outgoing.on("error", () => {
    if (!connected) refuseUpgrade(socket, 502, "Bad Gateway");
  });
  socket.on("error", () => outgoing.destroy());
  socket.on("close", () => {
    if (!connected) outgoing.destroy();
  });
}

export function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  socket.on("error", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

/** The caller's headers without those named; a connection's own headers do not travel on. */
export function passedHeaders(
  incoming: IncomingMessage,
  without: readonly string[],
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...incoming.headers };
  for (const name of without) headers[name] = undefined;
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}
