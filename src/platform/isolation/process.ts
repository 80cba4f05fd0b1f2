/**
 * No isolation but another user: plain processes below a directory of their own. The last tier,
 * in force only when asked for or when the kernel allows nothing better, and always said aloud.
 */
import { dropTo, sandboxEnvironment, socketName, toolboxArgv } from "./tier.ts";
import type { Launcher } from "./tier.ts";

export const processLauncher: Launcher = {
  tier: "process",
  argv: (spec) => {
    const env = Object.entries(sandboxEnvironment(spec, spec.homeDir));
    const socket = `${spec.runDir}/${socketName}`;
    return [
      ...["env", "-i", ...env.map(([key, value]) => `${key}=${value}`)],
      ...(spec.uid === undefined ? [] : dropTo(spec.uid)),
      ...toolboxArgv(spec.nodeFile, spec.toolboxFile, socket, spec.homeDir),
      ...["--version", spec.version],
    ];
  },
  // Every step execs the next one, so the launched process is the daemon itself.
  firstPid: (launchedPid) => launchedPid,
};
