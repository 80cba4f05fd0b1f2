/**
 * What the parts that decide (store, membership) cost in one process, without sockets and without
 * sandboxes: facts one by one beside facts kept together, a take-over of many sessions, a hub that
 * stops, and an engine that is away.
 */
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Membership } from "../../src/hub/cluster/membership.ts";
import { newRecord, type Fact, type SessionRecord } from "../../src/store/facts.ts";
import { PostgresRoll } from "../../src/store/postgres/postgres-roll.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { PostgresServer } from "../../test/support/postgres-server.ts";
import type { Figures } from "./figures.ts";

const SESSIONS = 3_334;
const ONE_BY_ONE = 500;
const BATCH = 200;
const AWAY_MS = 20_000;

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));
const fact = (n: number): Fact => ({
  kind: "probe.answered",
  at: n,
  text: "exec:platform ok (12 ms): the nonce came back",
  data: { n },
  change: {},
});
const open = (url: string, inc: string): Promise<PostgresStore> =>
  PostgresStore.open({ url, inc, clock: systemClock, log: silentLogger });

async function facts(store: PostgresStore, { tell }: Figures): Promise<void> {
  const records: SessionRecord[] = [];
  for (let n = 0; n < SESSIONS; n++) {
    const blank = newRecord(`ses_${n}`, `s${n}`, { env: {}, labels: {} }, n);
    records.push(store.create(blank, { ...fact(n), kind: "session.created" })?.record ?? blank);
  }
  await store.settled("ses_0");
  const [first] = records;
  if (first === undefined) return;
  let began = performance.now();
  for (let n = 0; n < ONE_BY_ONE; n++) await store.append(first, fact(n)).event;
  const alone = ONE_BY_ONE / (performance.now() - began);
  began = performance.now();
  const all = [0, 1, 2].flatMap((n) =>
    records.map((record) => Promise.resolve(store.append(record, fact(n)).event)),
  );
  await Promise.all(all);
  const together = all.length / (performance.now() - began);
  tell("facts a second, one by one", alone * 1_000, "for the ratio", true);
  tell("facts a second, kept together", together * 1_000, "for the ratio", true);
  tell("together beside one by one", together / alone, "15 or more", together / alone >= 15);
}

/** Two heirs share out what a dead hub had. */
async function takeOver(url: string, { tell }: Figures): Promise<void> {
  const heirs = [await open(url, "heir-1"), await open(url, "heir-2")];
  const began = performance.now();
  const counts = await Promise.all(
    heirs.map(async (heir) => {
      for (let count = 0; ;) {
        const orphans = await heir.orphans(["first"], BATCH);
        if (orphans.length === 0) return count;
        count += (await heir.claimAll(orphans)).length;
      }
    }),
  );
  const tookMs = performance.now() - began;
  const taken = counts.reduce((sum, count) => sum + count, 0);
  tell(`take-over of ${SESSIONS} sessions by two, ms`, tookMs, "1000 or less", tookMs <= 1_000);
  tell("sessions taken twice or by nobody", SESSIONS - taken, "0", taken === SESSIONS);
  for (const heir of heirs) await heir.close();
}

async function deaths(server: PostgresServer, url: string, { tell }: Figures): Promise<void> {
  const dead: string[] = [];
  const rolls = ["a", "b", "c"].map(() => new PostgresRoll(url));
  let deadAt = 0;
  const members = rolls.map((book, n) => {
    const inc = `member-${n}`;
    return new Membership({
      self: { inc, name: inc, advertise: "", version: "", started: 0 },
      book,
      refuses: () => Promise.resolve(false),
      clock: systemClock,
      log: silentLogger,
      onDeclaredDead: () => dead.push(inc),
      onDead: (incs) => {
        deadAt = performance.now();
        dead.push(...incs);
      },
    });
  });
  for (const member of members) await member.start();
  await pause(1_500);
  await server.kill();
  await pause(AWAY_MS);
  await server.run();
  const backAt = performance.now();
  while (!members.every((member) => member.mayAct()) && performance.now() - backAt < 10_000) {
    await pause(20);
  }
  const backMs = performance.now() - backAt;
  tell(`may act after ${AWAY_MS / 1_000} s without a store, ms`, backMs, "2500", backMs <= 2_500);
  tell("declared dead for it", dead.length, "0", dead.length === 0);
  await pause(8_000);
  const [victim] = members;
  victim?.stop();
  const stoppedAt = performance.now();
  while (dead.length === 0 && performance.now() - stoppedAt < 15_000) await pause(20);
  const seenMs = deadAt - stoppedAt;
  tell(
    "a hub that stops is dead to the others, ms",
    seenMs,
    "3500 to 5000",
    seenMs > 3_500 && seenMs < 5_000,
  );
  for (const member of members.slice(1)) await member.leave();
  for (const roll of rolls) await roll.close();
}

export async function measureParts(figures: Figures): Promise<void> {
  const server = await PostgresServer.start("on");
  try {
    const url = await server.fresh();
    const first = await open(url, "first");
    await facts(first, figures);
    await first.close();
    await takeOver(url, figures);
    await deaths(server, url, figures);
  } finally {
    await server.stop();
  }
}
