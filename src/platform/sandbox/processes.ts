/**
 * The processes of one sandbox: start them and wait for the daemon's first answer, freeze and
 * thaw them, end them all. Owns no state word; the lifecycle decides what each outcome means.
 */
import { spawn } from "node:child_process";
import {
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { uidOf } from "../host.ts";
import type { Host } from "../host.ts";
import { launcherOf } from "../isolation/choose.ts";
import { homeOf, mergedOf, mountRoot, unmountRoot } from "../isolation/root-tree.ts";
import type { RootTree } from "../isolation/root-tree.ts";
import { boundHostDirs } from "../isolation/skeleton.ts";
import {
  egressName,
  environmentName,
  gateLine,
  insideHome,
  PROCESSES_MAX,
  sandboxEnvironment,
  socketName,
} from "../isolation/tier.ts";
import type { LaunchSpec } from "../isolation/tier.ts";
import {
  isPopulated,
  killCgroup,
  pidsInCgroup,
  removeCgroup,
  setFrozen,
  settle,
  thawForEnd,
} from "../kernel/cgroup.ts";
import type { Limits } from "../kernel/limits.ts";
import {
  identityOf,
  isAlive,
  pidsInNamespace,
  pidsWithEnvironment,
} from "../kernel/process-table.ts";
import { textOf } from "../outcome.ts";
import type { SandboxRecord } from "./record.ts";
import { askVersion } from "./socket.ts";
import { openVolumes, wrongMount } from "./volume-mounts.ts";
import type { OpenVolumes } from "./volume-mounts.ts";

/** A loaded machine needs seconds for what takes 100 ms on an idle one. */
const READY_DEADLINE_MS = 15_000;
const KILL_DEADLINE_MS = 5_000;
/** Past it the rest is killed without waiting for anybody to reap it. */
const REAP_DEADLINE_MS = 300;
const FREEZE_DEADLINE_MS = 5_000;
const READY_STEP_MS = 3;

/** The groups to join, a lone `--`, the command. */
const joinAndExec =
  'while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift; exec "$@"';

const GIB_BYTES = 1024 ** 3;

export function treeOf(host: Host, record: SandboxRecord): RootTree {
  return { kind: record.rootKind, dir: dirOf(host, record.id), lower: record.lower };
}

export const dirOf = (host: Host, id: string): string => join(host.paths.sandboxes, id);
export const socketOf = (host: Host, id: string): string => join(host.paths.sockets, `${id}.sock`);
const runDirOf = (host: Host, id: string): string => join(dirOf(host, id), "run");

/** Undefined on success, with the record's process and root filled in; else the reason. */
export async function startProcesses(
  host: Host,
  record: SandboxRecord,
): Promise<string | undefined> {
  const tree = treeOf(host, record);
  const mounted = await mountRoot(tree, record.id);
  if ("error" in mounted) return mounted.error;
  record.merged = mounted.identity;
  const uid = uidOf(host, record.number);
  const runDir = runDirOf(host, record.id);
  rmSync(runDir, { recursive: true, force: true });
  mkdirSync(runDir, { recursive: true, mode: 0o755 });
  if (uid !== undefined) chownSync(runDir, uid, uid);
  const mergedDir = mergedOf(tree.dir);
  const volumesDir = host.paths.volumes;
  const opened = openVolumes({ volumesDir, mergedDir, volumes: record.volumes, uid });
  if ("error" in opened) return opened.error;
  const gated = opened.doubted.length > 0;
  const spec = { ...specOf(host, record, tree, uid), volumes: opened.mounts, gated };
  writeEnvironment(spec, record.tier);
  record.hasDoor = record.network === "proxy";
  const launched = launch(host, record, spec);
  record.launchedPid = launched.pid ?? null;
  const seen = await passGate(record, launched, opened.doubted).finally(opened.close);
  const reason = seen ?? (await untilReady(host, record, launched));
  // From here on nobody inside can put anything else in the socket's place.
  if (uid !== undefined) chownSync(runDir, 0, 0);
  return reason ?? openEgressDoor(host, record);
}

/** For the sandbox's user alone; made anew in a directory that was just made. */
function writeEnvironment(spec: LaunchSpec, tier: SandboxRecord["tier"]): void {
  const file = join(spec.runDir, environmentName);
  const home = tier === "process" ? spec.homeDir : insideHome;
  writeFileSync(file, JSON.stringify(sandboxEnvironment(spec, home)), { mode: 0o600, flag: "wx" });
  if (spec.uid !== undefined) chownSync(file, spec.uid, spec.uid);
}

export function openEgressDoor(host: Host, record: SandboxRecord): Promise<string | undefined> {
  return host.egress.open(record, join(runDirOf(host, record.id), egressName));
}

function specOf(
  host: Host,
  record: SandboxRecord,
  tree: RootTree,
  uid: number | undefined,
): Omit<LaunchSpec, "volumes" | "gated"> {
  return {
    id: record.id,
    uid,
    mergedDir: mergedOf(tree.dir),
    hostDirs: tree.lower === host.lower ? boundHostDirs() : [],
    runDir: runDirOf(host, record.id),
    servicesDir: host.paths.services,
    homeDir: homeOf(tree),
    toolboxFile: host.toolboxFile,
    nodeFile: host.nodeFile,
    version: host.version,
    env: record.env,
    network: record.network,
    sharedMemoryBytes: (record.memoryGib * GIB_BYTES) / 2,
    statusFd: 3,
  };
}

interface Launched {
  pid: number | undefined;
  exited: () => string | undefined;
  /** Lets a first process that waits go on. */
  open: () => void;
  statusFile: string;
  logFile: string;
}

/** A fork bomb must meet this limit while there is memory left: a small process takes 256 KiB. */
const PROCESSES_PER_GIB = 1024;

/** Undefined when the kernel holds a running sandbox to its size of now. */
export function applyLimits(host: Host, record: SandboxRecord): string | undefined {
  try {
    host.limits.set(record.id, limitsOf(record));
    return undefined;
  } catch (error) {
    return `its limits cannot be changed: ${textOf(error)}`;
  }
}

function limitsOf({ cpu, memoryGib }: SandboxRecord): Limits {
  const processesMax = Math.min(PROCESSES_MAX, memoryGib * PROCESSES_PER_GIB);
  return { cpus: cpu, memoryBytes: memoryGib * GIB_BYTES, processesMax };
}

/** Detached and with files for its outputs: it must not notice when this process ends. */
function launch(host: Host, record: SandboxRecord, spec: LaunchSpec): Launched {
  const dir = dirOf(host, record.id);
  const statusFile = join(dir, "status.json");
  const logFile = join(dir, "launch.log");
  const status = openSync(statusFile, "w", 0o600);
  const log = openSync(logFile, "w", 0o600);
  const cgroup = host.cgroups?.make(record.id);
  const argv = launcherOf(record.tier).argv(spec);
  const joins = [
    ...(cgroup === undefined ? [] : [`${cgroup}/cgroup.procs`]),
    ...host.limits.set(record.id, limitsOf(record)),
  ];
  const child = spawn("/bin/sh", ["-c", joinAndExec, "join", ...joins, "--", ...argv], {
    detached: true,
    cwd: record.tier === "process" ? spec.homeDir : "/",
    stdio: [spec.gated ? "pipe" : "ignore", log, log, status],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  closeSync(status);
  closeSync(log);
  let end: string | undefined;
  child.on("error", (error) => (end = error.message));
  child.on("exit", (code, signal) => (end = signal ?? `exit code ${code ?? -1}`));
  child.unref();
  // A process that ended has closed its side; its exit is what is looked at.
  child.stdin?.on("error", () => undefined);
  const open = (): void => void child.stdin?.end("go\n");
  return { pid: child.pid, exited: () => end, open, statusFile, logFile };
}

/** Undefined once the sandbox may run what is in it, else why it may not. */
async function passGate(
  record: SandboxRecord,
  launched: Launched,
  doubted: OpenVolumes["doubted"],
): Promise<string | undefined> {
  if (doubted.length === 0) return undefined;
  const endAt = performance.now() + READY_DEADLINE_MS;
  while (!tailOf(launched.logFile).includes(gateLine)) {
    // What ended is told by the wait for the daemon, in its words.
    if (launched.exited() !== undefined) return undefined;
    if (performance.now() > endAt) return `no mounts within ${READY_DEADLINE_MS} ms`;
    await delay(READY_STEP_MS);
  }
  const first = firstPidOf(record, launched);
  const wrong = first === undefined ? "sandbox process is gone" : wrongMount(first, doubted);
  if (wrong === undefined) launched.open();
  return wrong;
}

function firstPidOf(record: SandboxRecord, launched: Launched): number | undefined {
  const statusText = readFileSync(launched.statusFile, "utf8");
  return launcherOf(record.tier).firstPid(launched.pid ?? 0, statusText);
}

async function untilReady(
  host: Host,
  record: SandboxRecord,
  launched: Launched,
): Promise<string | undefined> {
  const endAt = performance.now() + READY_DEADLINE_MS;
  const inside = join(runDirOf(host, record.id), socketName);
  const daemonLog = join(runDirOf(host, record.id), "toolbox.log");
  const socket = socketOf(host, record.id);
  for (;;) {
    const end = launched.exited();
    if (end !== undefined) return `sandbox process ended (${end}): ${tailOf(launched.logFile)}`;
    if (isSocket(inside)) {
      rmSync(socket, { force: true });
      linkSync(inside, socket);
      // The link is looked at, not the name inside, which somebody might have changed meanwhile.
      if (isSocket(socket) && (await askVersion(socket))) break;
    }
    if (performance.now() > endAt) {
      const output = `${tailOf(launched.logFile)}; ${tailOf(daemonLog)}`;
      return `toolbox daemon did not answer within ${READY_DEADLINE_MS} ms: ${output}`;
    }
    await delay(READY_STEP_MS);
  }
  const first = firstPidOf(record, launched);
  const identity = first === undefined ? undefined : identityOf(first);
  if (identity === undefined) return "sandbox process ended right after its daemon had answered";
  record.process = identity;
  return undefined;
}

export function isRunning(record: SandboxRecord): boolean {
  return record.process !== null && isAlive(record.process);
}

/** Kills everything, confirms that nothing is left, then takes the root and the cgroup away. */
export async function endProcesses(host: Host, record: SandboxRecord): Promise<string | undefined> {
  const cgroup = host.cgroups === undefined ? undefined : `${host.cgroups.path}/${record.id}`;
  const problems: string[] = [];
  try {
    await killFirst(record, cgroup);
    if (cgroup !== undefined && !(await killCgroup(cgroup, KILL_DEADLINE_MS))) {
      problems.push("cgroup.kill left processes");
    }
    const gone = await settle(() => {
      const left = pidsOf(host, record);
      for (const pid of left) signal(pid, "SIGKILL");
      return left.length === 0;
    }, KILL_DEADLINE_MS);
    if (!gone) problems.push("processes survived SIGKILL");
    const unmounted = await unmountRoot(treeOf(host, record));
    if (unmounted !== undefined) problems.push(unmounted);
    if (cgroup !== undefined) removeCgroup(cgroup);
    const limited = await host.limits.remove(record.id);
    if (limited !== undefined) problems.push(limited);
    host.egress.close(record.id);
    rmSync(socketOf(host, record.id), { force: true });
    rmSync(runDirOf(host, record.id), { recursive: true, force: true });
  } catch (error) {
    problems.push(textOf(error));
  }
  if (problems.length > 0) return problems.join("; ");
  record.process = null;
  record.launchedPid = null;
  record.merged = null;
  return undefined;
}

/**
 * The death of the first process takes its whole pid namespace along; the launched process then
 * reaps it and ends by itself, so that no zombie is left to a host whose init reaps slowly.
 */
async function killFirst(record: SandboxRecord, cgroup: string | undefined): Promise<void> {
  if (record.process === null || !isAlive(record.process)) return;
  signal(record.process.pid, "SIGKILL");
  if (cgroup === undefined) return;
  thawForEnd(cgroup);
  await settle(() => !isPopulated(cgroup), REAP_DEADLINE_MS);
}

/** The same for a directory without a record, of which only the id is known. */
export async function endUnrecorded(host: Host, id: string): Promise<void> {
  const cgroup = host.cgroups === undefined ? undefined : `${host.cgroups.path}/${id}`;
  if (cgroup !== undefined) await killCgroup(cgroup, KILL_DEADLINE_MS);
  for (const pid of pidsWithEnvironment(`HOLDFAST_SANDBOX=${id}`)) signal(pid, "SIGKILL");
  const dir = dirOf(host, id);
  await unmountRoot({ kind: "overlay", dir, lower: host.lower });
  if (cgroup !== undefined) removeCgroup(cgroup);
  await host.limits.remove(id);
  rmSync(socketOf(host, id), { force: true });
  rmSync(dir, { recursive: true, force: true, maxRetries: 2 });
}

/** Freeze or thaw; true only when the kernel confirms it for every process. */
export async function setPaused(
  host: Host,
  record: SandboxRecord,
  paused: boolean,
): Promise<boolean> {
  if (host.cgroups !== undefined) {
    return setFrozen(`${host.cgroups.path}/${record.id}`, paused, FREEZE_DEADLINE_MS);
  }
  // Twice: a process that forked between the look and the signal is caught by the second round.
  for (let round = 0; round < 2; round++) {
    for (const pid of pidsOf(host, record)) signal(pid, paused ? "SIGSTOP" : "SIGCONT");
  }
  return true;
}

export function pidsOf(host: Host, record: SandboxRecord): number[] {
  const inCgroup =
    host.cgroups === undefined ? [] : pidsInCgroup(`${host.cgroups.path}/${record.id}`);
  // Without a recorded first process the marker in the environment is all there is to go by.
  if (record.tier === "process" || record.process === null) {
    return [...new Set([...inCgroup, ...pidsWithEnvironment(`HOLDFAST_SANDBOX=${record.id}`)])];
  }
  // The death of its first process ends a namespace, and the kernel gives its number to the next
  // one, which may be another sandbox's by the time somebody looks.
  const inNamespace = isAlive(record.process) ? pidsInNamespace(record.process.pidNamespace) : [];
  return [...new Set([...inCgroup, ...inNamespace])];
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

function tailOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim().slice(-400) || "no output";
  } catch {
    return "no output";
  }
}
