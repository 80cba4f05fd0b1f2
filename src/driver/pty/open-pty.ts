/**
 * Chooses the pty: node-pty's module where one was uploaded, else util-linux `script` where it is,
 * else plain pipes, which the peer is told. The choice is made once per driver, by trying.
 */
import { spawnSync } from "node:child_process";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { whyNotDirectory } from "../services/process-group.ts";
import { loadNativeModule, openNative } from "./native-pty.ts";
import { openPipes } from "./pipes-pty.ts";
import type { OpenedPty, PtyCommand } from "./pty.ts";
import { openScript } from "./script-pty.ts";

const PROBE_TIMEOUT_MS = 2_000;

export interface PtyContext {
  readonly clock: Clock;
  readonly log: Logger;
}

export type OpenPty = (command: PtyCommand, done: (opened: OpenedPty) => void) => void;

/** `nativeModule` is the path of a pty.node, if there is one. */
export function createPtyOpener(context: PtyContext, nativeModule: string | undefined): OpenPty {
  let chosen: OpenPty | null = null;
  return (command, done) => {
    chosen ??= choose(context, nativeModule);
    chosen(command, done);
  };
}

function choose(context: PtyContext, nativeModule: string | undefined): OpenPty {
  // Under Bun the module loads and its terminals end at once.
  if (nativeModule !== undefined && !("bun" in process.versions)) {
    try {
      const native = loadNativeModule(nativeModule);
      return (command, done) => {
        const noCwd = whyNotDirectory(command.cwd);
        done(noCwd === null ? tryNative(native, command, context) : { ok: false, reset: noCwd });
      };
    } catch (error) {
      context.log.warn({ error: String(error) }, "native pty does not load");
    }
  }
  const open = hasUtilLinuxScript() ? openScript : openPipes;
  return (command, done) => open(command, context, done);
}

function tryNative(
  native: ReturnType<typeof loadNativeModule>,
  command: PtyCommand,
  { clock }: PtyContext,
): OpenedPty {
  try {
    return { ok: true, pty: openNative(native, command, clock) };
  } catch (error) {
    return { ok: false, reset: { code: "IO", message: `no terminal: ${String(error)}` } };
  }
}

/** Busybox has a `script` of its own with other options; util-linux says its name. */
function hasUtilLinuxScript(): boolean {
  const found = spawnSync("script", ["--version"], {
    encoding: "utf8",
    timeout: PROBE_TIMEOUT_MS,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return found.status === 0 && found.stdout.includes("util-linux");
}
