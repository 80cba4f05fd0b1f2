/**
 * All that a store holds, row by row as it stands there, for who moves it into another engine. It
 * reads a copy: the store itself is locked by whoever has it open.
 */
import { DatabaseSync } from "node:sqlite";
import type { StoredFact, StoredSession } from "../stored-rows.ts";

export class StorePages {
  readonly #db: DatabaseSync;

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { readOnly: true });
  }

  get counts(): { readonly sessions: number; readonly facts: number } {
    const count = (table: string): number =>
      Number(this.#db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]);
    return { sessions: count("session"), facts: count("fact") };
  }

  /** Oldest first, those that are gone for good included. */
  *sessions(size: number): Generator<readonly StoredSession[]> {
    const read = this.#db.prepare(
      `SELECT rowid AS place, id, name, gone, record FROM session
       WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    );
    for (let after = 0; ;) {
      const rows = read.all(after, size);
      if (rows.length === 0) return;
      after = Number(rows.at(-1)?.["place"]);
      yield rows.map(({ id, name, gone, record }) => {
        return { ...words({ id, name, record }), gone: gone === 1 };
      });
    }
  }

  /** In the order of their numbers. */
  *facts(size: number): Generator<readonly StoredFact[]> {
    const read = this.#db.prepare("SELECT * FROM fact WHERE seq > ? ORDER BY seq LIMIT ?");
    for (let after = 0; ;) {
      const rows = read.all(after, size);
      if (rows.length === 0) return;
      after = Number(rows.at(-1)?.["seq"]);
      yield rows.map(({ seq, session, name, at, kind, state, detail, text, data }) => {
        const said = words({ session, name, kind, state, detail, text, data });
        return { ...said, seq: Number(seq), at: Number(at) };
      });
    }
  }

  close(): void {
    this.#db.close();
  }
}

function words<Key extends string>(row: Readonly<Record<Key, unknown>>): Record<Key, string> {
  const entries = Object.entries(row).map(([key, value]) => [key, String(value)]);
  return Object.fromEntries(entries) as Record<Key, string>;
}
