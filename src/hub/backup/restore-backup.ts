/**
 * From a backup back to a state directory. Everything is checked before the first file is put in
 * place; the store comes last, and until it has come a mark in the directory keeps hubs from
 * starting on half of it. Nothing is ever deleted: what is in the way is moved aside, when asked.
 */
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync } from "node:fs";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { SqliteStore } from "../../store/sqlite/sqlite-store.ts";
import {
  dropParts,
  readCopy,
  type CopyPart,
  type StoreCopy,
} from "../../store/sqlite/store-copy.ts";
import { isPart } from "./backup-parts.ts";
import { draftIn } from "./drafts.ts";
import { BACKUP_FORMAT, type BackupAbout } from "./make-backup.ts";

/** A hub does not start where this lies. */
export const UNFINISHED = "restore-unfinished";
const STORE = "store.sqlite";
/** Of the disk that is written to: the backup may be as good as ever. */
const DISK_CODES = ["ENOSPC", "EDQUOT", "EROFS", "EFBIG"];

export interface BackupView {
  readonly about: BackupAbout;
  readonly sessions: number;
  readonly facts: number;
}

export interface Restored extends BackupView {
  /** Where what was in the way is now; null when nothing was. */
  readonly aside: string | null;
}

/** Whether a file can be restored. @throws HubError BackupUnusable that says why not */
export async function inspectBackup(file: string, workDir: string): Promise<BackupView> {
  return within(workDir, async (draft) => viewOf(await unpack(file, draft)));
}

/**
 * `home` must be there and no hub may run on it.
 * @throws HubError BackupUnusable, HubRunning, StateConflict, HomeNotWritable
 */
export async function restoreBackup(
  file: string,
  home: string,
  isForced: boolean,
): Promise<Restored> {
  return within(home, async (draft) => {
    const copy = await unpack(file, draft);
    const blocking = inTheWay(home, copy.parts);
    if (blocking.length > 0 && !isForced) {
      const named = blocking.filter((name) => !/-(wal|shm)$/.test(name)).join(", ");
      throw new HubError("StateConflict", `${home} has a hub already (${named})`, {
        hint: "Restore into another directory with --home, or add --force to move these aside.",
      });
    }
    try {
      const store = join(draft, STORE);
      dropParts(store);
      const aside = blocking.length > 0 ? moveAside(home, blocking) : null;
      writeFileSync(join(home, UNFINISHED), `${file}\n`, { flush: true });
      for (const part of copy.parts) put(home, draft, part);
      syncPath(store);
      renameSync(store, join(home, STORE));
      syncPath(home);
      rmSync(join(home, UNFINISHED));
      return { ...viewOf(copy), aside };
    } catch (cause) {
      throw new HubError("HomeNotWritable", `the restore into ${home} broke off: ${said(cause)}`, {
        cause,
        hint: "Mend that and run it again; no hub starts on this directory before.",
      });
    }
  });
}

/** A directory of one's own that is gone at the end. */
async function within<T>(parent: string, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = draftIn(parent, "restore");
  try {
    mkdirSync(draft, { mode: 0o700 });
  } catch (cause) {
    throw new HubError("HomeNotWritable", `cannot write to ${parent}: ${said(cause)}`, { cause });
  }
  try {
    return await work(draft);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function unpack(file: string, draft: string): Promise<StoreCopy> {
  const store = join(draft, STORE);
  try {
    const target = createWriteStream(store, { mode: 0o600, flush: true });
    await pipeline(createReadStream(file), createGunzip(), target);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    if (DISK_CODES.includes(String(code))) {
      throw new HubError("HomeNotWritable", `cannot write to ${draft}: ${said(cause)}`, { cause });
    }
    throw unusable(file, reasonOf(cause), cause);
  }
  let copy: StoreCopy;
  try {
    copy = readCopy(store);
  } catch (cause) {
    throw unusable(file, said(cause), cause);
  }
  const { about } = viewOf(copy);
  if (typeof about.format !== "number" || about.format > BACKUP_FORMAT) {
    throw unusable(file, `a newer Holdfast made it (${about.holdfast})`, null);
  }
  const stranger = copy.parts.find(({ name }) => !isPart(name));
  if (stranger !== undefined) throw unusable(file, `it holds ${stranger.name}`, null);
  return copy;
}

function viewOf({ about, sessions, facts }: StoreCopy): BackupView {
  return { about: about as BackupAbout, sessions, facts };
}

/** What is there and is another; the same bytes are what a restore that broke off has put there. */
function inTheWay(home: string, parts: readonly CopyPart[]): string[] {
  refuseLivingStore(join(home, STORE));
  const others = parts.filter(({ name, bytes }) => {
    const path = join(home, name);
    return existsSync(path) && !readFileSync(path).equals(bytes);
  });
  const store = [STORE, `${STORE}-wal`, `${STORE}-shm`].filter((name) =>
    existsSync(join(home, name)),
  );
  return [...store, ...others.map(({ name }) => name)];
}

/** A store that cannot be read is what a restore is for; one that is open is somebody's. */
function refuseLivingStore(file: string): void {
  if (!existsSync(file)) return;
  try {
    new SqliteStore(file).close();
  } catch (error) {
    if (error instanceof HubError && error.code === "HubRunning") throw error;
  }
}

function moveAside(home: string, names: readonly string[]): string {
  const aside = join(
    home,
    `before-restore-${new Date(systemClock.now()).toISOString().replace(/[:.]/g, "-")}`,
  );
  for (const name of names) {
    mkdirSync(dirname(join(aside, name)), { recursive: true, mode: 0o700 });
    renameSync(join(home, name), join(aside, name));
  }
  return aside;
}

function put(home: string, draft: string, { name, bytes }: CopyPart): void {
  const path = join(home, name);
  const part = join(draft, "part");
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(part, bytes, { mode: 0o600, flush: true });
  renameSync(part, path);
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  if (code === "Z_BUF_ERROR") return "it is cut off";
  if (code === "Z_DATA_ERROR") return "it is no backup, or it was changed";
  return said(cause);
}

function unusable(file: string, why: string, cause: unknown): HubError {
  return new HubError("BackupUnusable", `${file} cannot be restored: ${why}`, { cause });
}

function said(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
