/**
 * Many who read all events while sessions are looked at: how long after it happened each reader
 * knows, and what the hub uses for one that is told; beside plain node:http that tells as many.
 */
import { once } from "node:events";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { cpuMs } from "../process-reading.ts";
import { firstLine, node } from "../proxy-ways.ts";
import { sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const SESSIONS = 50;
const BACK_MS_MAX = 60_000;
const SETTLE_MS = 5_000;
const LOOK_EVERY_MS = 50;
const WATCH_MS = 10_000;

interface Told {
  readonly events: number;
  readonly p50: number;
  readonly p99: number;
  readonly usedMs: number;
}

async function run({ quick }: Run): Promise<readonly Row[]> {
  const readers = quick ? 50 : 200;
  const watchMs = quick ? WATCH_MS / 2 : WATCH_MS;
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(SESSIONS);
    await crowd.start();
    await crowd.comeBack(BACK_MS_MAX);
    await sleep(SETTLE_MS);
    const alone = await whileLooking(crowd, 0, watchMs);
    const all = await whileLooking(crowd, readers, watchMs);
    const each = all.events / readers;
    const bare = await bareTold((1_000 * each) / watchMs, readers, watchMs);
    const perEvent = ({ usedMs, events }: Told, besides = 0): number =>
      (1_000 * (usedMs - besides)) / events;
    const what = `${Math.round(each)} events to each of ${readers} readers`;
    const beside = (figure: number) => ({ "node:http": figure });
    return [
      { work: `${what}: known after, p50`, unit: "ms", figure: all.p50, others: beside(bare.p50) },
      { work: `${what}: known after, p99`, unit: "ms", figure: all.p99, others: beside(bare.p99) },
      {
        work: `${what}: processor for one that is told`,
        unit: "us",
        figure: perEvent(all, alone.usedMs),
        others: beside(perEvent(bare)),
      },
    ];
  } finally {
    await crowd.close();
  }
}

/** Somebody asks for one session after the other to be proven: facts by the score. */
async function whileLooking(crowd: CrowdHub, readers: number, forMs: number): Promise<Told> {
  const { hub, url } = crowd;
  return toldBy(`${url}/v1/events`, readers, hub.pid, async () => {
    const endAtMs = performance.now() + forMs;
    const looks: Promise<unknown>[] = [];
    for (let n = 0; performance.now() < endAtMs; n++) {
      looks.push(hub.ask("POST", `/sessions/${crowdName(n % SESSIONS)}/probe`));
      await sleep(LOOK_EVERY_MS);
    }
    await Promise.all(looks);
  });
}

async function bareTold(perSecond: number, readers: number, forMs: number): Promise<Told> {
  const server = node("bare-events.ts", String(perSecond));
  try {
    const url = `http://127.0.0.1:${await firstLine(server)}/`;
    return await toldBy(url, readers, server.pid ?? 0, () => sleep(forMs));
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
  }
}

/** What so many readers were told while that was done, and what it cost the process. */
async function toldBy(
  url: string,
  readers: number,
  pid: number,
  work: () => Promise<void>,
): Promise<Told> {
  const child = readers === 0 ? null : node("event-readers.ts", url, String(readers), TOKEN);
  if (child !== null) await firstLine(child);
  const before = cpuMs(pid);
  await work();
  const usedMs = cpuMs(pid) - before;
  if (child === null) return { events: 0, p50: 0, p99: 0, usedMs };
  child.kill("SIGUSR2");
  if (child.stdout === null) throw new Error("no output");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  await once(child, "exit");
  return { ...(JSON.parse(line.toString()) as Omit<Told, "usedMs">), usedMs };
}

export const events: Topic = {
  name: "events",
  about: "many readers of all events, beside node:http that tells as many",
  needs: [],
  once: true,
  run,
};
