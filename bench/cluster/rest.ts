/**
 * What three hubs ask of PostgreSQL while nothing happens: transactions, WAL, and what each
 * statement costs, once no fact was written for a while. A fleet that still writes is not at rest.
 */
import type { PostgresServer } from "../../test/support/postgres-server.ts";
import { sleep } from "../statistics.ts";
import type { Figures } from "./figures.ts";

const QUIET_MS = 30_000;
const QUIET_MS_MAX = 240_000;
const LOOK_MS = 1_000;
const REST_MS = 40_000;
const S_PER_DAY = 86_400;
const MIB = 1_048_576;
const TEXT_CHARS = 60;

/** For `PostgresServer.start`: as a database is that a user has, and counts what is asked of it. */
export const countingSettings = {
  shared_preload_libraries: "pg_stat_statements",
  "pg_stat_statements.track_utility": "off",
  autovacuum: "on",
  shared_buffers: "128MB",
} as const;

/** Before anything that is measured. */
export async function countStatements(server: PostgresServer): Promise<void> {
  await server.query("CREATE EXTENSION pg_stat_statements");
}

/** `url` leads to the hubs' tables. */
export async function measureRest(
  server: PostgresServer,
  url: string,
  { tell }: Figures,
): Promise<void> {
  const { quietS, isQuiet } = await untilQuiet(server, url);
  tell("fleet at rest: facts went on for, s", quietS, "until none came for 30 s", isQuiet);
  await server.query("SELECT pg_stat_statements_reset()");
  const before = await work(server);
  await sleep(REST_MS);
  const after = await work(server);
  const statements = await statementsOf(server);
  const s = (after.atMs - before.atMs) / 1_000;
  tell("fleet at rest: transactions a second", (after.commits - before.commits) / s);
  const facts = statements.find(({ text }) => text.includes("INSERT INTO fact"))?.calls ?? 0;
  tell("fleet at rest: transactions that kept facts", facts);
  tell("fleet at rest: MiB of WAL a day", (((after.wal - before.wal) / s) * S_PER_DAY) / MIB);
  const beat = statements.find(({ text }) => text.includes("SET beat = beat +"));
  if (beat === undefined) throw new Error("no hub beat");
  tell("fleet at rest: bytes of WAL of a beat", beat.wal / beat.calls);
  tell("fleet at rest: ms of PostgreSQL of a beat", beat.ms / beat.calls);
  for (const { calls, ms, wal, text } of statements) {
    const each = `${(ms / calls).toFixed(2)} ms, ${Math.round(wal / calls)} B of WAL`;
    const start = text.replaceAll(/\s+/g, " ").trim().slice(0, TEXT_CHARS);
    process.stdout.write(`  ${(calls / s).toFixed(2)} a second, each ${each}: ${start}\n`);
  }
}

/** How long something was written yet; says what. */
async function untilQuiet(
  server: PostgresServer,
  url: string,
): Promise<{ readonly quietS: number; readonly isQuiet: boolean }> {
  const newest = async (): Promise<number> => {
    const [row] = await server.query("SELECT coalesce(max(seq), 0) AS seq FROM fact", url);
    return Number(row?.["seq"]);
  };
  const beganAtMs = performance.now();
  const first = await newest();
  let [last, lastAtMs] = [first, beganAtMs];
  const isQuiet = (): boolean => performance.now() - lastAtMs >= QUIET_MS;
  while (!isQuiet() && performance.now() - beganAtMs < QUIET_MS_MAX) {
    await sleep(LOOK_MS);
    const seq = await newest();
    if (seq !== last) [last, lastAtMs] = [seq, performance.now()];
  }
  const kinds = await server.query(
    `SELECT kind, count(*) AS n, max(body) AS body FROM fact WHERE seq > ${first}
     GROUP BY kind ORDER BY n DESC`,
    url,
  );
  for (const { n, kind, body } of kinds) {
    process.stdout.write(`  ${String(n)} × ${String(kind)}, as ${String(body).slice(0, 160)}\n`);
  }
  return { quietS: (lastAtMs - beganAtMs) / 1_000, isQuiet: isQuiet() };
}

async function work(
  server: PostgresServer,
): Promise<{ atMs: number; commits: number; wal: number }> {
  const [row] = await server.query(
    `SELECT xact_commit::text AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS wal
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const [commits, wal] = [Number(row?.["commits"]), Number(row?.["wal"])];
  return { atMs: performance.now(), commits, wal };
}

interface Statement {
  readonly text: string;
  readonly calls: number;
  readonly ms: number;
  readonly wal: number;
}

async function statementsOf(server: PostgresServer): Promise<readonly Statement[]> {
  const rows = await server.query(
    `SELECT query, calls::text, total_exec_time::text AS ms, wal_bytes::text AS wal
     FROM pg_stat_statements ORDER BY total_exec_time DESC`,
  );
  return rows.map(({ query, calls, ms, wal }) => {
    return { text: String(query), calls: Number(calls), ms: Number(ms), wal: Number(wal) };
  });
}
