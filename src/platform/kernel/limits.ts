/**
 * What one sandbox may take of the machine: memory, processes and processor time, each by a cgroup
 * controller where there is one, of version 2 or of version 1 beside it. Knows which limits are in
 * force and what was killed for want of memory; decides no number.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { groupsIn, settle } from "./cgroup.ts";
import type { CgroupParent } from "./cgroup.ts";

export type LimitKind = "memory" | "processes" | "cpu";

export interface Limits {
  memoryBytes: number;
  processesMax: number;
  cpus: number;
}

/** A group that still has a dying process cannot be removed yet. */
const REMOVE_DEADLINE_MS = 2_000;
/**
 * A sandbox that has used up its share stands still until the period ends, its driver and every
 * keystroke with it: of the kernel's own 100 ms that was the wait that people felt. What it did not
 * use before it may use in a burst, so that short work is not slower for it. docs/decisions/0506.
 */
const PERIOD_US = 20_000;

interface Controller {
  kind: LimitKind;
  /** Holds one directory for each sandbox. */
  parent: string;
  /** False where the sandbox is in that directory anyway. */
  isOwn: boolean;
  files: (limits: Limits) => readonly (readonly [file: string, text: string])[];
}

const quotaUs = (cpus: number): number => Math.round(cpus * PERIOD_US);

const version1: Record<LimitKind, [string, Controller["files"]]> = {
  memory: [
    "memory",
    // The second counts swap with it; a kernel that does not count swap has no such file.
    ({ memoryBytes }) => [
      ["memory.limit_in_bytes", String(memoryBytes)],
      ["memory.memsw.limit_in_bytes", String(memoryBytes)],
    ],
  ],
  processes: ["pids", ({ processesMax }) => [["pids.max", String(processesMax)]]],
  cpu: [
    "cpu",
    ({ cpus }) => [
      // No burst may exceed its quota, and the quota may become smaller here.
      ["cpu.cfs_burst_us", "0"],
      ["cpu.cfs_period_us", String(PERIOD_US)],
      ["cpu.cfs_quota_us", String(quotaUs(cpus))],
      ["cpu.cfs_burst_us", String(quotaUs(cpus))],
    ],
  ],
};

const version2: Record<LimitKind, [string, Controller["files"]]> = {
  memory: [
    "memory",
    ({ memoryBytes }) => [
      ["memory.max", String(memoryBytes)],
      ["memory.swap.max", "0"],
    ],
  ],
  processes: ["pids", ({ processesMax }) => [["pids.max", String(processesMax)]]],
  cpu: [
    "cpu",
    ({ cpus }) => [
      ["cpu.max.burst", "0"],
      ["cpu.max", `${quotaUs(cpus)} ${PERIOD_US}`],
      ["cpu.max.burst", String(quotaUs(cpus))],
    ],
  ],
};

export class LimitGroups {
  readonly #controllers: readonly Controller[];

  private constructor(controllers: readonly Controller[]) {
    this.#controllers = controllers;
  }

  /** `unified` is where sandboxes have their group of version 2; `mount` has those of version 1. */
  static open(unified: CgroupParent | undefined, mount = "/sys/fs/cgroup"): LimitGroups {
    if (unified === undefined) return new LimitGroups([]);
    const kinds: readonly LimitKind[] = ["memory", "processes", "cpu"];
    const found = kinds.map(
      (kind) => onVersion2(kind, unified) ?? onVersion1(kind, unified, mount),
    );
    return new LimitGroups(found.filter((controller) => controller !== undefined));
  }

  get kinds(): LimitKind[] {
    return this.#controllers.map(({ kind }) => kind);
  }

  /** Sets the limits of one sandbox; what it is told to join are files for its first process. */
  set(id: string, limits: Limits): string[] {
    const joins: string[] = [];
    for (const { parent, isOwn, files } of this.#controllers) {
      const group = `${parent}/${id}`;
      mkdirSync(group, { recursive: true });
      for (const [file, text] of files(limits)) {
        if (existsSync(`${group}/${file}`)) write(`${group}/${file}`, text);
      }
      if (isOwn) joins.push(`${group}/cgroup.procs`);
    }
    return joins;
  }

  /** How many processes the kernel has ended because the sandbox was out of memory. */
  oomKills(id: string): number {
    const parent = this.#controllers.find(({ kind }) => kind === "memory")?.parent;
    if (parent === undefined) return 0;
    const text =
      textOf(`${parent}/${id}/memory.oom_control`) + textOf(`${parent}/${id}/memory.events`);
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Undefined when all are gone. */
  async remove(id: string): Promise<string | undefined> {
    for (const { parent, isOwn } of this.#controllers) {
      const group = `${parent}/${id}`;
      if (!isOwn || (await settle(() => isRemoved(group), REMOVE_DEADLINE_MS))) continue;
      return `${group} is still in use`;
    }
    return undefined;
  }

  /** Leaves nothing behind once the last sandbox has gone. */
  close(): void {
    for (const { parent, isOwn } of this.#controllers) {
      if (isOwn && existsSync(parent) && groupsIn(parent).length === 0) isRemoved(parent);
    }
  }
}

/** A controller serves below a directory only once it is switched on there, level by level. */
function onVersion2(kind: LimitKind, unified: CgroupParent): Controller | undefined {
  const [name, files] = version2[kind];
  const { path } = unified;
  if (
    !textOf(`${dirname(path)}/cgroup.controllers`)
      .split(/\s+/)
      .includes(name)
  )
    return undefined;
  try {
    for (const level of [dirname(path), path]) {
      writeFileSync(`${level}/cgroup.subtree_control`, `+${name}`);
    }
  } catch {
    return undefined;
  }
  return { kind, parent: path, isOwn: false, files };
}

/** Beside a mount of version 2 at `unified` stand the controllers of version 1. */
function onVersion1(kind: LimitKind, unified: CgroupParent, mount: string): Controller | undefined {
  const [name, files] = version1[kind];
  const parent = `${mount}/${name}/${basename(unified.path)}`;
  if (!existsSync(`${dirname(parent)}/cgroup.procs`)) return undefined;
  try {
    mkdirSync(parent, { recursive: true });
    return { kind, parent, isOwn: true, files };
  } catch {
    return undefined;
  }
}

/** The limit with swap must not be below the one without: which is first depends on what was. */
function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    if (!file.endsWith("memory.limit_in_bytes")) throw error;
    writeFileSync(file.replace("memory.limit", "memory.memsw.limit"), text);
    writeFileSync(file, text);
  }
}

function isRemoved(group: string): boolean {
  if (!existsSync(group)) return true;
  try {
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
