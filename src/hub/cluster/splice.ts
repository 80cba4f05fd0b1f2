/**
 * The way of a request to the hub that has its session: joined to it at the level of TCP. Nothing
 * of what is said is read here, and a peer that reads slowly is felt by who sends.
 */
import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream";
import { leaveTogether } from "../../base/leave-together.ts";
import type { Principal } from "../auth/principal.ts";
import { AS_HEADER, asHeader } from "./peer-door.ts";

/** How long a body is, which is another one once it was read. */
const FRAMING = /^(content-length|transfer-encoding)$/i;

/** An upgrade, whose answer is the other hub's; both ends go when one does. */
export function spliceUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  to: { readonly peer: Socket; readonly as: Principal | null },
): void {
  const { peer, as } = to;
  const lines = headersFor(request, as).map(([name, value]) => `${name}: ${value}\r\n`);
  peer.write(`${request.method ?? "GET"} ${request.url ?? "/"} HTTP/1.1\r\n${lines.join("")}\r\n`);
  if (head.length > 0) peer.write(head);
  if ("setNoDelay" in socket) (socket as Socket).setNoDelay(true);
  leaveTogether(socket, peer);
  socket.pipe(peer);
  peer.pipe(socket);
}

/**
 * One request with its answer, as it comes. `failed` is told when there is no answer. `body` is
 * what was read of it; null for one whose body nobody has read.
 */
export function spliceRequest(
  request: IncomingMessage,
  response: ServerResponse,
  to: { readonly peer: Socket; readonly as: Principal | null; readonly body: string | null },
  failed: (error: Error) => void,
): void {
  const told = headersFor(request, to.as);
  const headers = to.body === null ? told : told.filter(([name]) => !FRAMING.test(name));
  if (to.body !== null) headers.push(["content-length", String(Buffer.byteLength(to.body))]);
  const onward = ask({
    createConnection: () => to.peer,
    method: request.method,
    path: request.url,
    headers: headers.flat(),
    setHost: false,
  });
  // The greeting left it paused, which no listener undoes by itself.
  onward.once("socket", (socket) => socket.resume());
  onward.once("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
    pipeline(answer, response, () => to.peer.destroy());
  });
  onward.once("error", (error) => {
    if (response.headersSent) response.destroy();
    else failed(error);
  });
  response.once("close", () => onward.destroy());
  if (to.body === null) request.pipe(onward);
  else onward.end(to.body);
}

function headersFor({ rawHeaders }: IncomingMessage, as: Principal | null): [string, string][] {
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    // Whatever a stranger says of himself ends here.
    if (name.toLowerCase() !== AS_HEADER) headers.push([name, rawHeaders[at + 1] ?? ""]);
  }
  if (as !== null) headers.push([AS_HEADER, asHeader(as)]);
  return headers;
}
