/**
 * `node bench/bare-events.ts PER_SECOND`: the least that tells events: node:http that writes so
 * many a second to all who read. Its port is the first line that it prints.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const EVERY_MS = 50;
const TEXT = "x".repeat(300);
const perSecond = Number(process.argv[2]);
const readers = new Set<ServerResponse>();

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(": events\n\n");
  readers.add(response);
  response.on("close", () => readers.delete(response));
});
let seq = 0;
let owed = 0;
setInterval(() => {
  for (owed += (perSecond * EVERY_MS) / 1_000; owed >= 1; owed--) {
    const data = JSON.stringify({ seq: ++seq, at: new Date().toISOString(), text: TEXT });
    const event = `id: ${seq}\nevent: bare\ndata: ${data}\n\n`;
    for (const reader of readers) reader.write(event);
  }
}, EVERY_MS);
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
