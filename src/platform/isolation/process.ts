/**
 * No isolation but another user: plain processes below a directory of their own. The last tier,
 * in force only when asked for or when the kernel allows nothing better, and always said aloud.
 */
import { existsSync } from "node:fs";
import { daemonArgv, dropTo } from "./tier.ts";
import type { Launcher } from "./tier.ts";

/** Without root there is nothing to drop, only a way up to close where the host can close it. */
function staySmall(): string[] {
  const program = "/usr/bin/setpriv";
  return existsSync(program) ? [program, "--no-new-privs"] : [];
}

export const processLauncher: Launcher = {
  tier: "process",
  argv: (spec) => {
    const { nodeFile: node, toolboxFile: bundle, runDir, homeDir } = spec;
    const drop = spec.uid === undefined ? staySmall() : dropTo(spec.uid);
    return [...drop, ...daemonArgv(spec, { node, bundle, runDir, homeDir }, [])];
  },
  // Every step execs the next one, so the launched process is the daemon itself.
  firstPid: (launchedPid) => launchedPid,
};
