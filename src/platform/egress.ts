/**
 * The way out of a sandbox that has no route: an HTTP proxy on a unix socket in its run directory,
 * one per sandbox. Public addresses only: a name is resolved once, every answer is judged, and the
 * judged address is the one that is dialled, so a name that changes its mind gains nothing. Knows
 * nothing of sandboxes' states.
 */
import ipaddr from "ipaddr.js";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { leaveTogether } from "../base/leave-together.ts";
import { passedHeaders } from "./api/relay.ts";
import { textOf } from "./outcome.ts";

/** How names become addresses; the platform's is the host's resolver. */
export type Resolve = (host: string) => Promise<string[]>;

export type Destination = { ok: true; address: string; port: number } | { ok: false; why: string };

const hopHeaders = ["proxy-connection", "proxy-authorization"];
const CONNECT_DEADLINE_MS = 10_000;

/** Loopback, private, link-local (cloud metadata), multicast, reserved: all but "unicast". */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === "unicast";
}

/** `host:port` or a URL's host; refused with a sentence that names what was refused. */
export async function findDestination(
  hostname: string,
  port: number,
  resolve: Resolve,
): Promise<Destination> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || !Number.isInteger(port) || port < 1 || port > 65_535) {
    return { ok: false, why: `no such destination: ${hostname}:${port}` };
  }
  let addresses: string[];
  try {
    addresses = ipaddr.isValid(host) ? [host] : await resolve(host);
  } catch (error) {
    return { ok: false, why: `cannot resolve ${host}: ${textOf(error)}` };
  }
  const refused = addresses.find((address) => !isPublicAddress(address));
  const [first] = addresses;
  if (refused !== undefined) return { ok: false, why: `${host} is not public (${refused})` };
  if (first === undefined) return { ok: false, why: `${host} has no address` };
  // In its plain form: what was judged and what is dialled must not be read in two ways.
  return { ok: true, address: ipaddr.process(first).toString(), port };
}

/** The server once it listens, or the reason why it does not. */
export async function openEgress(
  socketPath: string,
  resolve: Resolve,
): Promise<{ server: Server } | { error: string }> {
  const server = createServer((request, response) => {
    void forward(request, response, resolve);
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void tunnel(request, socket, head, resolve);
  });
  try {
    rmSync(socketPath, { force: true });
    server.listen(socketPath);
    await once(server, "listening");
  } catch (error) {
    return { error: `egress proxy: ${textOf(error)}` };
  }
  server.unref();
  return { server };
}

async function tunnel(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  resolve: Resolve,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  const match = /^(.*):(\d+)$/.exec(request.url ?? "");
  const found = await findDestination(match?.[1] ?? "", Number(match?.[2]), resolve);
  if (!found.ok) {
    socket.end(refusalText(found.why));
    return;
  }
  const outgoing = connect({ host: found.address, port: found.port, timeout: CONNECT_DEADLINE_MS });
  let connected = false;
  outgoing.on("connect", () => {
    connected = true;
    outgoing.setTimeout(0);
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    outgoing.write(head);
    outgoing.pipe(socket).pipe(outgoing);
    leaveTogether(outgoing, socket);
  });
  outgoing.on("timeout", () => outgoing.destroy(new Error("connect timed out")));
  outgoing.on("error", (error) => {
    if (!connected) socket.end(refusalText(error.message, "502 Bad Gateway"));
  });
  socket.on("close", () => {
    if (!connected) outgoing.destroy();
  });
}

/** Plain HTTP comes with the whole URL in the request line. */
async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  resolve: Resolve,
): Promise<void> {
  const url = URL.parse(request.url ?? "");
  if (url?.protocol !== "http:") {
    response.writeHead(400, { "content-type": "text/plain" }).end("this is an HTTP proxy\n");
    return;
  }
  const found = await findDestination(url.hostname, Number(url.port || 80), resolve);
  if (!found.ok) {
    response.writeHead(403, { "content-type": "text/plain" }).end(`refused: ${found.why}\n`);
    return;
  }
  const headers = { ...passedHeaders(request, hopHeaders), host: url.host };
  const outgoing = httpRequest({
    host: found.address,
    port: found.port,
    path: url.pathname + url.search,
    method: request.method,
    headers,
    timeout: CONNECT_DEADLINE_MS,
    agent: false,
  });
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    // An answer that was cut off must not look like one that still comes.
    answer.on("error", () => response.destroy());
  });
  outgoing.on("error", (error) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { "content-type": "text/plain" }).end(`${error.message}\n`);
  });
  response.on("close", () => outgoing.destroy());
  request.pipe(outgoing);
}

function refusalText(why: string, status = "403 Forbidden"): string {
  const text = `refused: ${why}\n`;
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`;
}
