/**
 * Reading sessions out of a SQLite store: those that have something to do, which a start waits for,
 * and those that sleep, page by page or one that somebody asks for. What is asleep is guessed from
 * a record's text, because to parse all in order to leave most of them is what a start with many
 * was spent on: whoever takes a record as asleep looks at it once it is read.
 */
import type { DatabaseSync } from "node:sqlite";
import type { SessionRecord } from "../facts.ts";
import type { AsleepSessions } from "../store.ts";

type Row = Record<string, unknown>;

/** Sessions read at once, within some milliseconds. */
const PAGE_ROWS = 200;
/** Its quotes are no part of any string in a record: there they would be escaped. */
const SAYS_ASLEEP = `instr(record, '"detail":"suspended.paused"')`;

export class SessionRows implements AsleepSessions {
  readonly #db: DatabaseSync;
  readonly #recordOf: (row: Row) => SessionRecord;

  constructor(db: DatabaseSync, recordOf: (row: Row) => SessionRecord) {
    this.#db = db;
    this.#recordOf = recordOf;
  }

  /** Oldest first, as the other two; none is gone for good. */
  *all(): Generator<SessionRecord, void> {
    for (const page of this.#pages("TRUE")) yield* page;
  }

  *awake(): Generator<SessionRecord, void> {
    for (const page of this.#pages(`${SAYS_ASLEEP} = 0`)) yield* page;
  }

  pages(): Generator<readonly SessionRecord[], void> {
    return this.#pages(`${SAYS_ASLEEP} > 0`);
  }

  *#pages(which: string): Generator<readonly SessionRecord[], void> {
    const page = this.#db.prepare(
      `SELECT rowid, record FROM session WHERE gone = 0 AND rowid > ? AND ${which}
       ORDER BY rowid LIMIT ?`,
    );
    let rows: Row[] = [];
    do {
      rows = page.all(Number(rows.at(-1)?.["rowid"] ?? 0), PAGE_ROWS);
      yield rows.map(this.#recordOf);
    } while (rows.length === PAGE_ROWS);
  }

  /** Any that there ever was. */
  find(id: string): SessionRecord | null {
    const row = this.#db.prepare("SELECT record FROM session WHERE id = ?").get(id);
    return row === undefined ? null : this.#recordOf(row);
  }

  /** A living one. */
  known(idOrName: string): SessionRecord | null {
    const read = (key: "id" | "name"): Row | undefined =>
      this.#db.prepare(`SELECT record FROM session WHERE ${key} = ? AND gone = 0`).get(idOrName);
    const row = read("id") ?? read("name");
    return row === undefined ? null : this.#recordOf(row);
  }

  isNamed(name: string): boolean {
    const living = this.#db.prepare("SELECT id FROM session WHERE name = ? AND gone = 0");
    return living.get(name) !== undefined;
  }

  /** Ids of the living ones with this sandbox. */
  ownersOf(sandboxId: string): readonly string[] {
    const having = `instr(record, ?) > 0 AND record ->> '$.sandboxId' = ?`;
    const read = this.#db.prepare(`SELECT id FROM session WHERE gone = 0 AND ${having}`);
    // Nearly all are told apart by their text, without being parsed.
    return read.all(JSON.stringify(sandboxId), sandboxId).map(({ id }) => String(id));
  }
}
