/**
 * Facts in one SQLite file through node:sqlite. WAL with synchronous FULL: one fsync for each
 * transaction (about 0.14 ms), nothing acknowledged is lost to kill -9 or power. A hub keeps all
 * facts of a turn in one of them (grouped-store.ts).
 *
 * The file is locked for as long as it is open: two hubs never write one store. It is its owner's
 * alone, because it holds the environment of every session.
 * A file that SQLite cannot read, or that is not this version's store, is refused and left
 * untouched: it is looked at through a read-only connection first.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync, type StatementSync } from "node:sqlite";
import { assert } from "../../base/assert.ts";
import { HubError } from "../../base/hub-error.ts";
import { COST_KEYS, noCost, type SandboxCost } from "../cost.ts";
import {
  applyFact,
  eventOf,
  upgradeRecord,
  type Fact,
  type FactKind,
  type SessionEvent,
  type SessionRecord,
  type SessionState,
} from "../facts.ts";
import type { Write } from "../journal.ts";
import type { Shelved, TimelineShelf, TrimLaw } from "../retention.ts";
import type { Appended, EventQuery, Store } from "../store.ts";
import { SessionRows } from "./session-rows.ts";
import { shelvedIn, trimIn } from "./timeline-rows.ts";

/** Raised with the tables; a higher one in a file means a newer Holdfast wrote it. */
const SCHEMA_VERSION = 1;

/** Came later than version 1, and an older Holdfast never looks at it. */
const ADDED = `
  CREATE TABLE IF NOT EXISTS booked (
    kind TEXT PRIMARY KEY,
    ms INTEGER NOT NULL,
    count INTEGER NOT NULL
  ) STRICT;
`;

/** Records hold what users put into their sandboxes' environment. */
const FILE_MODE = 0o600;

/** A write is over in a millisecond, and so is a try; a hub that writes all the time has gaps. */
const COPY_TRIES = 1_000;

const SCHEMA = `
  CREATE TABLE session (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    record TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX session_name ON session (name) WHERE gone = 0;
  CREATE TABLE fact (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX fact_session ON fact (session, seq);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** A fact, and the record after it. */
export type KeptFact = Write["facts"][number];

/** What is on the disk when it is returned. */
type Kept = Appended & { readonly event: SessionEvent };

export class SqliteStore implements Store, TimelineShelf {
  readonly sessions: SessionRows;
  readonly #db: DatabaseSync;
  readonly #putSession: StatementSync;
  readonly #renewSession: StatementSync;
  readonly #putFact: StatementSync;
  readonly #file: string;

  /**
   * @throws HubError StoreCorrupt naming the file, which stays as it is; HubRunning;
   * HomeNotWritable.
   */
  constructor(file: string) {
    this.#file = file;
    this.#db = open(file);
    this.sessions = new SessionRows(this.#db, (row) => this.#readRecord(row));
    this.#putSession = this.#db.prepare(
      `INSERT INTO session (id, name, gone, record) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET gone = excluded.gone, record = excluded.record`,
    );
    this.#renewSession = this.#db.prepare(
      "UPDATE session SET record = ? WHERE id = ? AND gone = 0",
    );
    this.#putFact = this.#db.prepare(
      `INSERT INTO fact (session, name, at, kind, state, detail, text, data)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  load(): readonly SessionRecord[] {
    return [...this.sessions.all()];
  }

  create(record: SessionRecord, fact: Fact): Kept | null {
    return this.sessions.isNamed(record.name) ? null : this.append(record, fact);
  }

  append(record: SessionRecord, fact: Fact): Kept {
    const next = applyFact(record, fact);
    const [seq = 0] = this.keep([{ fact, record: next }]);
    return { record: next, event: eventOf(seq, next, fact) };
  }

  /**
   * Keeps facts in one transaction, each with the record after it. Returns their numbers.
   * @throws HubError StoreRefuses; nothing of them is kept then.
   */
  keep(facts: readonly KeptFact[]): readonly number[] {
    const last = new Map(facts.map(({ record }) => [record.id, record]));
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      for (const record of last.values()) this.#keepRecord(record);
      const seqs = facts.map(({ fact: { at, kind, text, data }, record }) => {
        const { id, name, state, detail } = record;
        const words = [id, name, at, kind, state, detail, text, JSON.stringify(data)];
        return Number(this.#putFact.run(...words).lastInsertRowid);
      });
      this.#db.exec("COMMIT");
      return seqs;
    } catch (error) {
      // A full disk rolls back by itself, and its error is the one to tell.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw refused(this.#file, error);
    }
  }

  /** Nearly all are known and stay: their row changes, and no index. */
  #keepRecord(record: SessionRecord): void {
    const { id, name, detail } = record;
    const text = JSON.stringify(record);
    const isGone = detail === "ended.gone";
    if (!isGone && this.#renewSession.run(text, id).changes === 1) return;
    this.#putSession.run(id, name, isGone ? 1 : 0, text);
  }

  /** What `append` returned is kept. */
  settled(): null {
    return null;
  }

  find(sessionId: string): SessionRecord | null {
    return this.sessions.find(sessionId);
  }

  book(kind: string, ms: number): void {
    try {
      this.#db
        .prepare(
          `INSERT INTO booked (kind, ms, count) VALUES (?, ?, 1)
           ON CONFLICT (kind) DO UPDATE SET ms = ms + excluded.ms, count = count + 1`,
        )
        .run(kind, ms);
    } catch (error) {
      throw refused(this.#file, error);
    }
  }

  check(): void {
    try {
      // Says what it says already, and takes the way of every fact to the disk.
      this.#db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    } catch (error) {
      throw refused(this.#file, error);
    }
  }

  booked(): ReturnType<Store["booked"]> {
    const rows = this.#db.prepare("SELECT kind, ms, count FROM booked").all();
    return Object.fromEntries(
      rows.map((row) => {
        return [String(row["kind"]), { ms: Number(row["ms"]), count: Number(row["count"]) }];
      }),
    );
  }

  endedCost(): SandboxCost | null {
    const sums = COST_KEYS.map((key) => `total(record ->> '$.cost.${key}') AS ${key}`).join(", ");
    const row = this.#db.prepare(`SELECT count(*) AS n, ${sums} FROM session WHERE gone = 1`).get();
    if (row === undefined || Number(row["n"]) === 0) return null;
    const sum = Object.fromEntries(COST_KEYS.map((key) => [key, Number(row[key])]));
    return { ...noCost(0), ...sum };
  }

  events(query: EventQuery): readonly SessionEvent[] {
    const { after, before = Number.MAX_SAFE_INTEGER, session, limit } = query;
    const order = query.newest === true ? "DESC" : "ASC";
    const range = `seq > ? AND seq < ? ORDER BY seq ${order} LIMIT ?`;
    const rows =
      session === undefined
        ? this.#db.prepare(`SELECT * FROM fact WHERE ${range}`).all(after, before, limit)
        : this.#db
            .prepare(`SELECT * FROM fact WHERE session = ? AND ${range}`)
            .all(session, after, before, limit);
    const events = rows.map(eventFromRow);
    return query.newest === true ? events.reverse() : events;
  }

  shelved(after: number, limit: number): readonly Shelved[] {
    return shelvedIn(this.#db, after, limit);
  }

  trim(session: string, law: TrimLaw): number {
    try {
      return trimIn(this.#db, session, law);
    } catch (error) {
      throw refused(this.#file, error);
    }
  }

  /**
   * Copies the store into a file that is not there yet, as it is when this ends: facts that are
   * written meanwhile are in the copy, too. Only its first step must not meet a write.
   */
  async copyTo(file: string): Promise<void> {
    writeFileSync(file, "", { mode: FILE_MODE, flag: "wx" });
    for (let tries = 1; ; tries++) {
      try {
        await backup(this.#db, file);
        return;
      } catch (error) {
        if (!metWrite(error) || tries === COPY_TRIES) throw error;
      }
    }
  }

  close(): void {
    this.#db.close();
  }

  #readRecord(row: Record<string, unknown>): SessionRecord {
    try {
      return upgradeRecord(JSON.parse(String(row["record"])) as Partial<SessionRecord>);
    } catch (error) {
      throw unusable(this.#file, error);
    }
  }
}

/** The engine is busy then, and node reads the code of another connection: "not an error". */
function metWrite(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 0;
}

function open(file: string): DatabaseSync {
  if (!existsSync(file)) create(file);
  try {
    // What an older version or a backup left open to others is closed, before it is read.
    for (const part of ["", "-wal", "-shm"].map((end) => file + end)) {
      if (existsSync(part)) chmodSync(part, FILE_MODE);
    }
    inspectStore(file);
    const db = new DatabaseSync(file);
    db.exec(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
    );
    db.exec(ADDED);
    return db;
  } catch (error) {
    throw unusable(file, error);
  }
}

/** Throws when the file is no store of this version. Nothing can be written on the way. */
export function inspectStore(file: string): void {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const check = db.prepare("PRAGMA quick_check(1)").get();
    assert(check?.["quick_check"] === "ok", String(check?.["quick_check"]));
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
    assert(version <= SCHEMA_VERSION, `it was written by a newer Holdfast (schema ${version})`);
    const tables = db
      .prepare("SELECT name FROM sqlite_schema WHERE name IN ('session', 'fact')")
      .all();
    assert(version > 0 && tables.length === 2, "it holds no Holdfast store");
  } finally {
    db.close();
  }
}

/** A new store appears under its name once it is whole; an empty file is never taken for one. */
function create(file: string): void {
  const draft = `${file}.${process.pid}.new`;
  try {
    rmSync(draft, { force: true });
    writeFileSync(draft, "", { mode: FILE_MODE, flag: "wx" });
    const db = new DatabaseSync(draft);
    db.exec(`PRAGMA synchronous = FULL; BEGIN; ${SCHEMA} COMMIT`);
    db.close();
    linkSync(draft, file);
    const directory = openSync(dirname(file), "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (error) {
    // Another hub that starts in this very moment made it first: its lock decides.
    if (existsSync(file)) return;
    const said = error instanceof Error ? error.message : String(error);
    throw new HubError("HomeNotWritable", `cannot make the store ${file}: ${said}`, {
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A full disk, a lock, an error of the device: SQLite's own word. All else is a defect of ours. */
function refused(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") {
    return error;
  }
  const said = `the store ${file} takes no facts: ${error.message}`;
  return new HubError("StoreRefuses", said, { cause: error });
}

function unusable(file: string, error: unknown): HubError {
  const said = error instanceof Error ? error.message : String(error);
  if (/database is locked/.test(said)) {
    return new HubError("HubRunning", `another hub has the store ${file} open`, { cause: error });
  }
  if (/disk is full/.test(said) || isWithoutRoom(error)) {
    const hint = "Free some of it, or point HOLDFAST_HOME at another disk. Nothing was changed.";
    return new HubError("HomeNotWritable", `no room for ${file}: ${said}`, { cause: error, hint });
  }
  return new HubError("StoreCorrupt", `the store ${file} cannot be used: ${said}`, {
    cause: error,
    hint: `Nothing was changed. Restore the file, or move it away to start with no sessions.`,
  });
}

/** SQLITE_IOERR_SHMSIZE: no room for what a log that was left behind is read with. */
const SHM_SIZE = 4_874;

function isWithoutRoom(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SHM_SIZE;
}

function eventFromRow(row: Record<string, unknown>): SessionEvent {
  return {
    seq: Number(row["seq"]),
    at: Number(row["at"]),
    session: String(row["session"]),
    name: String(row["name"]),
    kind: String(row["kind"]) as FactKind,
    state: String(row["state"]) as SessionState,
    detail: String(row["detail"]),
    text: String(row["text"]),
    data: JSON.parse(String(row["data"])) as Record<string, unknown>,
  };
}
