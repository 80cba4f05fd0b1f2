/** What a way of isolating must offer, and the words in which it is told to everyone. */

export type Tier = "bwrap" | "namespaces" | "process";
export type RootKind = "overlay" | "copy" | "none";
export type NetworkKind = "none" | "host";

/** Everything a launcher needs to know; paths are the host's unless they say "inside". */
export interface LaunchSpec {
  id: string;
  /** The user that everything in the sandbox runs as; undefined when the host user is not root. */
  uid: number | undefined;
  mergedDir: string;
  runDir: string;
  servicesDir: string;
  homeDir: string;
  toolboxFile: string;
  nodeFile: string;
  version: string;
  env: Record<string, string>;
  network: NetworkKind;
  statusFd: number;
}

export interface Launcher {
  tier: Tier;
  /** The command whose process, or whose child, is the sandbox's first process. */
  argv(spec: LaunchSpec): string[];
  /** Finds the sandbox's first process from the launched one; undefined while it is not there. */
  firstPid(launchedPid: number, statusText: string): number | undefined;
}

export const insideHome = "/home/daytona";
export const insideRun = "/run/toolbox";
export const insideServices = "/run/holdfast";
export const insideNode = "/opt/holdfast/bin/node";
export const insideToolbox = "/opt/holdfast/toolbox.cjs";
export const socketName = "toolbox.sock";

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/holdfast/bin";

/** The whole environment of a sandbox: nothing of the host's comes along. */
export function sandboxEnvironment(spec: LaunchSpec, homeDir: string): Record<string, string> {
  return {
    PATH: searchPath,
    HOME: homeDir,
    USER: "daytona",
    LOGNAME: "daytona",
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    DAYTONA_SANDBOX_ID: spec.id,
    ...spec.env,
    HOLDFAST_SANDBOX: spec.id,
  };
}

/**
 * The first process inside reaps orphans, which Node cannot do, and outlives its daemon: a dead
 * daemon leaves a started sandbox with nobody to talk to, as on Daytona. Shells wait for any
 * child while they wait for one, so the idle loop is the reaper.
 */
export const initScript =
  'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & wait $!; ' +
  "while :; do sleep 86400 & wait $!; done";

export function toolboxArgv(node: string, bundle: string, socket: string, home: string): string[] {
  return [node, bundle, "--socket", socket, "--home", home];
}

/** No group, no capability, no way back to one. */
export function dropTo(uid: number): string[] {
  const id = String(uid);
  return [
    "/usr/bin/setpriv",
    ...["--reuid", id, "--regid", id, "--clear-groups"],
    ...["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"],
  ];
}
