/**
 * What somebody at work notices of others on the same hub: keys and reads of health, on a hub with
 * one session, on one with many that are idle and on one with some that are busy, in turns; beside
 * plain node:http.
 */
import { connectNode } from "../../src/client/node.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { bareHealth } from "../bare-crowd.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { median, percentile, sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 280_000;
const SETTLE_MS = 15_000;
const KEYS = 1_000;
const KEY_EVERY_MS = 2;
const READS = 2_000;
const READERS = 8;
const BUSY = 50;
const BUSY_BYTES_PER_S = 40_000;

async function run({ sessions: [asked], quick, rounds }: Run): Promise<readonly Row[]> {
  const many = asked ?? (quick ? 200 : 1_000);
  const hubs = [await crowdOf(1), await crowdOf(many), await crowdOf(1 + BUSY)];
  const stop = await busyOn(hubs[2]?.url ?? "");
  try {
    await sleep(SETTLE_MS);
    const keys = hubs.map(() => [] as number[]);
    const reads = hubs.map(() => [] as number[]);
    const bare: number[] = [];
    for (let round = 0; round < (quick ? 1 : rounds); round++) {
      for (const [n, { url }] of hubs.entries()) {
        keys[n]?.push(...(await typing(url)));
        reads[n]?.push(await readsPerSecond(`${url}/livez`));
      }
      bare.push(await bareHealth(readsPerSecond));
    }
    const [alone = [], idle = [], busy = []] = keys;
    const idlers = `${many} idle sessions`;
    const busyOnes = `${BUSY} sessions of ${BUSY_BYTES_PER_S / 1_000} KB/s`;
    const of = (beside: readonly number[], what: string, share: number, most?: number): Row => ({
      work: `a key with ${what} on the hub, p${100 * share}`,
      unit: "ms",
      figure: percentile(beside, share),
      others: { "with one": percentile(alone, share) },
      goals: most === undefined ? [] : [{ atMost: most, of: "with one" }],
    });
    return [
      of(idle, idlers, 0.5, 1.1),
      of(idle, idlers, 0.999, 3),
      of(busy, busyOnes, 0.5),
      of(busy, busyOnes, 0.99),
      {
        work: `/livez with ${idlers} on the hub`,
        unit: "a second",
        figure: median(reads[1] ?? []),
        others: { "with one": median(reads[0] ?? []), "node:http": median(bare) },
        goals: [{ atLeast: 0.9, of: "node:http" }],
      },
    ];
  } finally {
    stop();
    for (const hub of hubs) await hub.close();
  }
}

/** All but the first session write all the time, to one client. */
async function busyOn(url: string): Promise<() => void> {
  const link = await connectNode(() => ({ url, token: TOKEN }));
  for (let n = 1; n <= BUSY; n++) {
    const channel = await link.attach(crowdName(n));
    const argv = ["flood", String(BUSY_BYTES_PER_S)];
    const exec = channel.exec({ argv, onStdout: () => undefined });
    exec.exit.catch(() => undefined);
  }
  return () => link.close();
}

async function crowdOf(sessions: number): Promise<CrowdHub> {
  const crowd = await CrowdHub.open();
  await crowd.seed(sessions);
  await crowd.start();
  await crowd.comeBack(BACK_MS_MAX);
  return crowd;
}

async function typing(url: string): Promise<number[]> {
  const link = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await link.attach(crowdName(0));
  let heard = (): void => undefined;
  const exec = channel.exec({ argv: ["cat"], onStdout: () => heard() });
  exec.exit.catch(() => undefined);
  await exec.opened;
  const tookMs: number[] = [];
  for (let key = -KEYS / 5; key < KEYS; key++) {
    const beganAtMs = performance.now();
    const back = new Promise<void>((resolve) => (heard = resolve));
    void exec.stdin.write(Uint8Array.of(120));
    await back;
    if (key >= 0) tookMs.push(performance.now() - beganAtMs);
    await sleep(KEY_EVERY_MS);
  }
  link.close();
  return tookMs;
}

async function readsPerSecond(url: string): Promise<number> {
  let left = READS;
  const beganAtMs = performance.now();
  const reader = async (): Promise<void> => {
    while (left-- > 0) await (await fetch(url)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return (1_000 * READS) / (performance.now() - beganAtMs);
}

export const beside: Topic = {
  name: "beside",
  about: "keys and health with many idle sessions on the same hub",
  needs: [],
  run,
};
