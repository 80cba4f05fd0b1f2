/**
 * What sessions cost in which nothing happens: memory of each (its client, its driver's link, its
 * actors and timers), and the processor of all of them; beside nginx with as many proxied
 * WebSockets. With several numbers of sessions it is the growth of that cost, too.
 */
import { connectNode } from "../../src/client/node.ts";
import type { HubConnection } from "../../src/client/hub-connection.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { bareCrowd, proxiedCrowd } from "../bare-crowd.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { cpuMs, rssBytes } from "../process-reading.ts";
import { sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 280_000;
/** The first patrols come one after the other; from then on it is as it will be. */
const SETTLE_MS = 20_000;
const WATCH_MS = 20_000;
const ATTACHED_AT_ONCE = 50;

export interface IdleCost {
  readonly sessions: number;
  readonly kibEach: number;
  readonly rssKibEach: number;
  readonly percentOfCore: number;
}

export async function idleCost(sessions: number, { quick, profile, say }: Run): Promise<IdleCost> {
  const crowd = await CrowdHub.open();
  const links: HubConnection[] = [];
  try {
    await crowd.seed(sessions);
    await crowd.start();
    const inspector = await crowd.inspect();
    const bare = await inspector.heapBytes();
    const bareRss = rssBytes(crowd.hub.pid);
    const back = await crowd.comeBack(BACK_MS_MAX);
    if (back.provenMs === null) throw new Error(`${back.proven} of ${sessions} were proven`);
    say(`  ${sessions} sessions: all proven after ${back.provenMs} ms`);
    for (let n = 0; n < sessions; n += ATTACHED_AT_ONCE) {
      const some = Array.from(
        { length: Math.min(ATTACHED_AT_ONCE, sessions - n) },
        (_, i) => n + i,
      );
      links.push(...(await Promise.all(some.map((one) => attached(crowd.url, crowdName(one))))));
    }
    await sleep(quick ? SETTLE_MS / 2 : SETTLE_MS);
    const stop = profile ? await inspector.profileFrom() : null;
    const before = cpuMs(crowd.hub.pid);
    const beganAtMs = performance.now();
    await sleep(quick ? WATCH_MS / 2 : WATCH_MS);
    const usedMs = cpuMs(crowd.hub.pid) - before;
    const percentOfCore = (100 * usedMs) / (performance.now() - beganAtMs);
    for (const line of (await stop?.()) ?? []) say(`  ${line}`);
    const kibEach = ((await inspector.heapBytes()) - bare) / sessions / 1024;
    const rssKibEach = (rssBytes(crowd.hub.pid) - bareRss) / sessions / 1024;
    inspector.close();
    return { sessions, kibEach, rssKibEach, percentOfCore };
  } finally {
    for (const link of links) link.close();
    await crowd.close();
  }
}

async function attached(url: string, name: string): Promise<HubConnection> {
  const link = await connectNode(() => ({ url, token: TOKEN }));
  await link.attach(name);
  return link;
}

async function run(asked: Run): Promise<readonly Row[]> {
  const counts = asked.sessions.length > 0 ? asked.sessions : asked.quick ? [200] : [1_000];
  const rows: Row[] = [];
  for (const count of counts) {
    const cost = await idleCost(count, asked);
    const nginx = await proxiedCrowd(count);
    const bare = await bareCrowd(count);
    const others = {
      ...(nginx !== null && { nginx: nginx.bytesEach / 1024 }),
      "bare ws": bare.bytesEach / 1024,
    };
    rows.push(
      {
        work: `memory of one of ${count} idle sessions with a client, after gc`,
        unit: "KiB",
        figure: cost.kibEach,
        others,
        goals: [{ atMost: 1.1, of: "nginx" }],
      },
      { work: `the same, as the process grew`, unit: "KiB", figure: cost.rssKibEach, others },
      {
        work: `processor of ${count} idle sessions with clients`,
        unit: "% of a core",
        figure: cost.percentOfCore,
        goals: count >= 10_000 ? [{ atMost: 5 }] : [],
      },
    );
  }
  return rows;
}

export const idle: Topic = {
  name: "idle",
  about: "memory and processor of sessions in which nothing happens",
  needs: [],
  run,
};
