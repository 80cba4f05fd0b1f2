/** What a way of isolating must offer, and the words in which it is told to everyone. */

import { EGRESS_PORT } from "../toolbox/egress-forward.ts";

export type Tier = "bwrap" | "namespaces" | "process";
export type RootKind = "overlay" | "copy" | "none";
/** `none` loopback only · `proxy` that and HTTP to public addresses · `host` the host's own. */
export type NetworkKind = "none" | "proxy" | "host";

/** Everything a launcher needs to know; paths are the host's unless they say "inside". */
export interface LaunchSpec {
  id: string;
  /** The user that everything in the sandbox runs as; undefined when the host user is not root. */
  uid: number | undefined;
  mergedDir: string;
  /** Directories of the host bound read-only; none for a root directory that brings its own. */
  hostDirs: string[];
  runDir: string;
  servicesDir: string;
  homeDir: string;
  toolboxFile: string;
  nodeFile: string;
  version: string;
  env: Record<string, string>;
  network: NetworkKind;
  /** What files in memory may take; half of the whole, so that programs find room beside them. */
  sharedMemoryBytes: number;
  volumes: readonly VolumeMount[];
  /** The first process waits, with all mounts made, for a line on its standard input. */
  gated: boolean;
  statusFd: number;
}

/** A directory of the host and where it is seen inside. */
export interface VolumeMount {
  source: string;
  inside: string;
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
export const egressName = "egress.sock";
/** Read once by the daemon, which takes it away. */
export const environmentName = "environment.json";

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/holdfast/bin";

const proxyUrl = `http://127.0.0.1:${EGRESS_PORT}`;
const noProxy = "localhost,127.0.0.1,::1";

/** Both spellings: curl reads the small ones, many others the large ones. */
const proxyVariables = {
  HTTP_PROXY: proxyUrl,
  HTTPS_PROXY: proxyUrl,
  NO_PROXY: noProxy,
  http_proxy: proxyUrl,
  https_proxy: proxyUrl,
  no_proxy: noProxy,
};

/** What the daemon itself runs with; it has nothing of the host's, and nothing of a caller's. */
function daemonEnvironment(spec: LaunchSpec, homeDir: string): Record<string, string> {
  return {
    PATH: searchPath,
    HOME: homeDir,
    USER: "daytona",
    LOGNAME: "daytona",
    SHELL: "/bin/bash",
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    DAYTONA_SANDBOX_ID: spec.id,
    ...(spec.network === "proxy" ? proxyVariables : {}),
    HOLDFAST_SANDBOX: spec.id,
  };
}

/**
 * The whole environment of what runs in a sandbox. It goes there in a file for the sandbox's own
 * user, because every user of the machine reads the command lines of all processes.
 */
export function sandboxEnvironment(spec: LaunchSpec, homeDir: string): Record<string, string> {
  return { ...daemonEnvironment(spec, homeDir), ...spec.env, HOLDFAST_SANDBOX: spec.id };
}

/**
 * The first process inside reaps orphans, which Node cannot do, and outlives its daemon: a dead
 * daemon leaves a started sandbox with nobody to talk to, as on Daytona. Shells wait for any
 * child while they wait for one, so the idle loop is the reaper.
 */
const initScript =
  'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & wait $!; ' +
  "while :; do sleep 86400 & wait $!; done";

/** Where the daemon's parts are, as the sandbox sees them. */
export interface DaemonPlace {
  node: string;
  bundle: string;
  runDir: string;
  homeDir: string;
}

/**
 * From the drop of privileges on. What a caller chose is not in it: a caller's LD_PRELOAD would be
 * loaded by root, and a caller's secret be seen by everyone.
 */
export function daemonArgv(spec: LaunchSpec, place: DaemonPlace, first: string[]): string[] {
  const env = Object.entries(daemonEnvironment(spec, place.homeDir));
  return [
    ...["/usr/bin/env", "-i", ...env.map(([key, value]) => `${key}=${value}`)],
    ...first,
    ...[place.node, place.bundle, "--socket", `${place.runDir}/${socketName}`],
    ...["--home", place.homeDir, "--version", spec.version],
    ...["--environment", `${place.runDir}/${environmentName}`],
    ...(spec.network === "proxy" ? ["--egress", `${place.runDir}/${egressName}`] : []),
    ...(spec.volumes.length > 0 ? ["--shares-files"] : []),
  ];
}

/** Said into the launch log by a first process that waits. */
export const gateLine = "waiting at the gate";

/** An end of the input is the platform's end, and no permission. */
export function gateArgv(spec: LaunchSpec): string[] {
  if (!spec.gated) return [];
  return ["/bin/sh", "-c", `echo "${gateLine}"; read -r _ && exec "$@" </dev/null`, "gate"];
}

export const insidePlace: DaemonPlace = {
  node: insideNode,
  bundle: insideToolbox,
  runDir: insideRun,
  homeDir: insideHome,
};

/** The command that keeps PID 1 inside a pid namespace. */
export const initArgv = ["/bin/sh", "-c", initScript, "init", `${insideRun}/toolbox.log`];

/** Counted per user, and each sandbox has its own: a fork bomb inside does not starve the host. */
export const PROCESSES_MAX = 4096;

/** No group, no capability, no way back to one. */
export function dropTo(uid: number): string[] {
  const id = String(uid);
  return [
    ...["/usr/bin/prlimit", `--nproc=${PROCESSES_MAX}`, "--core=0"],
    "/usr/bin/setpriv",
    ...["--reuid", id, "--regid", id, "--clear-groups"],
    ...["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"],
  ];
}
