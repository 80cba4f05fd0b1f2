/**
 * What it takes until a fact is on the disk, beside one flush of the same bytes by hand: one
 * transition after the other, and those of a hundred sessions that happen at once.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { newRecord, type Fact, type SessionRecord } from "../../src/store/facts.ts";
import { GroupedSqliteStore } from "../../src/store/sqlite/grouped-store.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { median, percentile } from "../statistics.ts";
import type { Row, Run, Topic } from "../topic.ts";

const SESSIONS = 100;
const ROW_BYTES = 400;

const fact = (n: number): Fact => ({
  kind: "probe.answered",
  at: n,
  text: "exec:platform ok (12 ms): the nonce came back",
  data: { n },
  change: {},
});

async function run({ rounds, quick }: Run): Promise<readonly Row[]> {
  const here = mkdtempSync(join(tmpdir(), "hfd-"));
  const store = new GroupedSqliteStore(new SqliteStore(join(here, "store.sqlite")), systemClock);
  const file = openSync(join(here, "floor"), "a");
  try {
    const records = Array.from({ length: SESSIONS }, (_, n) =>
      newRecord(`ses_${n}`, `s${n}`, { env: {}, labels: {} }, n),
    );
    for (const record of records) await store.create(record, fact(0))?.event;
    const figures = { flush: [], one: [], p99: [], alone: [], together: [] } as Figures;
    for (let round = 0; round <= rounds; round++) {
      const measured = await oneRound(store, records, file, quick ? 200 : 1_000);
      // The first round pays for what is compiled.
      if (round === 0) continue;
      for (const [name, value] of Object.entries(measured)) figures[name as Name].push(value);
    }
    const of = (name: Name): number => median(figures[name]);
    return [
      row("one durable transition, p50", "ms", of("one"), { fdatasync: of("flush") }, 1.2),
      { work: "one durable transition, p99", unit: "ms", figure: of("p99") },
      {
        work: "transitions of 100 sessions at once",
        unit: "a second",
        figure: of("together"),
        others: { "one by one": of("alone") },
        goals: [{ atLeast: 15, of: "one by one" }],
      },
    ];
  } finally {
    closeSync(file);
    await store.close();
    rmSync(here, { recursive: true, force: true });
  }
}

type Name = "flush" | "one" | "p99" | "alone" | "together";
type Figures = Record<Name, number[]>;

function row(
  work: string,
  unit: string,
  figure: number,
  others: Readonly<Record<string, number>>,
  atMost: number,
): Row {
  return { work, unit, figure, others, goals: [{ atMost, of: Object.keys(others)[0] ?? "" }] };
}

async function oneRound(
  store: GroupedSqliteStore,
  records: readonly SessionRecord[],
  file: number,
  count: number,
): Promise<Record<Name, number>> {
  const bytes = Buffer.alloc(ROW_BYTES, "x");
  const flushes: number[] = [];
  const ones: number[] = [];
  for (let n = 0; n < count; n++) {
    let beganAtMs = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    flushes.push(performance.now() - beganAtMs);
    const record = records[n % records.length];
    if (record === undefined) throw new Error("no session");
    beganAtMs = performance.now();
    await store.append(record, fact(n)).event;
    ones.push(performance.now() - beganAtMs);
  }
  const beganAtMs = performance.now();
  for (let turn = 0; turn < count / 10; turn++) {
    await Promise.all(records.map(async (record) => store.append(record, fact(turn)).event));
  }
  const tookMs = performance.now() - beganAtMs;
  const sum = ones.reduce((all, ms) => all + ms, 0);
  return {
    flush: median(flushes),
    one: median(ones),
    p99: percentile(ones, 0.99),
    alone: (1_000 * count) / sum,
    together: (1_000 * Math.ceil(count / 10) * records.length) / tookMs,
  };
}

export const durable: Topic = {
  name: "durable",
  about: "a transition until it is on the disk",
  needs: [],
  run,
};
