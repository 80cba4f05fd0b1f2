/**
 * `node bench/stream-memory.ts [STREAMS] [SESSIONS]`: what an open stream keeps in hub, driver and
 * client while nothing moves, what one more idle session keeps in the hub, and how long it takes
 * until a client that comes anew sees all that a populated terminal has kept. Heaps are read after
 * a collection, over the inspector; a driver's is what its pages show. Prints JSON.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { WebSocket } from "ws";
import { TERMINAL_LOG_BYTES } from "../src/driver/services/terminal-room.ts";
import { connectNode } from "../src/client/node.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";
import { until } from "../test/support/until.ts";
import { HoldfastWay } from "./stream-ways.ts";

const streams = Number(process.argv[2] ?? 1_000);
const sessions = Number(process.argv[3] ?? 24);
const REOPENINGS = 9;
/** Twice what is kept, so that the oldest half is gone. */
const SHOWN_BYTES = 2 * TERMINAL_LOG_BYTES;

const port = await freePort();
process.env["NODE_OPTIONS"] = `--inspect-port=127.0.0.1:${port}`;
const way = await HoldfastWay.open();
delete process.env["NODE_OPTIONS"];
process.kill(way.hub.pid, "SIGUSR1");

try {
  const url = way.hub.url;
  const connection = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await connection.attach("demo");
  const [, driverPid = 0] = way.pids();
  const idle = { hub: await heapOf(), driver: residentBytes(driverPid), own: ownBytes() };
  const listeners = Array.from({ length: streams }, () =>
    channel.listen({ port: 0, onConnection: () => undefined }),
  );
  await Promise.all(listeners.map(({ opened }) => opened));
  const open = { hub: await heapOf(), driver: residentBytes(driverPid), own: ownBytes() };
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
    if (n === sessions) before = await heapOf();
    await way.hub.ask("POST", "/sessions?wait=60", { name });
    const link = await connectNode(() => ({ url, token: TOKEN }));
    await link.attach(name);
    links.push(link);
  }
  const hubBytesPerSession = Math.round(((await heapOf()) - before) / sessions);
  for (const link of links) link.close();
  for (const name of names) await way.hub.ask("DELETE", `/sessions/${name}?wait=20`);

  const report = {
    streams,
    bytesPerStream,
    sessions,
    hubBytesPerSession,
    reopenMs: await reopenings(url),
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} finally {
  await way.close();
}

/** From the first packet of a new client to the last byte that the terminal has kept. */
async function reopenings(url: string): Promise<{ p50: number; worst: number; bytes: number }> {
  const owner = await connectNode(() => ({ url, token: TOKEN }));
  const there = await owner.attach("demo");
  let shown = 0;
  const terminal = there.terminal({
    argv: ["sh", "-c", `stty -opost; head -c ${SHOWN_BYTES} /dev/zero | tr '\\0' x; sleep 600`],
    cols: 80,
    rows: 24,
    onData: (bytes) => void (shown += bytes.length),
  });
  terminal.exit.catch(() => undefined);
  const { id } = await terminal.opened;
  await until(() => shown >= SHOWN_BYTES);
  const tookMs: number[] = [];
  let seen = 0;
  for (let n = 0; n < REOPENINGS; n++) {
    seen = 0;
    const beganAtMs = performance.now();
    const connection = await connectNode(() => ({ url, token: TOKEN }));
    const channel = await connection.attach("demo");
    let gap = 0;
    await new Promise<void>((resolve) => {
      const look = channel.attachTerminal({
        id,
        from: 0,
        onGap: ({ from, to }) => (gap += to - from),
        onData: (bytes) => {
          seen += bytes.length;
          if (gap + seen >= SHOWN_BYTES) resolve();
        },
      });
      look.exit.catch(() => undefined);
    });
    tookMs.push(performance.now() - beganAtMs);
    connection.close();
  }
  terminal.close();
  owner.close();
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => {
    const index = Math.min(REOPENINGS - 1, Math.floor(REOPENINGS * share));
    return Number((tookMs[index] ?? NaN).toFixed(1));
  };
  return { p50: at(0.5), worst: at(1), bytes: seen };
}

/** Heap and buffers of the hub, once what nobody holds is gone. */
async function heapOf(): Promise<number> {
  let target = "";
  await until(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`).catch(() => null);
    if (answer === null) return false;
    const [found] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
    target = found?.webSocketDebuggerUrl ?? "";
    return target !== "";
  });
  const socket = new WebSocket(target);
  await once(socket, "open");
  let asked = 0;
  const ask = async (method: string, params = {}): Promise<Answer["result"]> => {
    const id = ++asked;
    socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const [text] = (await once(socket, "message")) as [Buffer];
      const answer = JSON.parse(text.toString()) as Answer;
      if (answer.id === id) return answer.result;
    }
  };
  for (let sweep = 0; sweep < 3; sweep++) await ask("HeapProfiler.collectGarbage");
  // Not the inspector's own count of buffers: what strips types has megabytes of WebAssembly there.
  const expression = "{ const m = process.memoryUsage(); m.heapUsed + m.arrayBuffers }";
  const { result } = await ask("Runtime.evaluate", { expression });
  socket.close();
  return result?.value ?? NaN;
}

interface Answer {
  readonly id?: number;
  readonly result: { readonly result?: { readonly value: number } };
}

function ownBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function residentBytes(pid: number): number {
  const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(pages?.[1] ?? NaN) * 1024;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}
