/**
 * What lies in HOLDFAST_HOME: paths, the admin token, and hub.json that names the running hub.
 * It owns these two files; the store and the platform's directory belong to hub and platform.
 */
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HubError } from "../base/hub-error.ts";
import { makeDirectories } from "../disk/make-directories.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

/** 256 bits: not to be guessed; the prefix lets secret scanners find it. */
const TOKEN_BYTES = 32;
const TOKEN_PREFIX = "hf_";
const OTHERS_WRITE = 0o022;
const OTHERS_ALL = 0o077;
const OTHERS_PUT = 0o002;
const STICKY = 0o1000;

export interface HubRecord extends ProcessIdentity {
  readonly url: string;
  readonly version: string;
  readonly hubId: string;
  /** PEM file that its commands need to trust its certificate. */
  readonly ca?: string;
}

export function homePaths(home: string) {
  return {
    home,
    token: join(home, "token"),
    hub: join(home, "hub.json"),
    log: join(home, "log"),
    hubLog: join(home, "log", "hub.log"),
    platformLog: join(home, "log", "platform.log"),
    upLog: join(home, "log", "up.log"),
    platform: join(home, "platform"),
    platformRecord: join(home, "platform", "platform.json"),
  };
}

/**
 * Makes home and its log directory. Others may pass through home (sandboxes have users of their
 * own) but not list it; what is secret in it has its own mode.
 */
export function prepareHome(home: string): void {
  try {
    makeDirectories(home, 0o711);
    mkdirSync(join(home, "log"), { recursive: true, mode: 0o700 });
    accessSync(home, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new HubError("HomeNotWritable", `cannot write to the state directory ${home} (${code})`, {
      cause,
    });
  }
}

/**
 * What is in here opens the hub, so nobody else may have put or be able to put it there.
 * @throws HubError HomeNotWritable that names the file and what would be right
 */
export function checkHome(home: string): void {
  refuseHalfRestored(home);
  const secrets = [
    ...["token", "hub-secret.json", "tokens.json", "logins.json"],
    ...["audit.jsonl", "store.sqlite"],
  ];
  checkWayTo(home);
  for (const name of ["", ...secrets]) {
    const path = name === "" ? home : join(home, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) continue;
    if (name !== "" && lstatSync(path).isSymbolicLink()) {
      throw new HubError("HomeNotWritable", `${path} is a link to ${realpathSync(path)}`, {
        hint: `What it leads to may be others' to change: rm ${path}, and put the file there.`,
      });
    }
    const open = found.mode & (name === "" ? OTHERS_WRITE : OTHERS_ALL);
    const self = process.getuid?.() ?? found.uid;
    if (open === 0 && (found.uid === self || found.uid === 0)) continue;
    const is = open === 0 ? `belongs to user ${found.uid}` : `is open to others`;
    const mode = (found.mode & 0o777).toString(8);
    throw new HubError("HomeNotWritable", `${path} ${is} (mode ${mode})`, {
      hint: `Look at what it holds, then: chmod ${name === "" ? "go-w" : "go="} ${path}`,
    });
  }
}

/** The mark of src/hub/backup/restore-backup.ts, which lies there until the store is in place. */
function refuseHalfRestored(home: string): void {
  const mark = join(home, "restore-unfinished");
  if (!existsSync(mark)) return;
  const file = readFileSync(mark, "utf8").trim();
  throw new HubError("StoreCorrupt", `a restore into ${home} broke off in the middle`, {
    hint: `Run it again: holdfast restore ${file}`,
  });
}

/**
 * Who may write to a directory on the way may put another home in the place of this one; a sticky
 * bit, as /tmp has it, prevents that.
 */
function checkWayTo(home: string): void {
  let path = realpathSync(home);
  while (path !== dirname(path)) {
    path = dirname(path);
    const { mode } = statSync(path);
    if ((mode & OTHERS_PUT) === 0 || (mode & STICKY) !== 0) continue;
    const said = `${path}, on the way to ${home}, is open to others`;
    throw new HubError("HomeNotWritable", `${said} (mode ${(mode & 0o7777).toString(8)})`, {
      hint: `Look at what it holds, then: chmod o-w ${path} (or chmod +t, if all may write there).`,
    });
  }
}

/** The token in home, or null when there is none yet. */
export function readToken(home: string): string | null {
  const path = homePaths(home).token;
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    const message = `cannot read the token file ${path} (${code})`;
    throw new HubError("Unauthenticated", message, { cause });
  }
  return text === "" ? null : text;
}

/** The token in home; made at the first start. */
export function ensureToken(home: string): string {
  const known = readToken(home);
  if (known !== null) return known;
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  writeAtomically(homePaths(home).token, `${token}\n`);
  return token;
}

/** The hub that runs on this home; null when none does, also when one died and left its file. */
export function runningHub(home: string): HubRecord | null {
  const record = readJson(homePaths(home).hub);
  if (!isHubRecord(record)) return null;
  return isRunning(record) ? record : null;
}

export function writeHubRecord(home: string, record: HubRecord): void {
  writeAtomically(homePaths(home).hub, `${JSON.stringify(record)}\n`);
}

/** Removes hub.json if it still names this very process; another hub's file is left alone. */
export function removeHubRecord(home: string, owner: ProcessIdentity): void {
  const record = readJson(homePaths(home).hub);
  if (!isHubRecord(record) || record.pid !== owner.pid) return;
  if (record.startTicks === owner.startTicks) rmSync(homePaths(home).hub, { force: true });
}

/**
 * A reader sees the old file or the new one, never half of it; both are for this user alone.
 * @throws HubError HomeNotWritable when the disk is full
 */
export function writeAtomically(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, path);
  } catch (cause) {
    rmSync(draft, { force: true });
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (code !== "ENOSPC" && code !== "EDQUOT") throw cause;
    const hint = "Free some of it, or point HOLDFAST_HOME at another disk.";
    throw new HubError("HomeNotWritable", `no room for ${path} (${code})`, { cause, hint });
  }
}

/** The parsed file, or null when it is missing or no JSON (a half-copied home, for example). */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch {
    return null;
  }
}

function isHubRecord(value: unknown): value is HubRecord {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    typeof record["pid"] === "number" &&
    typeof record["startTicks"] === "number" &&
    typeof record["url"] === "string"
  );
}
