/**
 * The least that carries WebSockets: a server of the package ws that gives each message back and
 * knows nobody. The baseline for many connections; its port is the first line that it prints.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const http = createServer((_, response) => response.end("ok"));
const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
http.on("upgrade", (request, socket, head) => {
  server.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (bytes: Buffer) => ws.send(bytes));
  });
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.stdout.write(`${(http.address() as AddressInfo).port}\n`);
});
