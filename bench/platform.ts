/**
 * `node bench/platform.ts [ROUNDS [SANDBOXES]]`: how long the local platform takes for what a hub
 * asks of it, alone and with many sandboxes beside, and what a sandbox costs in memory; all of it
 * beside bubblewrap started by hand. Prints JSON; needs root and bwrap.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../src/base/clock.ts";
import { DaytonaProvider } from "../src/providers/daytona/daytona.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const rounds = Number(process.argv[2] ?? 20);
const many = Number(process.argv[3] ?? 100);
const callMs = 60_000;
const mib = new Uint8Array(1024 * 1024).fill(7);

const platform = await startPlatform(makeDataDir());
const { apiUrl, apiKey } = platform;
const common = { platform: "local", target: "local", clock: systemClock, autoStopMs: null };
const provider = new DaytonaProvider({ ...common, apiUrl, apiKey, callMs });
let took: Record<string, number[]> = {};

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const beganAt = performance.now();
  const result = await work();
  (took[what] ??= []).push(performance.now() - beganAt);
  return result;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10;
}

/** The same namespaces and mounts, and nothing inside but a program. */
function bareBwrap(program: readonly string[], env = process.env): ChildProcess {
  const mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const options = ["--unshare-all", "--die-with-parent", ...mounts, "--", ...program];
  return spawn("bwrap", options, { env, stdio: "ignore" });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}

/** As many of them as of sandboxes, each asleep; their median in MiB. */
async function bareMemory(count: number): Promise<number> {
  const names = Array.from({ length: count }, (_, index) => `bare-${index}`);
  const children = names.map((name) =>
    bareBwrap(["/bin/sleep", "60"], { ...process.env, HOLDFAST_SANDBOX: name }),
  );
  const ends = children.map((child) => ended(child));
  await delay(1_000);
  const held = names.slice(0, 10).map((name) => memoryOf(`HOLDFAST_SANDBOX=${name}`));
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(ends);
  return median(held);
}

function mediansOf(all: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  return Object.fromEntries(Object.entries(all).map(([what, values]) => [what, median(values)]));
}

async function useOnce(id: string): Promise<void> {
  await timed("exec of true", () => provider.exec(id, { command: "true", timeoutMs: callMs }));
  await timed("write of 1 MiB", () => provider.writeFile(id, "file", mib));
  await timed("read of 1 MiB", () => provider.readFile(id, "file"));
  await timed("pause", () => provider.pause(id, callMs));
  await timed("resume", () => provider.start(id, callMs));
}

async function oneRound(round: number): Promise<void> {
  const name = `bench-${round}`;
  const made = await timed("create to started", () =>
    provider.create({ name, env: {}, labels: {} }, callMs),
  );
  const id = made.sandboxId;
  await useOnce(id);
  await timed("stop", () => provider.stop(id, callMs));
  await timed("start", () => provider.start(id, callMs));
  await timed("delete", () => provider.destroy(id));
  await timed("bwrap by hand", () => ended(bareBwrap(["/bin/true"])));
}

/** What its processes hold alone and their share of what they hold together, in MiB. */
function memoryOf(marker: string): number {
  let kib = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const environ = readFileSync(`/proc/${pid}/environ`, "latin1");
      if (!environ.split("\0").includes(marker)) continue;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      kib += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It ended while it was looked at.
    }
  }
  return Math.round((kib / 1024) * 10) / 10;
}

try {
  await provider.facts();
  for (let round = 0; round < rounds; round++) await oneRound(round);
  const beganAt = performance.now();
  const names = Array.from({ length: many }, (_, index) => `many-${index}`);
  const made = await Promise.all(
    names.map((name) => provider.create({ name, env: {}, labels: {} }, callMs)),
  );
  const allMs = Math.round(performance.now() - beganAt);
  const markers = made.slice(0, 10).map(({ sandboxId }) => `HOLDFAST_SANDBOX=${sandboxId}`);
  const memory = markers.map(memoryOf);
  const mediansMs = mediansOf(took);
  took = {};
  for (const { sandboxId } of made.slice(0, rounds)) await useOnce(sandboxId);
  const together = { sandboxes: many, allStartedMs: allMs, mediansMs: mediansOf(took) };
  const memoryMib = { sandbox: median(memory), bwrapByHand: await bareMemory(many) };
  const figures = { rounds, tier: platform.tier, mediansMs, together, memoryMib };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await provider.close();
  await stopPlatform(platform);
}
