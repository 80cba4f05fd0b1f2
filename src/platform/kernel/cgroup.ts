/**
 * One cgroup (version 2) per sandbox below one parent per data directory: freeze is the real
 * pause, kill reaches every process also when it forks. Knows nothing of sandboxes' states.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** Hybrid machines keep version 2 beside version 1. */
const MOUNTS = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
const SETTLE_STEP_MS = 2;

export class CgroupParent {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Undefined where this user may not make, freeze or kill a cgroup: then signals do the work. */
  static open(dataDir: string): CgroupParent | undefined {
    const mount = MOUNTS.find((path) => existsSync(`${path}/cgroup.controllers`));
    if (mount === undefined) return undefined;
    const tag = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
    const parent = new CgroupParent(`${mount}/holdfast-${tag}`);
    try {
      mkdirSync(parent.path, { recursive: true });
      const trial = parent.make("trial");
      const able = existsSync(`${trial}/cgroup.freeze`) && existsSync(`${trial}/cgroup.kill`);
      rmdirSync(trial);
      return able ? parent : undefined;
    } catch {
      return undefined;
    }
  }

  make(name: string): string {
    const path = `${this.path}/${name}`;
    mkdirSync(path, { recursive: true });
    return path;
  }

  list(): string[] {
    return groupsIn(this.path);
  }

  /** Leaves nothing behind once the last sandbox has gone. */
  close(): void {
    if (this.list().length === 0 && existsSync(this.path)) rmdirSync(this.path);
  }
}

/** A group is a directory; all else in it is the kernel's files. */
export function groupsIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

/** True once the kernel confirms it; a freeze is not instant where a process is in the kernel. */
export async function setFrozen(
  path: string,
  frozen: boolean,
  deadlineMs: number,
): Promise<boolean> {
  writeFileSync(`${path}/cgroup.freeze`, frozen ? "1" : "0");
  return settle(() => eventOf(path, "frozen") === (frozen ? "1" : "0"), deadlineMs);
}

/** Thaws without waiting: what is to be killed, and its keeper, must run to be reaped. */
export function thawForEnd(path: string): void {
  if (existsSync(path)) writeFileSync(`${path}/cgroup.freeze`, "0");
}

export function isPopulated(path: string): boolean {
  return eventOf(path, "populated") === "1";
}

export async function killCgroup(path: string, deadlineMs: number): Promise<boolean> {
  if (!existsSync(path)) return true;
  writeFileSync(`${path}/cgroup.kill`, "1");
  return settle(() => !isPopulated(path), deadlineMs);
}

export function removeCgroup(path: string): void {
  if (existsSync(path)) rmdirSync(path);
}

export function pidsInCgroup(path: string): number[] {
  try {
    return readFileSync(`${path}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function eventOf(path: string, key: string): string | undefined {
  try {
    const line = readFileSync(`${path}/cgroup.events`, "utf8")
      .split("\n")
      .find((text) => text.startsWith(`${key} `));
    return line?.slice(key.length + 1);
  } catch {
    return undefined;
  }
}

/** Asks the kernel again until it agrees or the deadline has passed. */
export async function settle(agrees: () => boolean, deadlineMs: number): Promise<boolean> {
  const endAt = performance.now() + deadlineMs;
  while (!agrees()) {
    if (performance.now() > endAt) return false;
    await delay(SETTLE_STEP_MS);
  }
  return true;
}
