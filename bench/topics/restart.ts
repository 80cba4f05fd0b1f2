/**
 * kill -9 of a hub: until it listens again with many sessions in its store, beside the same with
 * none, and until the drivers of those that live are back and all are proven.
 */
import { connectNode } from "../../src/client/node.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { median } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 280_000;
const KEY_EVERY_MS = 50;

async function run({ sessions, quick, rounds }: Run): Promise<readonly Row[]> {
  const [live = quick ? 200 : 1_000, stored = quick ? 5_000 : 50_000] = sessions;
  const empty = await starts(0, quick ? 3 : rounds);
  const full = await starts(stored, quick ? 3 : rounds);
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(live);
    await crowd.start();
    await crowd.comeBack(BACK_MS_MAX);
    const stream = await keysThrough(crowd.url);
    const beganAtMs = performance.now();
    await crowd.hub.kill("SIGKILL");
    await crowd.start();
    const startedMs = performance.now() - beganAtMs;
    const back = await crowd.comeBack(BACK_MS_MAX);
    const since = (ms: number | null): number | null =>
      ms === null ? null : (startedMs + ms) / 1_000;
    const movedMs = await stream.movedAfter(beganAtMs);
    const killed = `kill -9 with ${live} sessions`;
    return [
      {
        work: `start with ${stored} sessions in the store`,
        unit: "ms",
        figure: full.readyMs,
        others: { "an empty store": empty.readyMs },
        goals: [{ atMost: 1.4, of: "an empty store" }],
      },
      {
        work: `the same, until a list of them is answered`,
        unit: "ms",
        figure: full.listedMs,
        others: { "an empty store": empty.listedMs },
      },
      { work: `${killed}: listens`, unit: "s", figure: startedMs / 1_000 },
      {
        work: `${killed}: a stream moves again`,
        unit: "s",
        figure: movedMs / 1_000,
        goals: [{ atMost: 3 }],
      },
      { work: `${killed}: all drivers are back`, unit: "s", figure: since(back.liveMs) },
      { work: `${killed}: all are proven`, unit: "s", figure: since(back.provenMs) },
      { work: `${killed}: health meanwhile, p99`, unit: "ms", figure: back.health.p99Ms },
    ];
  } finally {
    await crowd.close();
  }
}

/** From the start of the process until it is ready, and until it tells of all, in ms. */
async function starts(stored: number, rounds: number) {
  const crowd = await CrowdHub.open();
  const readyMs: number[] = [];
  const listedMs: number[] = [];
  try {
    await crowd.seed(0, stored);
    for (let round = 0; round <= rounds; round++) {
      const beganAtMs = performance.now();
      await crowd.start();
      const readyAtMs = performance.now();
      await crowd.hub.ask("GET", "/sessions?limit=1");
      // The first start compiles what later ones find on the disk.
      if (round > 0) {
        readyMs.push(readyAtMs - beganAtMs);
        listedMs.push(performance.now() - beganAtMs);
      }
      await crowd.hub.kill("SIGKILL");
    }
    return { readyMs: median(readyMs), listedMs: median(listedMs) };
  } finally {
    await crowd.close();
  }
}

/** A client that types all the time, and notes when something comes back. */
async function keysThrough(url: string) {
  const link = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await link.attach(crowdName(0));
  const heardAtMs: number[] = [];
  const exec = channel.exec({
    argv: ["cat"],
    onStdout: () => void heardAtMs.push(performance.now()),
  });
  exec.exit.catch(() => undefined);
  await exec.opened;
  const timer = setInterval(() => void exec.stdin.write(Uint8Array.of(120)), KEY_EVERY_MS);
  return {
    movedAfter: async (ms: number): Promise<number> => {
      for (;;) {
        const first = heardAtMs.find((at) => at > ms + KEY_EVERY_MS);
        if (first !== undefined) {
          clearInterval(timer);
          link.close();
          return first - ms;
        }
        await new Promise((next) => setTimeout(next, KEY_EVERY_MS));
      }
    },
  };
}

export const restart: Topic = {
  name: "restart",
  about: "kill -9 of the hub, with many sessions stored and many live",
  needs: [],
  run,
};
