/**
 * `node bench/streams.ts [MIB] [ROUNDS]`: how fast bytes go through client, hub, driver and
 * command, and how long a keystroke takes beside them. All are real processes but the client, which
 * is this one. Figures of a loaded machine say little, so the load is printed beside them; on the
 * shaped lines it is the line that counts, and not the machine.
 */
import { loadavg } from "node:os";
import { connectNode } from "../src/client/node.ts";
import type { SessionChannel } from "../src/client/session-channel.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { openShapedLine, type Shape } from "./shaped-line.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const MIB = 1024 * 1024;
const KEYS = 300;
const KEYS_ON_LINE = 60;
/** Long enough for windows to grow and buffers to fill. */
const LINE_FILL_MS = 3_000;
const LINES: readonly Shape[] = [
  { bytesPerMs: 250, latencyMs: 20 },
  { bytesPerMs: 2_000, latencyMs: 20 },
  { bytesPerMs: 10_000, latencyMs: 5 },
];
/** Between two keys, as a fast typist's: the caches go cold as they do in life. */
const KEY_EVERY_MS = 4;

const bulkMiB = Number(process.argv[2] ?? 128);
const rounds = Number(process.argv[3] ?? 3);
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
async function echo(channel: SessionChannel, keys = KEYS): Promise<string> {
  let heard = (): void => undefined;
  const cat = channel.exec({ argv: ["cat"], onStdout: () => heard() });
  await cat.opened;
  const tookMs: number[] = [];
  for (let key = 0; key < keys; key++) {
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
  const at = (share: number): string => (tookMs[Math.floor(tookMs.length * share)] ?? 0).toFixed(2);
  return `${at(0.5)}/${at(0.99)}`;
}

/** The echo of one channel while another, or the same, takes all that a command can write. */
async function echoUnderBulk(
  channel: SessionChannel,
  flooded: SessionChannel,
  { keys = KEYS, fillMs = 0 } = {},
): Promise<string> {
  let bytes = 0;
  const flood = flooded.exec({
    argv: ["cat", "/dev/zero"],
    onStdout: (chunk) => void (bytes += chunk.length),
  });
  await flood.opened;
  await sleep(fillMs);
  bytes = 0;
  const beganAtMs = performance.now();
  const took = await echo(channel, keys);
  const rate = bytes / 1e3 / (performance.now() - beganAtMs);
  flood.cancel();
  flood.exit.catch(() => undefined);
  return `${took} (beside ${rate.toFixed(2)} MB/s)`;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
await hub.start();
await hub.ask("POST", "/sessions?wait=30", { name: "demo" });
await hub.ask("POST", "/sessions?wait=30", { name: "other" });
const connect = () => connectNode(() => ({ url: hub.url, token: TOKEN }));
const [first, second] = [await connect(), await connect()];
const channel = await first.attach("demo");
const sameSession = await second.attach("demo");
const otherSession = await second.attach("other");
for (let round = 1; round <= rounds; round++) {
  const rate = await bulk(channel);
  const quiet = await echo(channel);
  say(`round ${round}: bulk ${rate.toFixed(1)} MB/s; echo p50/p99 in ms: quiet ${quiet}`);
  say(`  under bulk, same connection:  ${await echoUnderBulk(channel, channel)}`);
  say(`  under bulk, same session:     ${await echoUnderBulk(sameSession, channel)}`);
  say(`  under bulk, another session:  ${await echoUnderBulk(otherSession, channel)}`);
  say(`  load ${(loadavg()[0] ?? 0).toFixed(1)}`);
}
for (const shape of LINES) {
  const { hostname: host, port } = new URL(hub.url);
  const line = await openShapedLine({ host, port: Number(port) }, shape);
  const away = await connectNode(() => ({ url: `http://127.0.0.1:${line.port}`, token: TOKEN }));
  const far = await away.attach("demo");
  const quiet = await echo(far, KEYS_ON_LINE);
  const loaded = await echoUnderBulk(far, far, { keys: KEYS_ON_LINE, fillMs: LINE_FILL_MS });
  const rate = `${shape.bytesPerMs / 1_000} MB/s, round trip ${2 * shape.latencyMs} ms`;
  say(`line of ${rate}: quiet ${quiet}, under bulk ${loaded}`);
  away.close();
  line.close();
}
first.close();
second.close();
await hub.ask("DELETE", "/sessions/demo?wait=20");
await hub.ask("DELETE", "/sessions/other?wait=20");
await hub.remove();
await stopPlatform(platform);
