/**
 * The driver's log: JSON lines in one file, kept below a bound by one older file beside it.
 * Asynchronous, so that a sandbox whose disk hangs does not hang the driver. Never stdout.
 */
import { appendFile, rename, stat } from "node:fs/promises";
import type { Logger } from "../base/log.ts";

const FILE_BYTES_MAX = 1024 * 1024;
/** Lines that wait for a slow disk; beyond it the newest are counted instead of kept. */
const WAITING_LINES_MAX = 1000;

export interface LogFile extends Logger {
  /** Resolves when all lines so far are written or lost. */
  flush(): Promise<void>;
}

export function createLogFile(path: string, now: () => number): LogFile {
  let waiting: string[] = [];
  let lostLines = 0;
  let sizeBytes: number | null = null;
  let writing: Promise<void> = Promise.resolve();
  let idle = true;

  async function writeOnce(): Promise<void> {
    const lines = waiting;
    waiting = [];
    if (lostLines > 0) lines.push(line(now(), "warn", { lostLines }, "log lines were lost"));
    lostLines = 0;
    const text = lines.join("");
    try {
      sizeBytes ??= await stat(path).then(
        (file) => file.size,
        () => 0,
      );
      if (sizeBytes + text.length > FILE_BYTES_MAX) {
        await rename(path, `${path}.1`);
        sizeBytes = 0;
      }
      await appendFile(path, text, { mode: 0o600 });
      sizeBytes += text.length;
    } catch {
      // Without a disk there is no place to say it; the count is told when writing works again.
      lostLines += lines.length;
      sizeBytes = null;
    }
  }

  async function writeAll(): Promise<void> {
    idle = false;
    while (waiting.length > 0) await writeOnce();
    idle = true;
  }

  const log = (level: string) => (fields: object, message: string) => {
    if (waiting.length >= WAITING_LINES_MAX) lostLines += 1;
    else waiting.push(line(now(), level, fields, message));
    if (idle) writing = writeAll();
  };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    flush: () => writing,
  };
}

function line(at: number, level: string, fields: object, message: string): string {
  const time = new Date(at).toISOString();
  return JSON.stringify({ level, time, ...fields, msg: message }) + "\n";
}
