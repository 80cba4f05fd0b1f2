/**
 * An hour of coming and going: sessions are made and removed, clients attach, run something and
 * leave with a word or without one, readers of events come and go, and links break. What the hub,
 * the drivers and the clients hold at the end is what they held before, or something leaks. It is
 * paced, so that it says little of speed and a machine has room for other work beside it.
 */
import { connectNode } from "../../src/client/node.ts";
import type { SessionChannel } from "../../src/client/session-channel.ts";
import { TOKEN } from "../../test/e2e/hub-kit.ts";
import { CrowdHub, crowdName } from "../crowd-hub.ts";
import { heldBy, heldHere, type Held } from "../held.ts";
import type { Inspector } from "../inspector.ts";
import { survivors } from "../profile.ts";
import { sleep, slope } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const SESSIONS = 50;
const BACK_MS_MAX = 60_000;
const SETTLE_MS = 20_000;
const ROUND_EVERY_MS = 250;
/** Code is compiled, caches fill: only then a baseline means something. */
const WARM_MS = 60_000;
const CUT_EVERY = 200;
const LOOKS = 6;
/** With fewer rounds what a heap does by itself is more than what a round leaves. */
const ROUNDS_TO_JUDGE = 5_000;
const GROWTH_BYTES_MAX = 100;
const HEAP_RATIO_MAX = 1.1;
/** What idle connections of a pool and the timers of looks that are under way come to. */
const COUNT_ROOM = 16;
const MIB = 1024 * 1024;

const NOTHING_DONE = { rounds: 0, unproven: 0 } as const;

interface Watched {
  readonly hub: Held;
  readonly drivers: Held;
  readonly clients: Held;
}

async function run({ minutes, quick, profile, say }: Run): Promise<readonly Row[]> {
  const forMs = (quick ? 1 : minutes) * 60_000;
  const crowd = await CrowdHub.open();
  try {
    await crowd.seed(SESSIONS);
    await crowd.start({ ahead: false });
    await crowd.comeBack(BACK_MS_MAX);
    const inspectors = [await crowd.inspect(), await crowd.inspectDrivers()] as const;
    const warm = await churned(crowd, NOTHING_DONE, quick ? WARM_MS / 10 : WARM_MS);
    let done: Done = { ...warm, unproven: 0 };
    const before = await settled(crowd, inspectors);
    const made = profile ? await inspectors[0].allocationsFrom() : null;
    const heaps: (readonly [round: number, bytes: number])[] = [];
    for (let look = 0; look < LOOKS; look++) {
      done = await churned(crowd, done, forMs / LOOKS);
      // What is under way when somebody looks is more than what a thousand rounds could leave.
      await sleep(SETTLE_MS);
      const held = await heldBy(crowd.hub.pid, inspectors[0]);
      heaps.push([done.rounds, held.heapMib * MIB]);
      say(`  ${JSON.stringify({ ...done, ...held })}`);
    }
    const after = await settled(crowd, inspectors);
    if (made !== null) for (const line of survivors(await made())) say(`  ${line}`);
    for (const inspector of inspectors) inspector.close();
    const rounds = done.rounds - warm.rounds;
    const span = `${forMs / 60_000} min and ${rounds} rounds of coming and going`;
    return [
      ...rowsOf(before, after, span),
      growthOf(heaps, rounds),
      { work: "sessions that were not proven", unit: "", figure: done.unproven },
    ];
  } finally {
    await crowd.close();
  }
}

function rowsOf(before: Watched, after: Watched, span: string): readonly Row[] {
  return (["hub", "drivers", "clients"] as const).flatMap((who) =>
    (["heapMib", "files", "timers", "sockets"] as const).map((what) => ({
      work: `${what} of the ${who} after ${span}`,
      unit: what === "heapMib" ? "MiB" : "",
      figure: after[who][what],
      others: { before: before[who][what] },
      goals: [
        what === "heapMib"
          ? { atMost: HEAP_RATIO_MAX, of: "before" }
          : { atMost: before[who][what] + COUNT_ROOM },
      ],
    })),
  );
}

function growthOf(heaps: readonly (readonly [number, number])[], rounds: number): Row {
  const goals = rounds < ROUNDS_TO_JUDGE ? [] : [{ atMost: GROWTH_BYTES_MAX }];
  const work = `what a round leaves in the hub's heap, of ${heaps.length} looks`;
  return { work, unit: "bytes", figure: slope(heaps), goals };
}

interface Done {
  readonly rounds: number;
  readonly unproven: number;
}

/** No sooner than a round is due; what was done before is counted with it. */
async function churned(crowd: CrowdHub, before: Done, forMs: number): Promise<Done> {
  let { rounds, unproven } = before;
  for (const endAtMs = performance.now() + forMs; performance.now() < endAtMs; rounds++) {
    const dueAtMs = performance.now() + ROUND_EVERY_MS;
    if (!(await churn(crowd, rounds))) unproven += 1;
    await sleep(Math.max(0, dueAtMs - performance.now()));
  }
  await crowd.comeBack(BACK_MS_MAX);
  return { rounds, unproven };
}

/**
 * One session comes and goes, another one's client works; now and then all links break. Resolves
 * with whether the session was proven.
 */
async function churn(crowd: CrowdHub, round: number): Promise<boolean> {
  const { hub, url } = crowd;
  const name = `soak-${round}`;
  const session = await hub.ask("POST", "/sessions?wait=60", { name });
  // A machine that gives this hub no time for seconds is no leak: it is counted, and gone with.
  const isProven = session.state === "connected";
  const reader = await readerOf(url, name);
  const link = await connectNode(() => ({ url, token: TOKEN }));
  const channel = await link.attach(crowdName(round % SESSIONS));
  await ranToItsEnd(channel);
  await leftOpen(channel);
  link.close();
  await hub.ask("DELETE", `/sessions/${name}?wait=20`);
  reader.abort();
  if (round % CUT_EVERY === 0) {
    await crowd.cut();
    await crowd.comeBack(BACK_MS_MAX);
  }
  return isProven;
}

/** Of one session's events: what it was told by now is read, and it listens for more. */
async function readerOf(url: string, name: string): Promise<AbortController> {
  const reader = new AbortController();
  const headers = { authorization: `Bearer ${TOKEN}`, accept: "text/event-stream" };
  const { signal } = reader;
  const told = await fetch(`${url}/v1/events?session=${name}`, { headers, signal });
  const { done } = (await told.body?.getReader().read()) ?? { done: true };
  if (done) throw new Error(`the events of ${name} ended with ${told.status}`);
  return reader;
}

async function ranToItsEnd(channel: SessionChannel): Promise<void> {
  const exec = channel.exec({ argv: ["cat"] });
  await exec.stdin.write(Uint8Array.of(120));
  exec.stdin.end();
  await exec.exit;
}

/** Its client goes in the middle of it. */
async function leftOpen(channel: SessionChannel): Promise<void> {
  await new Promise<void>((resolve) => {
    const exec = channel.exec({ argv: ["cat"], onStdout: () => resolve() });
    exec.exit.catch(() => undefined);
    void exec.stdin.write(Uint8Array.of(120));
  });
}

/** Once what is under way has come to its end. */
async function settled(
  crowd: CrowdHub,
  [hub, drivers]: readonly [Inspector, Inspector],
): Promise<Watched> {
  await sleep(SETTLE_MS);
  return {
    hub: await heldBy(crowd.hub.pid, hub),
    drivers: await heldBy(crowd.crowdPid, drivers),
    clients: await heldHere(),
  };
}

export const soak: Topic = {
  name: "soak",
  about: "an hour of coming and going (--minutes), and what is left of it",
  needs: [],
  once: true,
  onlyByName: true,
  run,
};
