/**
 * Says on disk that this driver takes nudges, and how its link is. The nudge script signals only
 * the pid and start time that it reads here. Each content is whole: written aside, then renamed.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import type { Logger } from "../base/log.ts";

export interface Readiness {
  readonly pid: number;
  readonly startTicks: string;
  readonly epoch: number | null;
  readonly state: "dialling" | "live";
  readonly at: number;
  readonly version: string;
  /** Why the last dial brought no link; null once one is live. */
  readonly lastError: string | null;
  /** Which address that was. Drivers of the first release do not tell. */
  readonly lastUrl?: string | null;
}

export interface ReadyFile {
  /** Writes are in order; of several that wait only the newest is written. */
  set(readiness: Readiness): void;
  remove(): Promise<void>;
}

export function createReadyFile(path: string, log: Logger): ReadyFile {
  let next: Readiness | null = null;
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    while (next !== null) {
      const content = JSON.stringify(next);
      next = null;
      const aside = `${path}.${process.pid}.tmp`;
      try {
        await writeFile(aside, content + "\n", { mode: 0o600 });
        await rename(aside, path);
      } catch (error) {
        log.error({ error: String(error) }, "ready file not written");
      }
    }
    writing = null;
  }

  return {
    set(readiness) {
      next = readiness;
      writing ??= writeAll();
    },
    async remove() {
      await writing;
      await rm(path, { force: true });
    },
  };
}
