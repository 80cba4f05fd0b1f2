/**
 * `node bench/ws-relay.ts PORT PORT`: the least that relays WebSockets in Node, to the first port
 * or for /other to the second. It waits for a slow end and does nothing else: what everything that
 * Holdfast does more is measured against. Its own port is the first line that it prints.
 */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const MESSAGE_WAIT_BYTES = 256 * 1024;
const [, , demo = "", other = ""] = process.argv;

function carry(from: WebSocket, to: WebSocket): void {
  from.on("message", (bytes: Buffer, isBinary) => {
    to.send(bytes, { binary: isBinary }, () => {
      if (to.bufferedAmount < MESSAGE_WAIT_BYTES) from.resume();
    });
    if (to.bufferedAmount >= MESSAGE_WAIT_BYTES) from.pause();
  });
  from.on("close", () => to.close());
  from.on("error", () => to.terminate());
}

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
server.on("listening", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
server.on("connection", (near, { url }) => {
  const port = url?.startsWith("/other") === true ? other : demo;
  const far = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  // What comes before the far end is there waits in the kernel.
  near.pause();
  far.on("open", () => near.resume());
  carry(near, far);
  carry(far, near);
});
