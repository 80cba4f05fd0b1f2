/** A stream through a hub that passes it on, beside the same stream at the hub that has it. */
import { connectNode } from "../../src/client/node.ts";
import type { SessionChannel } from "../../src/client/session-channel.ts";
import { RealHub, TOKEN } from "../../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../../test/e2e/platform-kit.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { spread, type Figures } from "./figures.ts";

const ROUNDS = 7;
const ECHOES = 300;
const ECHO_BYTES = 64;
const BULK_MIB = 64;
const MIB = 1_048_576;

export async function measureSplice(figures: Figures): Promise<void> {
  const server = await PostgresServer.start();
  const platform = await startPlatform(makeDataDir());
  const url = await server.fresh();
  const secret = "a secret of hubs that are measured here";
  const hubs = ["a", "b"].map((name) => {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const cluster = { url, secret, name, peerListen, advertise: null };
    return new RealHub(platform, {}, { cluster, logLevel: "warn" });
  });
  try {
    for (const hub of hubs) await hub.start();
    await hubs[0]?.ask("POST", "/sessions?wait=60", { name: "one" });
    const dial = async ({ url: at }: RealHub) =>
      connectNode(() => ({ url: at, token: TOKEN }), "one");
    const connections = await Promise.all(hubs.map(dial));
    const channels = await Promise.all(connections.map((one) => one.attach("one")));
    await compare(channels, figures);
    for (const connection of connections) connection.close();
  } finally {
    for (const hub of hubs) await hub.remove();
    await stopPlatform(platform);
    await server.stop();
  }
}

/** In turns, so that whatever else the machine does meets both alike. */
async function compare([owner, other]: readonly SessionChannel[], figures: Figures): Promise<void> {
  if (owner === undefined || other === undefined) throw new Error("two channels are compared");
  const ratios: { rtt: number[]; rate: number[] } = { rtt: [], rate: [] };
  const ownMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [near, far] = [await echoMs(owner), await echoMs(other)];
    const [nearRate, farRate] = [await bulkMibPerS(owner), await bulkMibPerS(other)];
    // The first warms both up.
    if (round === 0) continue;
    ownMs.push(near);
    ratios.rtt.push(far / near);
    ratios.rate.push(farRate / nearRate);
  }
  figures.tell("echo of 64 bytes at the hub that has the session, ms", spread(ownMs).p50);
  figures.atMost("echo through another hub beside it, ratio", spread(ratios.rtt).p50, 1.6);
  const rate = spread(ratios.rate).p50;
  figures.tell(
    "bytes a second through another hub beside it, ratio",
    rate,
    "0.8 or more",
    rate >= 0.8,
  );
}

async function echoMs(channel: SessionChannel): Promise<number> {
  let [heard, wanted] = [0, 0];
  let next = Promise.withResolvers<undefined>();
  const onStdout = (bytes: Uint8Array): void => {
    heard += bytes.length;
    if (heard >= wanted) next.resolve(undefined);
  };
  const running = channel.exec({ argv: ["cat"], onStdout });
  await running.opened;
  const tookMs: number[] = [];
  for (let n = 0; n < ECHOES; n++) {
    next = Promise.withResolvers<undefined>();
    wanted += ECHO_BYTES;
    const saidAtMs = performance.now();
    await running.stdin.write(Buffer.alloc(ECHO_BYTES, 97));
    await next.promise;
    tookMs.push(performance.now() - saidAtMs);
  }
  running.stdin.end();
  await running.exit;
  return spread(tookMs).p50;
}

async function bulkMibPerS(channel: SessionChannel): Promise<number> {
  let heard = 0;
  const onStdout = (bytes: Uint8Array): void => void (heard += bytes.length);
  const beganAtMs = performance.now();
  const argv = ["head", "-c", String(BULK_MIB * MIB), "/dev/zero"];
  await channel.exec({ argv, onStdout }).exit;
  if (heard !== BULK_MIB * MIB) throw new Error(`${heard} bytes came`);
  return (BULK_MIB * 1_000) / (performance.now() - beganAtMs);
}
