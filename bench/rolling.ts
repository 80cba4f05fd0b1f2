/**
 * `node bench/rolling.ts [SESSIONS] [--real] [--keep]`: two hubs on one PostgreSQL behind a
 * balancer are restarted one after the other, twice, as an upgrade does it, while a client of each
 * session sends numbered lines and gets them back. Counts what was lost, doubled or out of order,
 * and tells the longest silence that each client saw at each restart, and what it consisted of.
 *
 * The sandboxes are those of crowd-platform.ts (the driver's own way to the hub, whole, without a
 * sandbox around it), or with `--real` those of the local platform. Prints JSON; ends with 1 when a
 * line is wrong or the bound of a silence is missed; `--keep` writes bench/rolling.json.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { HubConnection } from "../src/client/index.ts";
import { connectNode } from "../src/client/node.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { exited, makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { PostgresServer } from "../test/support/postgres-server.ts";
import { Balancer } from "./balancer.ts";

const NAMES = ["a", "b"];
const ROUNDS = 2;
const IN_FLIGHT = 16;
/** Of each client; a silence is seen no finer. */
const EVERY_MS = 250;
const LINE_BYTES = 16;
/** Between a hub that is ready again and the next one that ends. */
const REST_MS = 8_000;
const STALL_P99_MS_MAX = 2_500;

const real = process.argv.includes("--real");
const sessions = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 500);
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What one client met since it was last asked, monotonic ms. */
interface Met {
  stallMs: number;
  /** Of that stall: the last line before it, and when link and channel were there again. */
  stall: { fromMs: number; downMs: number; linkMs: number; channelMs: number };
}

/** One client with its session: what it sends comes back, each line once and in order. */
class Talker {
  readonly name: string;
  #connection: HubConnection | null = null;
  #sent = 0;
  #heard = 0;
  #rest = "";
  #lastAtMs = 0;
  #times = { downMs: 0, linkMs: 0, channelMs: 0 };
  #met: Met = blank();
  wrong = 0;
  #write: ((bytes: Uint8Array) => unknown) | null = null;
  #over: (() => Promise<unknown>) | null = null;

  constructor(name: string) {
    this.name = name;
  }

  async open(url: string): Promise<void> {
    const connection = await connectNode(() => ({ url, token: TOKEN }), this.name);
    this.#connection = connection;
    const channel = await connection.attach(this.name);
    connection.onState(({ kind }) => {
      if (kind === "live") this.#times.linkMs = performance.now();
      else this.#times.downMs = performance.now();
    });
    channel.onPhase(({ kind }) => {
      if (kind === "live") this.#times.channelMs = performance.now();
    });
    const running = channel.exec({ argv: ["cat"], onStdout: (bytes) => this.#take(bytes) });
    await running.opened;
    this.#write = (bytes) => running.stdin.write(bytes);
    this.#over = () => {
      running.stdin.end();
      return running.exit;
    };
    this.#lastAtMs = performance.now();
  }

  send(): void {
    const line = `${this.#sent}`.padStart(LINE_BYTES - 1, "0");
    this.#sent += 1;
    this.#write?.(Buffer.from(`${line}\n`));
  }

  #take(bytes: Uint8Array): void {
    const nowMs = performance.now();
    const stallMs = nowMs - this.#lastAtMs;
    if (stallMs > this.#met.stallMs) {
      this.#met = { stallMs, stall: { fromMs: this.#lastAtMs, ...this.#times } };
    }
    this.#lastAtMs = nowMs;
    const lines = (this.#rest + Buffer.from(bytes).toString()).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (Number(line) !== this.#heard || line.length !== LINE_BYTES - 1) this.wrong += 1;
      this.#heard = Number(line) + 1;
    }
  }

  met(): Met {
    const met = this.#met;
    this.#met = blank();
    return met;
  }

  /** After the last line came back: lines that are missing. */
  async close(): Promise<{ sent: number; missing: number; wrong: number }> {
    await this.#over?.();
    this.#connection?.close();
    const missing = this.#sent - this.#heard;
    return { sent: this.#sent, missing, wrong: this.wrong + (this.#rest === "" ? 0 : 1) };
  }
}

function blank(): Met {
  return { stallMs: 0, stall: { fromMs: 0, downMs: 0, linkMs: 0, channelMs: 0 } };
}

interface Ground {
  readonly apiUrl: string;
  readonly apiKey: string;
  end(): Promise<void>;
}

async function openGround(): Promise<Ground> {
  if (real) {
    const platform = await startPlatform(makeDataDir());
    return { ...platform, end: () => stopPlatform(platform) };
  }
  const file = join(import.meta.dirname, "crowd-platform.ts");
  const flags = ["--disable-warning=ExperimentalWarning"];
  const child: ChildProcess = spawn(process.execPath, [...flags, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  const end = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited(child);
  };
  return { apiUrl: url, apiKey: "crowd-key-0123456789", end };
}

async function inTurns(count: number, act: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await act(n);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

function openHub(name: string, port: number, publicUrl: string, store: string, ground: Ground) {
  const { apiUrl, apiKey } = ground;
  const secret = "a secret of hubs that are only tried here";
  const peerListen = { host: "127.0.0.1", port: 0 };
  const callsPerMinute = 1_000_000;
  return new RealHub(
    ground,
    {},
    {
      cluster: { url: store, secret, name, peerListen, advertise: null },
      listen: { host: "127.0.0.1", port },
      publicUrl,
      logLevel: "info",
      platform: { kind: "daytona", target: "local", apiUrl, apiKey, callsPerMinute },
    },
  );
}

async function makeSession(url: string, name: string): Promise<void> {
  const made = await fetch(`${url}/v1/sessions?wait=60`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const text = await made.text();
  if (!text.includes('"state":"connected"')) throw new Error(`${name}: ${made.status} ${text}`);
}

/** One restart, and what the clients saw of it. */
async function restart(hub: RealHub, talkers: readonly Talker[]) {
  for (const talker of talkers) talker.met();
  const beganAtMs = performance.now();
  await hub.kill("SIGTERM");
  const goneMs = Math.round(performance.now() - beganAtMs);
  await hub.start();
  const readyMs = Math.round(performance.now() - beganAtMs);
  await pause(REST_MS);
  const met = talkers.map((talker) => talker.met());
  const stalls = met.filter(
    ({ stall }) => stall.downMs >= beganAtMs || stall.channelMs > beganAtMs,
  );
  const part = (read: (stall: Met["stall"]) => number) => spread(stalls.map((m) => read(m.stall)));
  const seen = {
    hubGoneMs: goneMs,
    hubReadyMs: readyMs,
    cutOff: stalls.length,
    silenceMs: spread(met.map(({ stallMs }) => stallMs)),
    ofWhich: {
      fromSigtermMs: part(({ fromMs }) => fromMs - beganAtMs),
      untilLinkMs: part(({ fromMs, linkMs }) => Math.max(0, linkMs - fromMs)),
      untilChannelMs: part(({ fromMs, channelMs }) => Math.max(0, channelMs - fromMs)),
    },
  };
  say(JSON.stringify(seen));
  return { seen, silencesMs: met.map(({ stallMs }) => stallMs) };
}

function spread(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

const postgres = await PostgresServer.start("on");
const ground = await openGround();
const hubs: RealHub[] = [];
const balancer = new Balancer(hubs);
try {
  await balancer.listen();
  const store = await postgres.fresh();
  for (const name of NAMES) {
    const hub = openHub(name, await freePort(), balancer.url, store, ground);
    hubs.push(hub);
    await hub.start();
  }
  await balancer.look();
  const talkers = Array.from({ length: sessions }, (_, n) => new Talker(`roll-${n}`));
  await inTurns(sessions, (n) => makeSession(balancer.url, `roll-${n}`));
  say(`${sessions} sessions are connected`);
  await inTurns(sessions, async (n) => talkers[n]?.open(balancer.url));
  // Each at a moment of its own.
  const timers = talkers.map(async (talker, n) => {
    await pause((n * EVERY_MS) / sessions);
    return setInterval(() => talker.send(), EVERY_MS);
  });
  await pause(REST_MS);
  const quietMs = spread(talkers.map((talker) => talker.met().stallMs));
  say(`longest silences before anything ends, ms: ${JSON.stringify(quietMs)}`);
  const restarts = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const hub of hubs) restarts.push(await restart(hub, talkers));
  }
  for (const timer of timers) clearInterval(await timer);
  const ends = await Promise.all(talkers.map((talker) => talker.close()));
  const sum = (read: (end: (typeof ends)[number]) => number): number =>
    ends.reduce((total, end) => total + read(end), 0);
  const silenceMs = spread(restarts.flatMap(({ silencesMs }) => silencesMs));
  const figures = {
    sessions,
    sandboxes: real ? "real, on the local platform" : "drivers only",
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    linesBothWays: sum(({ sent }) => sent),
    linesLost: sum(({ missing }) => missing),
    linesWrong: sum(({ wrong }) => wrong),
    quietMs,
    silenceMs,
    restarts: restarts.map(({ seen }) => seen),
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const whole = figures.linesLost === 0 && figures.linesWrong === 0;
  process.exitCode = whole && silenceMs.p99 <= STALL_P99_MS_MAX ? 0 : 1;
  if (process.argv.includes("--keep")) {
    const file = join(import.meta.dirname, real ? "rolling-real.json" : "rolling.json");
    writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  }
} finally {
  balancer.close();
  for (const hub of hubs) await hub.remove();
  await ground.end();
  await postgres.stop();
}
