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
import { profiled } from "../profiled.ts";
import { sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const BACK_MS_MAX = 280_000;
/** The first patrols come one after the other; from then on it is as it will be. */
const SETTLE_MS = 20_000;
const WATCH_MS = 20_000;
const ATTACHED_AT_ONCE = 50;
/** A hub may have 20,000 files, and each session has a socket for its driver. */
const CLIENTS_MAX = 9_000;
const SESSIONS_A_CLIENT = 10;

export interface IdleCost {
  readonly sessions: number;
  readonly kibEach: number;
  readonly rssKibEach: number;
  readonly percentOfCore: number;
}

/** `also` is measured while all of them are there, with what they use of a core by themselves. */
export async function idleCost<T = null>(
  sessions: number,
  asked: Run,
  {
    sessionsOfClient = 1,
    also,
  }: {
    readonly sessionsOfClient?: number;
    readonly also?: (crowd: CrowdHub, percentOfCore: number) => Promise<T>;
  } = {},
): Promise<IdleCost & { readonly also: T | null }> {
  const { quick, say } = asked;
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
    const names = Array.from({ length: sessions }, (_, n) => crowdName(n));
    for (const some of inParts(inParts(names, sessionsOfClient), ATTACHED_AT_ONCE)) {
      links.push(...(await Promise.all(some.map((ofOne) => attached(crowd.url, ofOne)))));
    }
    await sleep(quick ? SETTLE_MS / 2 : SETTLE_MS);
    const stop = await profiled("idle", asked, () => crowd.inspect());
    const before = cpuMs(crowd.hub.pid);
    const beganAtMs = performance.now();
    await sleep(quick ? WATCH_MS / 2 : WATCH_MS);
    const usedMs = cpuMs(crowd.hub.pid) - before;
    const percentOfCore = (100 * usedMs) / (performance.now() - beganAtMs);
    await stop();
    const kibEach = ((await inspector.heapBytes()) - bare) / sessions / 1024;
    const rssKibEach = (rssBytes(crowd.hub.pid) - bareRss) / sessions / 1024;
    inspector.close();
    const more = (await also?.(crowd, percentOfCore)) ?? null;
    return { sessions, kibEach, rssKibEach, percentOfCore, also: more };
  } finally {
    for (const link of links) link.close();
    await crowd.close();
  }
}

function inParts<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(all.length / size);
  return Array.from({ length: count }, (_, n) => all.slice(n * size, (n + 1) * size));
}

async function attached(url: string, names: readonly string[]): Promise<HubConnection> {
  const link = await connectNode(() => ({ url, token: TOKEN }));
  for (const name of names) await link.attach(name);
  return link;
}

async function run(asked: Run): Promise<readonly Row[]> {
  const counts = asked.sessions.length > 0 ? asked.sessions : asked.quick ? [200] : [1_000];
  const rows: Row[] = [];
  for (const count of counts) {
    const sessionsOfClient = count > CLIENTS_MAX ? SESSIONS_A_CLIENT : 1;
    const cost = await idleCost(count, asked, { sessionsOfClient });
    const clients = sessionsOfClient > 1 ? `a client for ${sessionsOfClient}` : "a client";
    const nginx = await proxiedCrowd(count);
    const bare = await bareCrowd(count);
    const others = {
      ...(nginx !== null && { nginx: nginx.bytesEach / 1024 }),
      "bare ws": bare.bytesEach / 1024,
    };
    rows.push(
      {
        work: `memory of one of ${count} idle sessions with ${clients}, after gc`,
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
  once: true,
  run,
};
