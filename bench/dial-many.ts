/**
 * `node bench/dial-many.ts URL COUNT`: dials as many WebSockets as it is told to, 500 at a time,
 * prints how long all of them took in ms, and keeps them open until it is ended.
 */
import { once } from "node:events";
import { WebSocket } from "ws";

const IN_FLIGHT = 500;
const [url = "", count = "0"] = process.argv.slice(2);
const open: WebSocket[] = [];
let next = 0;

async function dial(): Promise<void> {
  while (next++ < Number(count)) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, "open");
    open.push(socket);
  }
}

const beganAtMs = performance.now();
await Promise.all(Array.from({ length: IN_FLIGHT }, dial));
process.stdout.write(`${Math.round(performance.now() - beganAtMs)}\n`);
