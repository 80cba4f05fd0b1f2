/**
 * `node bench/streams.ts [MIB]`: how fast bytes go through client, hub, driver and command. All are
 * real processes but the client, which is this one. Figures of a loaded machine say little, so the
 * load is printed beside them.
 */
import { loadavg } from "node:os";
import { connectNode } from "../src/client/node.ts";
import type { SessionChannel } from "../src/client/session-channel.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const MIB = 1024 * 1024;
const ROUNDS = 3;
const KEYS = 300;
/** Between two keys, as a fast typist's: the caches go cold as they do in life. */
const KEY_EVERY_MS = 4;

const bulkMiB = Number(process.argv[2] ?? 128);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function bulk(channel: SessionChannel): Promise<number> {
  let bytes = 0;
  const exec = channel.exec({
    argv: ["head", "-c", String(bulkMiB * MIB), "/dev/zero"],
    onStdout: (chunk) => void (bytes += chunk.length),
  });
  await exec.opened;
  const beganAtMs = performance.now();
  await exec.exit;
  if (bytes !== bulkMiB * MIB) throw new Error(`${bytes} bytes came`);
  return bytes / 1e6 / ((performance.now() - beganAtMs) / 1_000);
}

/** Median and 99th percentile of one byte's way to `cat` and back, in ms. */
async function echo(channel: SessionChannel): Promise<{ p50: number; p99: number }> {
  let heard = (): void => undefined;
  const cat = channel.exec({ argv: ["cat"], onStdout: () => heard() });
  await cat.opened;
  const tookMs: number[] = [];
  for (let key = 0; key < KEYS; key++) {
    const beganAtMs = performance.now();
    const back = new Promise<void>((resolve) => (heard = resolve));
    void cat.stdin.write(Uint8Array.of(120));
    await back;
    tookMs.push(performance.now() - beganAtMs);
    await sleep(KEY_EVERY_MS);
  }
  cat.cancel();
  cat.exit.catch(() => undefined);
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => tookMs[Math.floor(tookMs.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

async function echoUnderBulk(channel: SessionChannel): Promise<{ p50: number; p99: number }> {
  const flood = channel.exec({ argv: ["cat", "/dev/zero"] });
  await flood.opened;
  const result = await echo(channel);
  flood.cancel();
  flood.exit.catch(() => undefined);
  return result;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const ms = (value: number): string => value.toFixed(2);

const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
await hub.start();
await hub.ask("POST", "/sessions?wait=30", { name: "demo" });
const connection = await connectNode(() => ({ url: hub.url, token: TOKEN }));
const channel = await connection.attach("demo");
for (let round = 1; round <= ROUNDS; round++) {
  const rate = await bulk(channel);
  const quiet = await echo(channel);
  const loaded = await echoUnderBulk(channel);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  say(
    `round ${round}: bulk ${rate.toFixed(1)} MB/s; echo p50 ${ms(quiet.p50)} p99 ${ms(quiet.p99)} ms; ` +
      `under bulk p50 ${ms(loaded.p50)} p99 ${ms(loaded.p99)} ms; load ${load}`,
  );
}
connection.close();
await hub.ask("DELETE", "/sessions/demo?wait=20");
await hub.remove();
await stopPlatform(platform);
