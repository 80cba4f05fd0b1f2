/**
 * `node bench/scale.ts [SESSIONS…]`: what one hub spends on many sessions in which nothing happens,
 * and how soon all are proven again after kill -9. The hub is a real process with SDK, store and
 * sockets; its sandboxes and drivers are those of crowd-platform.ts, in another process. Prints
 * JSON, one row for each number of sessions (1,000 unless told otherwise).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { exited } from "../test/e2e/platform-kit.ts";
import { goAhead } from "./machine-share.ts";

const counts = process.argv.slice(2).map(Number);
const IN_FLIGHT = 32;
const SETTLE_MS = 15_000;
const IDLE_MS = 30_000;
const HEALTH_READS = 400;
/** Of Linux, in every kernel that is built today. */
const TICKS_PER_S = 100;

for (const sessions of counts.length > 0 ? counts : [1_000]) {
  const crowd = await startCrowd();
  const port = await freePort();
  const hub = new RealHub(
    { apiUrl: crowd.url, apiKey: "crowd-key-0123456789" },
    {},
    {
      listen: { host: "127.0.0.1", port },
      publicUrl: `http://127.0.0.1:${port}`,
      logLevel: "warn",
      platform: {
        kind: "daytona",
        apiUrl: crowd.url,
        apiKey: "crowd-key-0123456789",
        target: "local",
        callsPerMinute: 1_000_000,
      },
    },
  );
  try {
    await hub.start();
    const aheadOfOthers = goAhead([hub.pid, crowd.pid]);
    const bare = rssMib(hub.pid);
    const created = await createAll(hub, sessions);
    await sleep(SETTLE_MS);
    const idle = await idleCost(hub, crowd.pid);
    const rss = rssMib(hub.pid);
    const restart = await killAndReturn(hub, crowd, sessions);
    const report = {
      sessions,
      created,
      idle,
      rssMib: { bare, with: rss, kibPerSession: Math.round(((rss - bare) * 1024) / sessions) },
      restart,
      aheadOfOthers,
      load: Number((loadavg()[0] ?? 0).toFixed(1)),
    };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } finally {
    await hub.kill("SIGKILL");
    await hub.remove();
    crowd.child.kill("SIGKILL");
    await exited(crowd.child);
  }
}

interface Crowd {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
}

async function startCrowd(): Promise<Crowd> {
  const file = join(import.meta.dirname, "crowd-platform.ts");
  const flags = ["--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, file], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  return { child, pid: child.pid ?? 0, url };
}

/** Until each was proven once. */
async function createAll(hub: RealHub, sessions: number) {
  const tookMs: number[] = [];
  const cpuBefore = cpuMs(hub.pid);
  const beganAtMs = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const n = next++;
      if (n >= sessions) return;
      const askedAtMs = performance.now();
      const name = `crowd-${String(n).padStart(5, "0")}`;
      const session = await hub.ask("POST", "/sessions?wait=60", { name });
      if (session.state !== "connected") throw new Error(JSON.stringify(session));
      tookMs.push(performance.now() - askedAtMs);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  const seconds = (performance.now() - beganAtMs) / 1_000;
  return {
    perSecond: Math.round(sessions / seconds),
    hubCpuMsEach: round((cpuMs(hub.pid) - cpuBefore) / sessions),
    ...spread(tookMs),
  };
}

/** Share of one core, and what a reader of health meets meanwhile. */
async function idleCost(hub: RealHub, crowdPid: number) {
  const before = { hub: cpuMs(hub.pid), crowd: cpuMs(crowdPid) };
  const beganAtMs = performance.now();
  await sleep(IDLE_MS);
  const wallMs = performance.now() - beganAtMs;
  const share = (usedMs: number): number => round((100 * usedMs) / wallMs);
  const used = {
    hubPercentOfCore: share(cpuMs(hub.pid) - before.hub),
    driversPercentOfCore: share(cpuMs(crowdPid) - before.crowd),
  };
  return { ...used, health: spread(await healthReads(hub, HEALTH_READS)) };
}

async function healthReads(hub: RealHub, reads: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (let n = 0; n < reads; n++) {
    const askedAtMs = performance.now();
    await hub.health("crowd-00000");
    tookMs.push(performance.now() - askedAtMs);
    await sleep(5);
  }
  return tookMs;
}

/** kill -9, and how long until it listens, and until all drivers are back and all are proven. */
async function killAndReturn(hub: RealHub, crowd: Crowd, sessions: number) {
  await hub.kill("SIGKILL");
  const beganAtMs = performance.now();
  const since = (): number => Math.round(performance.now() - beganAtMs);
  await hub.start();
  goAhead([hub.pid]);
  const readyMs = since();
  const health: number[] = [];
  let driversMs: number | null = null;
  for (;;) {
    const askedAtMs = performance.now();
    await hub.health("crowd-00000");
    health.push(performance.now() - askedAtMs);
    driversMs ??= (await liveOf(crowd)) === sessions ? since() : null;
    if (driversMs !== null && (await connectedOf(hub)) === sessions) break;
    await sleep(50);
  }
  return {
    readyMs,
    driversMs,
    provenMs: since(),
    cpuMs: cpuMs(hub.pid),
    whileAsked: spread(health),
  };
}

async function liveOf(crowd: Crowd): Promise<number> {
  const response = await fetch(`${crowd.url}/crowd`);
  return ((await response.json()) as { live: number }).live;
}

async function connectedOf(hub: RealHub): Promise<number> {
  const response = await fetch(`${hub.url}/metrics`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const text = await response.text();
  return Number(/^holdfast_sessions\{[^}]*state="connected"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

/** User and system time of a process so far. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_S;
}

function rssMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
}

function spread(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => round(sorted[Math.floor(share * sorted.length)] ?? NaN);
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
