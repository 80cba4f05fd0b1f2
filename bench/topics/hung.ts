/**
 * Reads of health while the platform answers nothing at all: they are told from what the hub knows,
 * so that they must be as quick as before. Beside plain node:http that is asked as often.
 */
import { bareHealth } from "../bare-crowd.ts";
import { CrowdHub } from "../crowd-hub.ts";
import { percentile, sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 60_000;
const SETTLE_MS = 5_000;
const WATCH_MS = 20_000;
/** Longer than a call of the platform may take, so that the hub has noticed. */
const HANG_MS = 20_000;
const READS = 500;
const READ_EVERY_MS = 20;

async function run({ quick }: Run): Promise<readonly Row[]> {
  const sessions = quick ? 50 : 200;
  const watchMs = quick ? WATCH_MS / 4 : WATCH_MS;
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(sessions);
    await crowd.start();
    await crowd.comeBack(BACK_MS_MAX);
    await sleep(SETTLE_MS);
    const well = await crowd.healthFor(watchMs);
    await crowd.hang();
    await sleep(HANG_MS);
    const hung = await crowd.healthFor(watchMs);
    const connected = await crowd.connected();
    const bare: number[] = [];
    await bareHealth(async (url) => {
      for (let read = 0; read < READS; read++) bare.push(await tookMs(url));
      return READS;
    });
    const what = `health of one of ${sessions} sessions under a platform that hangs`;
    const others = (share: number, before: number) => ({
      "before it hung": before,
      "node:http": percentile(bare, share),
    });
    return [
      { work: `${what}, p50`, unit: "ms", figure: hung.p50Ms, others: others(0.5, well.p50Ms) },
      {
        work: `${what}, p99`,
        unit: "ms",
        figure: hung.p99Ms,
        others: others(0.99, well.p99Ms),
        goals: [{ atMost: 20 }],
      },
      {
        work: "sessions that stay connected meanwhile",
        unit: "",
        figure: connected,
        goals: [{ atLeast: sessions }],
      },
    ];
  } finally {
    await crowd.close();
  }
}

async function tookMs(url: string): Promise<number> {
  const beganAtMs = performance.now();
  await (await fetch(url)).arrayBuffer();
  const took = performance.now() - beganAtMs;
  await sleep(READ_EVERY_MS);
  return took;
}

export const hung: Topic = {
  name: "hung",
  about: "health under a platform that answers nothing",
  needs: [],
  once: true,
  run,
};
