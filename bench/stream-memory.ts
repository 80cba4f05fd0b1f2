/**
 * `node bench/stream-memory.ts [STREAMS] [SESSIONS]`: what an open stream keeps in hub, driver and
 * client while nothing moves, what one more idle session keeps in the hub, and how long it takes
 * until a client that comes anew sees all that a populated terminal has kept. Heaps are read after
 * a collection, over the inspector; a driver's is what its pages show. Prints JSON.
 */
import { loadavg } from "node:os";
import { connectNode } from "../src/client/node.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";
import { freePort } from "./free-port.ts";
import { Inspector } from "./inspector.ts";
import { rssBytes } from "./process-reading.ts";
import { reopenings } from "./reopenings.ts";
import { rounded } from "./statistics.ts";
import { HoldfastWay } from "./stream-ways.ts";

const streams = Number(process.argv[2] ?? 1_000);
const sessions = Number(process.argv[3] ?? 24);
const REOPENINGS = 9;

const port = await freePort();
const way = await Inspector.started(port, () => HoldfastWay.open());
const hub = await Inspector.attach(way.hub.pid, port);

try {
  const url = way.hub.url;
  const connection = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await connection.attach("demo");
  const [, driverPid = 0] = way.pids();
  const idle = { hub: await hub.heapBytes(), driver: rssBytes(driverPid), own: ownBytes() };
  const listeners = Array.from({ length: streams }, () =>
    channel.listen({ port: 0, onConnection: () => undefined }),
  );
  await Promise.all(listeners.map(({ opened }) => opened));
  const open = { hub: await hub.heapBytes(), driver: rssBytes(driverPid), own: ownBytes() };
  const each = (after: number, before: number): number => Math.round((after - before) / streams);
  const bytesPerStream = {
    hub: each(open.hub, idle.hub),
    driver: each(open.driver, idle.driver),
    client: each(open.own, idle.own),
  };
  connection.close();

  const names = Array.from({ length: 2 * sessions }, (_, n) => `idle-${n}`);
  const links = [];
  let before = 0;
  for (const [n, name] of names.entries()) {
    // The first half pays for what is compiled and cached once.
    if (n === sessions) before = await hub.heapBytes();
    await way.hub.ask("POST", "/sessions?wait=60", { name });
    const link = await connectNode(() => ({ url, token: TOKEN }));
    await link.attach(name);
    links.push(link);
  }
  const hubBytesPerSession = Math.round(((await hub.heapBytes()) - before) / sessions);
  for (const link of links) link.close();
  for (const name of names) await way.hub.ask("DELETE", `/sessions/${name}?wait=20`);

  const report = {
    streams,
    bytesPerStream,
    sessions,
    hubBytesPerSession,
    reopenMs: await reopenings(url, REOPENINGS),
    load: rounded(loadavg()[0] ?? 0),
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} finally {
  hub.close();
  await way.close();
}

function ownBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
