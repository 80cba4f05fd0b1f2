/**
 * `node bench/history.ts [MINUTES [SESSIONS [SEED]]] [--synchronous] [--keep]`: three hubs on one
 * PostgreSQL with a copy, real sandboxes whose commands and clients tell each other numbered lines,
 * and somebody who kills, freezes and cuts all of it by a seeded schedule. Then the history is
 * judged from what the store's witness, the hubs' logs, the clients and the platform wrote down.
 *
 * The copy is not waited for, and what it lacks when it is promoted is counted; `--synchronous`
 * waits for it, and then nothing that was told may be lost. Prints the findings; ends with 1 where
 * there is one. `--keep` writes bench/history.json, or history-synchronous.json.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../src/base/random.ts";
import { TOKEN } from "../test/e2e/hub-kit.ts";
import { api, makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { Balancer } from "./balancer.ts";
import { Churn } from "./history/churn.ts";
import { judge, type Findings, type Sandbox } from "./history/judge.ts";
import { Member } from "./history/member.ts";
import { demandKnown, told } from "./told.ts";
import { Nemesis } from "./history/nemesis.ts";
import { StorePair } from "./history/store-pair.ts";
import { Talker } from "./history/talker.ts";
import { callWitness, hearWitness, keptFacts, keptSessions } from "./history/witness.ts";

const SCHEMA = "t1";
const AT_ONCE = 4;
const TRIES_MAX = 4;
const CHURNERS = 2;
/** A heal after the last fault, and what a janitor has for what nobody owns. */
const HEAL_MS_MAX = 180_000;
const ORPHAN_MS_MAX = 120_000;
const SHOWN = 12;

const USAGE = "node bench/history.ts [MINUTES [SESSIONS [SEED]]] [--synchronous] [--keep]";
const FLAGS = ["--synchronous", "--keep"];

const words = process.argv.slice(2).filter((word) => !FLAGS.includes(word));
told(USAGE, () => demandKnown(words, FLAGS));
const [minutes, count] = [Number(words[0] ?? 2), Number(words[1] ?? 5)];
const seed = words[2] ?? "1";
const beganAt = performance.now();
const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));
const say = (text: string): void => {
  const s = ((performance.now() - beganAt) / 1_000).toFixed(1).padStart(7);
  process.stderr.write(`${s} ${text}\n`);
};

const random = seededRandom(`history ${seed}`);
const synchronous = process.argv.includes("--synchronous");
const store = await StorePair.start(synchronous);
await store.primary.fresh();
const platform = await startPlatform(makeDataDir());
const storePort = (): number => store.primary.port;
const members = await Promise.all(
  ["a", "b", "c"].map((name) => Member.open(name, platform, SCHEMA, storePort)),
);
const balancer = new Balancer(members);
const talkers: Talker[] = [];
try {
  for (const [at, member] of members.entries()) {
    await member.start();
    if (at === 0) await callWitness(store.primary, SCHEMA);
  }
  await balancer.listen();
  await store.follow();
  await makeAll();
  say(`${talkers.length} sessions talk behind ${balancer.url}`);
  const churn = new Churn(() => balancer.url);
  const churning = Array.from({ length: CHURNERS }, (_, worker) => churn.run(worker));
  const nemesis = new Nemesis({ members, store, balancer, random, say });
  // ^C ends it early, and what was until then is judged.
  process.once("SIGINT", () => nemesis.stop());
  await nemesis.rage(minutes * 60_000);
  churn.end();
  const lastFaultAt = performance.now();
  await Promise.all(churning);
  const unhealed = [...churn.stuck, ...(await healed())];
  const healS = Math.round((performance.now() - lastFaultAt) / 1_000);
  say(`all faults are over; ${unhealed.length} of ${count} are not connected after ${healS} s`);
  const streams = await Promise.all(talkers.map((talker) => talker.end()));
  const sandboxes = await orphansGone();
  // What is judged must not grow between two questions.
  for (const member of members) await member.end();
  const { findings, sizes } = await look(streams, sandboxes, churn);
  tell({ findings, sizes, unhealed, healS, struck: nemesis.struck, refusals: churn.refusals });
} finally {
  balancer.close();
  for (const member of members) await member.close();
  await stopPlatform(platform);
  await store.stop();
}

async function makeAll(): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const n = next++;
      if (n >= count) return;
      const name = `talk-${n}`;
      let state = await ask("", { name });
      // A machine that is busy takes some for broken; nothing was struck yet.
      for (let tries = 1; state !== "connected" && tries < TRIES_MAX; tries++) {
        state = await ask(`/${name}/retry`);
      }
      if (state !== "connected") throw new Error(`${name} is ${state}`);
      talkers.push(await Talker.open(name, () => balancer.url));
      if (n % 20 === 19) say(`${n + 1} sessions`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function ask(path: string, body?: object): Promise<string> {
  const response = await fetch(`${balancer.url}/v1/sessions${path}?wait=120`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      connection: "close",
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const { state } = (await response.json()) as { state: string };
  return state;
}

/** Names of those that are not connected when the time for it is over. */
async function healed(): Promise<readonly string[]> {
  const endAt = performance.now() + HEAL_MS_MAX;
  for (;;) {
    const kept = await keptSessions(store.primary, SCHEMA);
    const open = kept.filter(({ gone, name }) => !gone && name.startsWith("talk-"));
    const rest = open.filter(({ state }) => state !== "connected").map(({ name }) => name);
    if ((rest.length === 0 && open.length === count) || performance.now() > endAt) return rest;
    await pause(500);
  }
}

/** What the platform still has once the time for orphans is over, or there is none. */
async function orphansGone(): Promise<readonly Sandbox[]> {
  const endAt = performance.now() + ORPHAN_MS_MAX;
  for (;;) {
    const [listed, names] = [await listSandboxes(), await ownedNames()];
    if (listed.every(({ name }) => names.has(name)) || performance.now() > endAt) return listed;
    await pause(1_000);
  }
}

async function listSandboxes(): Promise<readonly Sandbox[]> {
  const all: Sandbox[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await api(platform, `/sandbox?limit=200${after}`);
    const page = (await response.json()) as { items: Sandbox[]; nextCursor: string | null };
    all.push(...page.items.map(({ id, name }) => ({ id, name })));
    cursor = page.nextCursor;
  }
  return all;
}

async function ownedNames(): Promise<ReadonlySet<string>> {
  const kept = await keptSessions(store.primary, SCHEMA);
  const living = kept.filter(({ gone }) => !gone);
  return new Set(living.flatMap(({ sandboxName, besides }) => [sandboxName, ...besides]));
}

async function look(
  streams: Awaited<ReturnType<Talker["end"]>>[],
  sandboxes: readonly Sandbox[],
  churn: Churn,
) {
  const sessions = await keptSessions(store.primary, SCHEMA);
  const [witnessed, facts] = [
    await hearWitness(store.primary, SCHEMA),
    await keptFacts(store.primary, SCHEMA),
  ];
  const idOf = new Map(sessions.map(({ name, id }) => [name, id]));
  const sessionOfSandbox = new Map(
    sessions.flatMap(({ id, sandboxId, sandboxName }) => [
      [sandboxName, id] as const,
      ...(sandboxId === null ? [] : [[sandboxId, id] as const]),
    ]),
  );
  const told = members.flatMap((member) => member.told());
  const calls = members.flatMap((member) => member.calls);
  const findings = judge({
    witnessed,
    facts,
    sessions,
    told,
    calls,
    streams: streams.map((one) => ({ ...one, session: idOf.get(one.session) ?? one.session })),
    lives: members.flatMap(({ lives }) => lives),
    sandboxes,
    owned: await ownedNames(),
    sessionOfSandbox,
    mayBeLost: store.mayBeLost,
    created: churn.acknowledged,
    names: new Set(idOf.keys()),
  });
  const made = facts.filter(({ kind }) => kind === "sandbox.created").length;
  const lines = talkers.reduce((sum, talker) => sum + talker.lines, 0);
  const silences = talkers.map(({ silenceMs }) => Math.round(silenceMs)).sort((a, b) => a - b);
  const sizes = {
    sessions: count,
    churned: { created: churn.acknowledged.length, deleted: churn.deleted },
    writesWitnessed: witnessed.length,
    facts: facts.length,
    driversLaunchedAnew: facts.filter(({ kind }) => kind === "driver.launched").length - made,
    factsTold: told.length,
    platformCalls: calls.length,
    lines,
    longestSilenceMs: { p50: silences[silences.length >> 1], max: silences.at(-1) },
    hubLives: members.reduce((sum, { lives }) => sum + lives.length, 0),
    hubsEndedByThemselves: Object.fromEntries(members.map(({ name, ends }) => [name, ends])),
  };
  return { findings, sizes };
}

function tell(report: {
  readonly findings: Findings;
  readonly sizes: object;
  readonly unhealed: readonly string[];
  readonly healS: number;
  readonly struck: object;
  readonly refusals: object;
}): void {
  const { findings, unhealed, ...rest } = report;
  const { callsBySuperseded, factsLostWithTheLag, sandboxesLostWithTheLag, ...wrong } = findings;
  const counts = Object.fromEntries(Object.entries(wrong).map(([key, all]) => [key, all.length]));
  const figures = {
    minutes,
    seed,
    copy: synchronous ? "synchronous" : "asynchronous",
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    ...rest,
    found: { ...counts, unhealed: unhealed.length },
    counted: {
      callsBySuperseded: callsBySuperseded.length,
      factsLostWithTheLag,
      sandboxesLostWithTheLag: sandboxesLostWithTheLag.length,
    },
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  for (const [what, all] of Object.entries({ ...wrong, unhealed, callsBySuperseded })) {
    for (const one of all.slice(0, SHOWN)) process.stdout.write(`${what}: ${one}\n`);
  }
  const isWrong = unhealed.length > 0 || Object.values(wrong).some((all) => all.length > 0);
  process.exitCode = isWrong ? 1 : 0;
  if (!process.argv.includes("--keep")) return;
  const file = join(import.meta.dirname, `history${synchronous ? "-synchronous" : ""}.json`);
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}
