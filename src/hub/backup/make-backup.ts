/**
 * A backup: the store as it is at one moment with the files that belong to it, in one SQLite file,
 * packed by gzip, whose checksum tells a file that was cut off or changed. Made by the hub while it
 * runs, or from the state directory of one that does not.
 */
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { SqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { addParts } from "../../store/sqlite/store-copy.ts";
import { readParts } from "./backup-parts.ts";
import { draftIn, dropDrafts } from "./drafts.ts";

/** Raised when an older Holdfast could not restore what a newer one wrote. */
export const BACKUP_FORMAT = 1;

export interface BackupAbout {
  readonly format: number;
  /** ISO 8601. */
  readonly madeAt: string;
  readonly holdfast: string;
  readonly hubId: string;
  /** Where drivers and people reached this hub; null when it did not run. */
  readonly url: string | null;
}

export type BackupMaker = () => Promise<Readable>;

/** One at a time. */
export function backupMaker(
  home: string,
  store: SqliteStore,
  about: () => Omit<BackupAbout, "format">,
): BackupMaker {
  dropDrafts(home);
  let isBusy = false;
  return async () => {
    if (isBusy) throw new HubError("HubBusy", "another backup of this hub is being made");
    isBusy = true;
    try {
      const stream = await makeBackup(home, store, about());
      return stream.once("close", () => (isBusy = false));
    } catch (error) {
      isBusy = false;
      throw error;
    }
  };
}

/** Facts in PostgreSQL have backups of their own. @throws HubError StateConflict */
export const noBackup: BackupMaker = () => {
  const hint = "Back it up with pg_dump or your provider's snapshots.";
  throw new HubError("StateConflict", "this hub keeps its facts in PostgreSQL", { hint });
};

/** The backup of a hub that does not run. @throws HubError HubRunning, BadRequest */
export async function backupOfRest(home: string, version: string): Promise<Readable> {
  const file = join(home, "store.sqlite");
  if (!existsSync(file)) {
    throw new HubError(
      "BadRequest",
      `there is nothing to back up in ${home}: no hub ever ran on it`,
      {
        hint: "Name the state directory with --home or HOLDFAST_HOME, or the hub with HOLDFAST_URL.",
      },
    );
  }
  const { hubId } = JSON.parse(readFileSync(join(home, "hub-secret.json"), "utf8")) as {
    hubId: string;
  };
  const store = new SqliteStore(file);
  try {
    const madeAt = new Date(systemClock.now()).toISOString();
    return await makeBackup(home, store, { madeAt, holdfast: version, hubId, url: null });
  } finally {
    store.close();
  }
}

async function makeBackup(
  home: string,
  store: SqliteStore,
  about: Omit<BackupAbout, "format">,
): Promise<Readable> {
  const draft = draftIn(home, "backup");
  const remove = (): void => rmSync(draft, { recursive: true, force: true });
  try {
    remove();
    mkdirSync(draft, { mode: 0o700 });
    const file = join(draft, "store.sqlite");
    const before = readParts(home, "before-facts");
    await store.copyTo(file);
    addParts(file, { ...about, format: BACKUP_FORMAT }, [
      ...before,
      ...readParts(home, "after-facts"),
    ]);
    const source = createReadStream(file);
    const packed = createGzip();
    source.once("error", (error) => packed.destroy(error));
    packed.once("close", () => {
      source.destroy();
      remove();
    });
    return source.pipe(packed);
  } catch (error) {
    remove();
    if (error instanceof HubError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new HubError("StoreRefuses", `no backup can be made in ${home}: ${said}`, {
      cause: error,
    });
  }
}
