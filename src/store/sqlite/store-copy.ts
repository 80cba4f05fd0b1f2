/**
 * A copy of a store that carries what belongs to it: the parts of a backup as tables beside the
 * store's own, so that a backup is one SQLite file that any tool opens. It knows neither which
 * parts there are nor where they go; that is hub/backup.
 */
import { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/assert.ts";
import { inspectStore } from "./sqlite-store.ts";

/** One file of the state directory. */
export interface CopyPart {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface StoreCopy {
  /** What the copy tells of itself, as it was given. */
  readonly about: unknown;
  readonly parts: readonly CopyPart[];
  /** Sessions that are not gone for good. */
  readonly sessions: number;
  readonly facts: number;
}

/** Makes a copied store the only file of its kind: no log beside it, and the parts inside. */
export function addParts(file: string, about: unknown, parts: readonly CopyPart[]): void {
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA journal_mode = DELETE;
      CREATE TABLE backup_about (text TEXT NOT NULL) STRICT;
      CREATE TABLE backup_part (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;`);
    db.prepare("INSERT INTO backup_about (text) VALUES (?)").run(JSON.stringify(about));
    const put = db.prepare("INSERT INTO backup_part (name, bytes) VALUES (?, ?)");
    for (const { name, bytes } of parts) put.run(name, bytes);
  } finally {
    db.close();
  }
}

/** Writes nothing. Throws when the file is no store of this version with its parts. */
export function readCopy(file: string): StoreCopy {
  inspectStore(file);
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const count = (sql: string): number => Number(db.prepare(sql).get()?.["n"]);
    const tables = count(
      "SELECT count(*) AS n FROM sqlite_schema WHERE name LIKE 'backup!_%' ESCAPE '!' AND type = 'table'",
    );
    assert(tables === 2, "it is a store without the rest of a backup");
    const about = db.prepare("SELECT text FROM backup_about").get()?.["text"];
    const rows = db.prepare("SELECT name, bytes FROM backup_part ORDER BY name").all();
    return {
      about: JSON.parse(String(about)) as unknown,
      parts: rows.map(({ name, bytes }) => {
        assert(bytes instanceof Uint8Array, `${String(name)} is no file`);
        return { name: String(name), bytes };
      }),
      sessions: count("SELECT count(*) AS n FROM session WHERE gone = 0"),
      facts: count("SELECT count(*) AS n FROM fact"),
    };
  } finally {
    db.close();
  }
}

/** Leaves the store alone in its file: what was a part of the backup is not kept twice. */
export function dropParts(file: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec("DROP TABLE backup_about; DROP TABLE backup_part; VACUUM;");
  } finally {
    db.close();
  }
}
