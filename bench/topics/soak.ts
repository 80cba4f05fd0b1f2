/**
 * Hours of coming and going: sessions are made and removed, clients attach, run something and
 * leave, and links break. What the hub holds at the end is what it held before, or something leaks.
 */
import { connectNode } from "../../src/client/node.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import type { Inspector } from "../inspector.ts";
import { openFiles } from "../process-reading.ts";
import { sleep } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const SESSIONS = 50;
const BACK_MS_MAX = 60_000;
const SETTLE_MS = 20_000;
/** Code is compiled, caches fill: only then a baseline means something. */
const WARM_ROUNDS = 20;
const CUT_EVERY = 20;

interface Held {
  readonly heapMib: number;
  readonly files: number;
  readonly timers: number;
  readonly sockets: number;
}

async function run({ minutes, quick, say }: Run): Promise<readonly Row[]> {
  const forMs = (quick ? 1 : minutes) * 60_000;
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(SESSIONS);
    await crowd.start();
    await crowd.comeBack(BACK_MS_MAX);
    const inspector = await crowd.inspect();
    for (let round = 0; round < WARM_ROUNDS; round++) await churn(crowd, round);
    await crowd.comeBack(BACK_MS_MAX);
    const before = await heldBy(crowd, inspector);
    const endAtMs = performance.now() + forMs;
    let rounds = 0;
    while (performance.now() < endAtMs) await churn(crowd, ++rounds);
    await crowd.comeBack(BACK_MS_MAX);
    const after = await heldBy(crowd, inspector);
    inspector.close();
    say(`  ${rounds} rounds of coming and going`);
    const row = (what: keyof Held, unit: string, most: number): Row => ({
      work: `${what} after ${forMs / 60_000} min and ${rounds} rounds of coming and going`,
      unit,
      figure: after[what],
      others: { before: before[what] },
      goals: [{ atMost: most, of: "before" }],
    });
    return [
      row("heapMib", "MiB", 1.1),
      row("files", "", 1.1),
      row("timers", "", 1.1),
      row("sockets", "", 1.1),
    ];
  } finally {
    await crowd.close();
  }
}

/** One session comes and goes, another one's client runs something; now and then all links go. */
async function churn(crowd: CrowdHub, round: number): Promise<void> {
  const { hub, url } = crowd;
  const name = `soak-${round}`;
  const session = await hub.ask("POST", "/sessions?wait=60", { name });
  if (session.state !== "connected") throw new Error(JSON.stringify(session));
  const link = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await link.attach(crowdName(round % SESSIONS));
  const back = new Promise<void>((resolve) => {
    const exec = channel.exec({ argv: ["cat"], onStdout: () => resolve() });
    exec.exit.catch(() => undefined);
    void exec.stdin.write(Uint8Array.of(120));
  });
  await back;
  link.close();
  await hub.ask("DELETE", `/sessions/${name}?wait=20`);
  if (round % CUT_EVERY !== 0) return;
  await crowd.cut();
  await crowd.comeBack(BACK_MS_MAX);
}

/** Once what is under way has come to its end. */
async function heldBy({ hub }: CrowdHub, inspector: Inspector): Promise<Held> {
  await sleep(SETTLE_MS);
  const heapMib = (await inspector.heapBytes()) / 1024 / 1024;
  const resources = await inspector.resources();
  return {
    heapMib,
    files: openFiles(hub.pid),
    timers: resources["Timeout"] ?? 0,
    sockets: resources["TCPSocketWrap"] ?? 0,
  };
}

export const soak: Topic = {
  name: "soak",
  about: "minutes of coming and going (--minutes), and what is left of it",
  needs: [],
  onlyByName: true,
  run,
};
