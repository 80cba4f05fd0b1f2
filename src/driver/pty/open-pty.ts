/**
 * Chooses the pty: util-linux `script` where it is, else plain pipes, which the peer is told. The
 * choice is made once per driver, by trying.
 */
import { spawnSync } from "node:child_process";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { openPipes } from "./pipes-pty.ts";
import type { OpenedPty, PtyCommand } from "./pty.ts";
import { openScript } from "./script-pty.ts";

const PROBE_TIMEOUT_MS = 2_000;

export interface PtyContext {
  readonly clock: Clock;
  readonly log: Logger;
}

export function openPty(
  command: PtyCommand,
  context: PtyContext,
  done: (opened: OpenedPty) => void,
): void {
  scriptWorks ??= hasUtilLinuxScript();
  if (scriptWorks) openScript(command, context, done);
  else openPipes(command, context, done);
}

let scriptWorks: boolean | null = null;

/** Busybox has a `script` of its own with other options; util-linux says its name. */
function hasUtilLinuxScript(): boolean {
  const found = spawnSync("script", ["--version"], {
    encoding: "utf8",
    timeout: PROBE_TIMEOUT_MS,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return found.status === 0 && found.stdout.includes("util-linux");
}
