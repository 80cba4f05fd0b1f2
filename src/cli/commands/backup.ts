/**
 * `holdfast backup FILE`: from the running hub, here or elsewhere, or from the state directory of
 * one that does not run. The file appears under its name once it is whole and was read back.
 */
import { createWriteStream, existsSync, linkSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { counted } from "../../base/counted.ts";
import { HubError } from "../../base/hub-error.ts";
import { problemFault } from "../../client/problem.ts";
import { backupOfRest } from "../../hub/backup/make-backup.ts";
import { inspectBackup, type BackupView } from "../../hub/backup/restore-backup.ts";
import { hubAddress } from "../connection.ts";
import { note, print, printJson, type Cli, type Run } from "../cli.ts";
import { runningHub } from "../home.ts";
import { asTyped } from "../installation.ts";
import { productVersion } from "../version.ts";

export const run: Run = async (cli, [name = ""]) => {
  const file = resolve(cli.cwd, name);
  if (existsSync(file)) throw refused(file, "exists already");
  const draft = `${file}.${process.pid}.part`;
  try {
    await write(await openSource(cli), draft);
    const view = await inspectBackup(draft, dirname(file));
    publish(draft, file);
    tell(cli, file, view);
  } finally {
    rmSync(draft, { force: true });
  }
  return 0;
};

function openSource(cli: Cli): Promise<Readable> {
  const { home, url } = cli.config();
  const isAtRest = url === null && runningHub(home) === null;
  return isAtRest ? backupOfRest(home, productVersion()) : askHub(cli);
}

async function askHub(cli: Cli): Promise<Readable> {
  const { url, token } = hubAddress(cli);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(`${url}/v1/backup`, { headers });
  } catch (cause) {
    throw new HubError("HubUnreachable", `the hub at ${url} does not answer`, { cause });
  }
  if (!response.ok || response.body === null) {
    throw problemFault(url, response.status, await response.text());
  }
  return Readable.from(response.body);
}

async function write(packed: Readable, draft: string): Promise<void> {
  try {
    await pipeline(packed, createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true }));
  } catch (cause) {
    const { syscall = "", code = "" } = cause as NodeJS.ErrnoException;
    // The disk's own words; all else came from the hub, or from the line to it.
    if (["open", "write", "fsync"].includes(syscall)) {
      throw refused(draft, `cannot be written (${code})`, cause);
    }
    throw new HubError("HubUnreachable", "the hub broke off in the middle of the backup", {
      cause,
    });
  }
}

/** Never over another file, also not over one that came meanwhile. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (cause) {
    throw refused(file, "exists already, or its place takes no hard link", cause);
  }
}

function refused(file: string, why: string, cause?: unknown): HubError {
  return new HubError("BadRequest", `${file} ${why}`, { cause, hint: "Choose another file." });
}

function tell(cli: Cli, file: string, { about, sessions, facts }: BackupView): void {
  if (cli.json) {
    printJson(cli, { file, sessions, facts, ...about });
    return;
  }
  print(cli, file);
  note(cli, `${counted(sessions, "session")} with ${counted(facts, "fact")}, read back and whole`);
  note(cli, "It holds the hub's keys: keep it as secret as the state directory.");
  note(cli, asTyped(`next, on another machine: holdfast restore ${file}`));
}
