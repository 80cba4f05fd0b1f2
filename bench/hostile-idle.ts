/**
 * `node bench/hostile-idle.ts [CONNECTIONS] [ECHOES] [ATTACK]`: what a real client feels while
 * strangers hold 5,000 connections to its hub and say next to nothing: silence, half a head, half
 * an upgrade, an upgrade of nobody, links without a hello, half a body, half a TLS handshake; what
 * the hub ends is dialled again. Plain and with TLS, from many addresses, and from the client's
 * own. The client echoes keys alone and beside them, in turn, and opens new connections. Prints
 * JSON; ends with 1 when it was locked out or the hub logged a defect. Needs 15,000 descriptors.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { get as getSafely } from "node:https";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { openHub, type Hub, type SessionChannel } from "../src/client/index.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { Certificates } from "../test/support/certificates.ts";
import type { CrowdCount, CrowdWish } from "./idle-crowd.ts";

const CONNECTIONS = Number(process.argv[2] ?? 5_000);
const ECHOES = Number(process.argv[3] ?? 2_000);
const ONLY = process.argv[4] ?? null;
/** Above the hub's room for strangers. */
const FLOOD = 12_000;
/** Somebody types: between the echoes the hub does what it does by itself. */
const PAUSE_MS = 2;
/** In turn, so that whoever else uses the machine is in both. */
const ROUNDS = 2;
/** All have been dialled by then, and as many are ended and dialled again as in any second. */
const SETTLE_MS = 11_000;
const CALM_MS = 1_500;
const NEW_CALLS = 50;
const NEW_CALL_MS_MAX = 5_000;

const sleep = (waitMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, waitMs));
const round = (value: number): number => Math.round(value * 100) / 100;
const quantile = (took: readonly number[], share: number): number =>
  round(took.toSorted((a, b) => a - b)[Math.floor(took.length * share)] ?? NaN);
interface Echo {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const echoOf = (took: readonly number[]): Echo => ({
  p50Ms: quantile(took, 0.5),
  p99Ms: quantile(took, 0.99),
  maxMs: round(Math.max(...took)),
});

async function echoes(channel: SessionChannel): Promise<number[]> {
  let heard = (): void => undefined;
  const exec = channel.exec({ argv: ["cat"], onStdout: () => heard() });
  const took: number[] = [];
  for (let n = 0; n < ECHOES; n++) {
    const beganAt = performance.now();
    const back = new Promise<void>((resolve) => (heard = resolve));
    await exec.stdin.write(Uint8Array.of(120));
    await back;
    took.push(performance.now() - beganAt);
    await sleep(PAUSE_MS);
  }
  exec.stdin.end();
  return took;
}

/** Calls on connections of their own; those that were not answered with 200 have no time. */
async function newCalls(url: string): Promise<{ readonly failed: number; readonly p99Ms: number }> {
  const took: number[] = [];
  const ask = url.startsWith("https:") ? getSafely : get;
  const headers = { authorization: `Bearer ${TOKEN}` };
  for (let n = 0; n < NEW_CALLS; n++) {
    const beganAt = performance.now();
    const status = await new Promise((resolve) => {
      const wish = { agent: false, headers, timeout: NEW_CALL_MS_MAX } as const;
      const asked = ask(`${url}/v1/sessions/demo`, wish, (answer) => {
        answer.resume().once("end", () => resolve(answer.statusCode));
      });
      asked.once("error", ({ message }) => resolve(message));
      asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
    });
    if (status === 200) took.push(performance.now() - beganAt);
  }
  return { failed: NEW_CALLS - took.length, p99Ms: quantile(took, 0.99) };
}

interface Look {
  readonly rssMib: number;
  readonly descriptors: number;
}

function lookAt({ pid }: RealHub): Look {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const rssMib = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
  return { rssMib, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

async function counted(crowd: ChildProcess): Promise<CrowdCount> {
  const told = once(crowd, "message") as Promise<[CrowdCount]>;
  crowd.send("count");
  return (await told)[0];
}

/** The crowd for as long as `work` takes; then what it held before it left. */
async function beside<T>(wish: CrowdWish, work: () => Promise<T>): Promise<[T, CrowdCount]> {
  const crowd = fork(join(import.meta.dirname, "idle-crowd.ts"), { stdio: "inherit" });
  try {
    crowd.send(wish);
    await sleep(SETTLE_MS);
    const done = await work();
    return [done, await counted(crowd)];
  } finally {
    crowd.kill("SIGKILL");
    await sleep(CALM_MS);
  }
}

type Attack = Pick<CrowdWish, "isTls" | "connections" | "addresses" | "dialsPerTick">;

async function face(hub: RealHub, open: Hub, attack: Attack) {
  await using channel = await open.attach("demo");
  await echoes(channel);
  const before = lookAt(hub);
  const wish = { ...attack, port: Number(new URL(hub.url).port) };
  const [alone, crowded, rounds]: [number[], number[], object[]] = [[], [], []];
  let isServed = true;
  for (let at = 0; at < ROUNDS; at++) {
    const made = { name: "stranger", role: "viewer" };
    const { id, token } = await hub.ask<{ id: string; token: string }>("POST", "/tokens", made);
    alone.push(...(await echoes(channel)));
    const newAlone = await newCalls(hub.url);
    const [seen, crowd] = await beside({ ...wish, token }, async () => {
      crowded.push(...(await echoes(channel)));
      return { newCalls: await newCalls(hub.url), held: lookAt(hub) };
    });
    rounds.push({ newAlone, ...seen, crowd });
    isServed &&= seen.newCalls.failed === 0;
    await hub.ask("DELETE", `/tokens/${id}`);
  }
  const after = lookAt(hub);
  const echo = { alone: echoOf(alone), crowded: echoOf(crowded) };
  const ratio = round(echo.crowded.p99Ms / echo.alone.p99Ms);
  return { ratio, isServed, echo, before, after, rounds };
}

async function withstand(attack: Attack) {
  const platform = await startPlatform(makeDataDir());
  const all = new Certificates();
  setDefaultCACertificates([all.rootPem]);
  const hub = new RealHub(platform, {}, attack.isTls ? { tls: all.pair("hub") } : {});
  try {
    await hub.start();
    await using open = openHub({ url: hub.url, token: TOKEN });
    await open.create({ name: "demo" });
    const figures = await face(hub, open, attack);
    const defects = hub.log().match(/.*"level":(50|60).*/g) ?? [];
    return { ...figures, defects: defects.slice(0, 5) };
  } finally {
    await hub.remove();
    await stopPlatform(platform);
    all.remove();
  }
}

const many = Array.from({ length: 50 }, (_, at) => `127.0.0.${at + 2}`);
const usual: Attack = {
  ...{ isTls: false, connections: CONNECTIONS, addresses: many },
  // As many in a second as the hub ends in a second.
  dialsPerTick: 5,
};
const attacks = {
  plain: usual,
  tls: { ...usual, isTls: true },
  oneAddress: { ...usual, addresses: ["127.0.0.1"] },
  // No idle crowd any more: more than there is room for, who come and come back all at once.
  flood: { ...usual, connections: FLOOD, dialsPerTick: 25 },
};
const figures: Record<string, Awaited<ReturnType<typeof withstand>>> = {};
for (const [name, attack] of Object.entries(attacks)) {
  if (ONLY === null || ONLY === name) figures[name] = await withstand(attack);
}
const each = Object.entries(figures);
const isWell = each.every(([, { isServed, defects }]) => isServed && defects.length === 0);
// Told apart: whoever else uses the machine is in it.
const isQuick = each.every(([name, { ratio }]) => name === "flood" || ratio <= 2);
const told = { connections: CONNECTIONS, echoes: ECHOES, isWell, isQuick, ...figures };
const text = `${JSON.stringify(told, null, 2)}\n`;
process.stdout.write(text);
if (CONNECTIONS >= 5_000 && ONLY === null)
  writeFileSync(join(import.meta.dirname, "hostile-idle.json"), text);
process.exitCode = isWell ? 0 : 1;
