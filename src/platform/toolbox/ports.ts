/** Which TCP ports listen inside, and the relay to one of them for previews and /proxy. */
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { leaveTogether } from "../../base/leave-together.ts";
import { json } from "./reply.ts";
import type { Route } from "./router.ts";

const loopbacks = ["127.0.0.1", "::1"];
const listenState = "0A";

export function portRoutes(): Route[] {
  return [
    { method: "GET", path: "/port", handler: () => json({ ports: listeningPorts() }) },
    {
      method: "GET",
      path: "/port/{port}/in-use",
      handler: ({ params }) => json({ isInUse: listeningPorts().includes(Number(params["port"])) }),
    },
  ];
}

export function listeningPorts(): number[] {
  const ports = new Set<number>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readTable(table)) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (state === listenState) ports.add(parseInt(local?.split(":")[1] ?? "", 16));
    }
  }
  return [...ports].filter((port) => port > 0).sort((a, b) => a - b);
}

function readTable(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").slice(1);
  } catch {
    return [];
  }
}

export interface PortTarget {
  port: number;
  path: string;
}

/** `/proxy/8080/a/b?c` → port 8080, path `/a/b?c`. */
export function portTarget(url: string): PortTarget | undefined {
  const match = /^\/proxy\/(\d{1,5})(\/[^?]*)?(\?.*)?$/.exec(url);
  if (match === null) return undefined;
  const port = Number(match[1]);
  if (port < 1 || port > 65535) return undefined;
  return { port, path: `${match[2] ?? "/"}${match[3] ?? ""}` };
}

/** A closed port is 502 with an empty body, as the real proxy answers. */
export function relayHttp(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: PortTarget,
  hosts = loopbacks,
): void {
  const [host, ...others] = hosts;
  const outgoing = httpRequest({
    host,
    port: target.port,
    path: target.path,
    method: incoming.method,
    headers: incoming.headers,
  });
  outgoing.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  outgoing.on("error", (error) => {
    const refused = "code" in error && error.code === "ECONNREFUSED";
    if (refused && others.length > 0) {
      relayHttp(incoming, response, target, others);
      return;
    }
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  response.on("close", () => outgoing.destroy());
  // Only once connected: a refused first address must leave the body for the second one.
  outgoing.on("socket", (socket) => {
    if (socket.connecting) socket.once("connect", () => incoming.pipe(outgoing));
    else incoming.pipe(outgoing);
  });
}

/** Upgrades pass as they came; from the first byte on, both sides are one pipe. */
export function relayUpgrade(
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: PortTarget,
  hosts = loopbacks,
): void {
  const [host, ...others] = hosts;
  const outgoing = connect({ host: host ?? "127.0.0.1", port: target.port });
  let connected = false;
  socket.on("error", () => outgoing.destroy());
  outgoing.on("connect", () => {
    connected = true;
    outgoing.write(`GET ${target.path} HTTP/1.1\r\n${rawHeaderLines(incoming)}\r\n`);
    outgoing.write(head);
    outgoing.pipe(socket).pipe(outgoing);
    leaveTogether(outgoing, socket);
  });
  outgoing.on("error", () => {
    if (connected) return;
    if (others.length > 0) {
      relayUpgrade(incoming, socket, head, target, others);
      return;
    }
    socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
}

function rawHeaderLines(incoming: IncomingMessage): string {
  const lines: string[] = [];
  for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
    lines.push(`${incoming.rawHeaders[index] ?? ""}: ${incoming.rawHeaders[index + 1] ?? ""}\r\n`);
  }
  return lines.join("");
}
