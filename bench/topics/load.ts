/** Many sessions that each send a little, all the time, each to a client of its own. */
import type { HubConnection } from "../../src/client/hub-connection.ts";
import { connectNode } from "../../src/client/node.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { cpuMs, rssBytes } from "../process-reading.ts";
import { profiled } from "../profiled.ts";
import { percentile, sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BYTES_PER_S = 40_000;
const BACK_MS_MAX = 280_000;
const WARM_MS = 5_000;
const WATCH_MS = 20_000;

async function run(asked: Run): Promise<readonly Row[]> {
  const { quick } = asked;
  const sessions = asked.sessions[0] ?? (quick ? 100 : 1_000);
  const crowd = await CrowdHub.open();
  const links: HubConnection[] = [];
  try {
    await crowd.seed(sessions);
    await crowd.start();
    await crowd.comeBack(BACK_MS_MAX);
    const heard = new Float64Array(sessions);
    for (let n = 0; n < sessions; n++) {
      const link = await connectNode(() => ({ url: crowd.url, token: TOKEN }));
      links.push(link);
      const channel = await link.attach(crowdName(n));
      const argv = ["flood", String(BYTES_PER_S)];
      const onStdout = (bytes: Uint8Array) => void (heard[n] = (heard[n] ?? 0) + bytes.length);
      channel.exec({ argv, onStdout }).exit.catch(() => undefined);
    }
    await sleep(WARM_MS);
    const stop = await profiled("load", asked, () => crowd.inspect());
    heard.fill(0);
    const pids = [crowd.hub.pid, crowd.crowdPid, process.pid] as const;
    const before = pids.map(cpuMs);
    const beganAtMs = performance.now();
    const health = await crowd.healthFor(quick ? WATCH_MS / 2 : WATCH_MS);
    const tookMs = performance.now() - beganAtMs;
    const percents = pids.map((pid, n) => (100 * (cpuMs(pid) - (before[n] ?? 0))) / tookMs);
    await stop();
    const rates = [...heard].map((bytes) => bytes / tookMs);
    const what = `${sessions} sessions of ${BYTES_PER_S / 1_000} KB/s`;
    return [
      {
        work: `${what}: the slowest gets`,
        unit: "KB/s",
        figure: Math.min(...rates),
        goals: [{ atLeast: (0.95 * BYTES_PER_S) / 1_000 }],
      },
      { work: `${what}: the median gets`, unit: "KB/s", figure: percentile(rates, 0.5) },
      {
        work: `${what}: processor of the hub`,
        unit: "% of a core",
        figure: percents[0] ?? NaN,
        // What the hub can have of two cores is what these leave.
        others: { "the drivers": percents[1] ?? NaN, "the clients": percents[2] ?? NaN },
      },
      { work: `${what}: health meanwhile, p99`, unit: "ms", figure: health.p99Ms },
      {
        work: `${what}: memory of the hub`,
        unit: "MiB",
        figure: rssBytes(crowd.hub.pid) / 1024 / 1024,
      },
    ];
  } finally {
    for (const link of links) link.close();
    await crowd.close();
  }
}

export const load: Topic = {
  name: "load",
  about: "many sessions that send 40 KB a second each",
  needs: [],
  once: true,
  run,
};
