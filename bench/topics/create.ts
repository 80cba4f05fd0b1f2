/**
 * From a request to proven connected on the local platform: a session that is made, and one that
 * is resumed from its freeze. Real sandboxes, real drivers; only the first includes a launch.
 */
import { RealHub } from "../../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../../test/e2e/platform-kit.ts";
import { freePort } from "../free-port.ts";
import { Inspector } from "../inspector.ts";
import { profiled } from "../profiled.ts";
import { median, percentile } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

async function run(asked: Run): Promise<readonly Row[]> {
  const { rounds, quick } = asked;
  const platform = await startPlatform(makeDataDir());
  const hub = new RealHub(platform);
  const port = await freePort();
  try {
    await Inspector.started(port, () => hub.start());
    const first = await timed(() => made(hub, "first"));
    const created: number[] = [];
    const resumed: number[] = [];
    const stop = await profiled("create", asked, () => Inspector.attach(hub.pid, port));
    for (let round = 0; round < (quick ? 3 : 3 * rounds); round++) {
      const name = `create-${round}`;
      created.push(await timed(() => made(hub, name)));
      await settled(hub, name, "pause", "suspended");
      resumed.push(await timed(() => settled(hub, name, "resume", "connected")));
      await hub.ask("DELETE", `/sessions/${name}?wait=20`);
    }
    await stop();
    const goals = (atMost: number) => [{ atMost }];
    return [
      { work: "the first session of a hub, create to connected", unit: "ms", figure: first },
      { work: "create to connected, p50", unit: "ms", figure: median(created), goals: goals(250) },
      { work: "create to connected, p99", unit: "ms", figure: percentile(created, 0.99) },
      { work: "resume to connected, p50", unit: "ms", figure: median(resumed), goals: goals(150) },
      { work: "resume to connected, p99", unit: "ms", figure: percentile(resumed, 0.99) },
    ];
  } finally {
    await hub.remove();
    await stopPlatform(platform);
  }
}

async function made(hub: RealHub, name: string): Promise<void> {
  const session = await hub.ask("POST", "/sessions?wait=60", { name });
  if (session.state !== "connected") throw new Error(JSON.stringify(session));
}

async function settled(hub: RealHub, name: string, act: string, state: string): Promise<void> {
  const session = await hub.ask("POST", `/sessions/${name}/${act}?wait=60`);
  if (session.state !== state) throw new Error(JSON.stringify(session));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganAtMs = performance.now();
  await work();
  return performance.now() - beganAtMs;
}

export const create: Topic = {
  name: "create",
  about: "create and resume until proven connected, on the local platform",
  needs: ["bwrap"],
  run,
};
