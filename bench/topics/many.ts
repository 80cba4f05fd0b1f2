/** Sessions that are made 32 at a time, each from its request to its proof. */
import { CrowdHub } from "../crowd-hub.ts";
import { cpuMs } from "../process-reading.ts";
import { profiled } from "../profiled.ts";
import { percentile } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const IN_FLIGHT = 32;

async function run(asked: Run): Promise<readonly Row[]> {
  const { quick } = asked;
  const sessions = asked.sessions[0] ?? (quick ? 100 : 500);
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(0);
    await crowd.start();
    const stop = await profiled("many", asked, () => crowd.inspect());
    const cpuBefore = cpuMs(crowd.hub.pid);
    const beganAtMs = performance.now();
    const tookMs: number[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < sessions) {
        const name = `many-${next++}`;
        const askedAtMs = performance.now();
        const session = await crowd.hub.ask("POST", "/sessions?wait=60", { name });
        if (session.state !== "connected") throw new Error(JSON.stringify(session));
        tookMs.push(performance.now() - askedAtMs);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    const seconds = (performance.now() - beganAtMs) / 1_000;
    const cpuEach = (cpuMs(crowd.hub.pid) - cpuBefore) / sessions;
    await stop();
    const what = `${sessions} sessions, ${IN_FLIGHT} at a time`;
    return [
      { work: `${what}: made and proven`, unit: "a second", figure: sessions / seconds },
      { work: `${what}: request to proof, p50`, unit: "ms", figure: percentile(tookMs, 0.5) },
      { work: `${what}: request to proof, p99`, unit: "ms", figure: percentile(tookMs, 0.99) },
      { work: `${what}: processor of the hub for one`, unit: "ms", figure: cpuEach },
    ];
  } finally {
    await crowd.close();
  }
}

export const many: Topic = {
  name: "many",
  about: "sessions that are made 32 at a time",
  needs: [],
  once: true,
  run,
};
