/**
 * `node bench/platform.ts [ROUNDS [SANDBOXES]]`: how long the local platform takes for what a hub
 * asks of it, beside bubblewrap started by hand, and what a sandbox costs in memory. Prints JSON;
 * needs root and bwrap.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
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
const took: Record<string, number[]> = {};

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

/** The same namespaces and mounts, and nothing inside but `true`. */
function bareBwrap(): Promise<void> {
  const mounts = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"];
  const child = spawn("bwrap", ["--unshare-all", ...mounts, "--", "/bin/true"]);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}

async function oneRound(round: number): Promise<void> {
  const name = `bench-${round}`;
  const made = await timed("create to started", () =>
    provider.create({ name, env: {}, labels: {} }, callMs),
  );
  const id = made.sandboxId;
  await timed("exec of true", () => provider.exec(id, { command: "true", timeoutMs: callMs }));
  await timed("write of 1 MiB", () => provider.writeFile(id, "file", mib));
  await timed("read of 1 MiB", () => provider.readFile(id, "file"));
  await timed("pause", () => provider.pause(id, callMs));
  await timed("resume", () => provider.start(id, callMs));
  await timed("stop", () => provider.stop(id, callMs));
  await timed("start", () => provider.start(id, callMs));
  await timed("delete", () => provider.destroy(id));
  await timed("bwrap by hand", bareBwrap);
}

/** What its processes hold alone and their share of what they hold together, in MiB. */
function memoryOf(sandboxId: string): number {
  const marker = `HOLDFAST_SANDBOX=${sandboxId}`;
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
  const memory = made.slice(0, 10).map(({ sandboxId }) => memoryOf(sandboxId));
  const execMs = await Promise.all(
    made.slice(0, 20).map(async ({ sandboxId }) => {
      const askedAt = performance.now();
      await provider.exec(sandboxId, { command: "true", timeoutMs: callMs });
      return performance.now() - askedAt;
    }),
  );
  const mediansMs = Object.fromEntries(
    Object.entries(took).map(([what, values]) => [what, median(values)]),
  );
  const together = { sandboxes: many, allStartedMs: allMs, execMedianMs: median(execMs) };
  const figures = { rounds, tier: platform.tier, mediansMs, together, memoryMib: median(memory) };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  await provider.close();
  await stopPlatform(platform);
}
