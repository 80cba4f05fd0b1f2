/** Dropping rows of timelines in SQLite: few at a time, and oldest first. */
import type { DatabaseSync } from "node:sqlite";
import {
  isDoomed,
  outcomeKinds,
  TRIMMED,
  trimmedOf,
  type Shelved,
  type TrimBounds,
  type TrimLaw,
  keptKinds,
} from "../retention.ts";

export function shelvedIn(db: DatabaseSync, after: number, limit: number): readonly Shelved[] {
  return db
    .prepare("SELECT rowid AS place, id FROM session WHERE rowid > ? ORDER BY rowid LIMIT ?")
    .all(after, limit)
    .map((row) => ({ place: Number(row["place"]), id: String(row["id"]) }));
}

export function trimIn(db: DatabaseSync, session: string, law: TrimLaw): number {
  const byRows = seqAt(db, session, law.rowsMax);
  const bounds = {
    byRows,
    byOutcomes: byRows === 0 ? 0 : outcomeAt(db, session, byRows, law.outcomesMax),
    spared: law.beforeAt === null ? 0 : seqAt(db, session, law.spare),
  };
  const doomed = doomedIn(db, session, bounds, law);
  const last = doomed.at(-1);
  if (last === undefined) return 0;
  const old = db
    .prepare("SELECT seq, data FROM fact WHERE session = ? AND kind = ? ORDER BY seq LIMIT 1")
    .get(session, TRIMMED);
  const before = old === undefined ? null : (JSON.parse(String(old["data"])) as object);
  const { text, data } = trimmedOf({ ...before }, doomed.length, last.at);
  db.exec("BEGIN IMMEDIATE");
  try {
    const drop = db.prepare("DELETE FROM fact WHERE seq = ?");
    for (const { seq } of doomed.slice(0, -1)) drop.run(seq);
    if (old !== undefined) drop.run(Number(old["seq"]));
    db.prepare("UPDATE fact SET kind = ?, text = ?, data = ? WHERE seq = ?").run(
      TRIMMED,
      text,
      JSON.stringify(data),
      last.seq,
    );
    db.exec("COMMIT");
    return doomed.length;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Of the newest fact that is not among the newest `count`; 0 when there is none. */
function seqAt(db: DatabaseSync, session: string, count: number): number {
  const row = db
    .prepare("SELECT seq FROM fact WHERE session = ? ORDER BY seq DESC LIMIT 1 OFFSET ?")
    .get(session, count);
  return Number(row?.["seq"] ?? 0);
}

const quoted = (kinds: readonly string[]): string => kinds.map((kind) => `'${kind}'`).join(", ");
const KEPT = quoted([...keptKinds, TRIMMED]);
const OUTCOMES = quoted(outcomeKinds);

/** Of the newest end of an attempt that is not among the `count` newest up to `upTo`. */
function outcomeAt(db: DatabaseSync, session: string, upTo: number, count: number): number {
  const row = db
    .prepare(
      `SELECT seq FROM fact WHERE session = ? AND seq <= ? AND kind IN (${OUTCOMES})
       ORDER BY seq DESC LIMIT 1 OFFSET ?`,
    )
    .get(session, upTo, count);
  return Number(row?.["seq"] ?? 0);
}

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
}

function doomedIn(db: DatabaseSync, session: string, bounds: TrimBounds, law: TrimLaw): Row[] {
  const upTo = Math.max(bounds.byRows, bounds.spared);
  if (upTo === 0) return [];
  return db
    .prepare(
      `SELECT seq, at, kind FROM fact
       WHERE session = ? AND seq <= ?
         AND (kind NOT IN (${KEPT}) OR seq <= ? AND kind IN (${OUTCOMES})) ORDER BY seq LIMIT ?`,
    )
    .all(session, upTo, bounds.byOutcomes, law.batch)
    .map((row) => ({
      seq: Number(row["seq"]),
      at: Number(row["at"]),
      kind: String(row["kind"]),
    }))
    .filter((row) => isDoomed(row, bounds, law));
}
