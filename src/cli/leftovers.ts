/**
 * What sandboxes of one home have on this machine right now: processes, mounts, cgroups and
 * directories, read from the kernel and the disk and not from anybody's bookkeeping. It removes
 * nothing.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../base/counted.ts";
import { homePaths } from "./home.ts";

export interface Leftovers {
  readonly processes: readonly { pid: number; command: string }[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  /** Names of the directories in the platform's sandbox folder. */
  readonly directories: readonly string[];
}

/** Hybrid machines keep version 2 beside version 1. */
const cgroupMounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
/** Enough of a command line to know it by. */
const COMMAND_CHARS = 60;

export function findLeftovers(home: string): Leftovers {
  const data = homePaths(home).platform;
  const group = cgroupName(data);
  return {
    processes: findProcesses(data, group),
    mounts: findMounts(data),
    cgroups: findCgroups(group),
    directories: entries(join(data, "sandboxes")),
  };
}

/** True when something runs or is mounted; plain files are not counted. */
export function hasLiveLeftovers(found: Leftovers): boolean {
  return found.processes.length + found.mounts.length + found.cgroups.length > 0;
}

/** "2 processes, 1 mount", or "nothing". */
export function describeLeftovers(found: Leftovers): string {
  const counts: [number, string][] = [
    [found.processes.length, "process"],
    [found.mounts.length, "mount"],
    [found.cgroups.length, "cgroup"],
    [found.directories.length, "sandbox directory"],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([count, what]) => counted(count, what));
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

/** The platform names its cgroup after its data directory, so that two homes stay apart. */
function cgroupName(data: string): string {
  return `holdfast-${createHash("sha256").update(data).digest("hex").slice(0, 12)}`;
}

/** A process belongs to this home by its cgroup, or by the data directory on its command line. */
function findProcesses(data: string, group: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of entries("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const command = readText(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
    if (command === "") continue;
    const marked = readText(`/proc/${name}/environ`).includes("HOLDFAST_SANDBOX=");
    const inGroup = readText(`/proc/${name}/cgroup`).includes(`/${group}/`);
    const namesData = command.includes(`${data}/sandboxes/`);
    // The platform and the hub name the directory, too; only what runs a sandbox counts.
    if (inGroup || namesData || (marked && mountsData(name, data))) {
      found.push({ pid: Number(name), command: command.slice(0, COMMAND_CHARS) });
    }
  }
  return found;
}

/** Where there is no cgroup: the sandbox's own mount table names directories of this home. */
function mountsData(pid: string, data: string): boolean {
  const mounts = readText(`/proc/${pid}/mountinfo`);
  return mounts.includes(`${data}/`) || readText(`/proc/${pid}/environ`).includes(`${data}/`);
}

function findMounts(data: string): string[] {
  return readText("/proc/self/mountinfo")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "))
    .filter((point) => point.startsWith(`${data}/`));
}

function findCgroups(group: string): string[] {
  return cgroupMounts
    .map((mount) => join(mount, group))
    .filter((path) => existsSync(path))
    .flatMap((path) => directories(path).map((name) => join(path, name)));
}

function directories(path: string): string[] {
  try {
    const all = readdirSync(path, { withFileTypes: true });
    return all.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    // Removed between the look and the list: then there is nothing in it.
    return [];
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    // Not there: nothing is left in it.
    return [];
  }
}

/** Empty when it cannot be read: processes end while they are looked at. */
function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
