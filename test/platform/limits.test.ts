/**
 * The limits of a sandbox on cgroups of version 2 and of version 1, on a tree of plain files that
 * looks like the kernel's: what is written where, and which limits are said to be in force.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CgroupParent } from "../../src/platform/kernel/cgroup.ts";
import { LimitGroups } from "../../src/platform/kernel/limits.ts";

const gib = 1024 ** 3;
const limits = { memoryBytes: 2 * gib, processesMax: 2048, cpus: 1.5 };

let root: string;
/** Where machines with both have version 2. */
let parent: CgroupParent;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-cgroup-"));
  mkdirSync(join(root, "unified", "holdfast-1"), { recursive: true });
  parent = new CgroupParent(join(root, "unified", "holdfast-1"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, text = ""): void => {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
};
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** The files that the kernel makes in a new group. */
const kernelFiles = (group: string, ...names: readonly string[]): void => {
  for (const name of names) put(`${group}/${name}`);
};

describe("with controllers of version 2", () => {
  const box = "unified/holdfast-1/box";

  beforeEach(() => {
    put("unified/cgroup.controllers", "cpuset cpu io memory pids\n");
    kernelFiles(box, "memory.max", "memory.swap.max", "pids.max", "cgroup.procs");
    kernelFiles(box, "cpu.max", "cpu.max.burst");
  });

  test("all three are switched on at both levels and set in the sandbox's own group", () => {
    const groups = LimitGroups.open(parent, root);
    expect(groups.kinds).toEqual(["memory", "processes", "cpu"]);
    // The last one that was written: the kernel keeps them all.
    expect(read("unified/cgroup.subtree_control")).toBe("+cpu");
    expect(read("unified/holdfast-1/cgroup.subtree_control")).toBe("+cpu");
    // It is in its group of version 2 anyway: there is nothing more to join.
    expect(groups.set("box", limits)).toEqual([]);
    expect(read(`${box}/memory.max`)).toBe(String(2 * gib));
    expect(read(`${box}/memory.swap.max`)).toBe("0");
    expect(read(`${box}/pids.max`)).toBe("2048");
    expect(read(`${box}/cpu.max`)).toBe("30000 20000");
    expect(read(`${box}/cpu.max.burst`)).toBe("30000");
  });

  test("another size replaces the one before", () => {
    const groups = LimitGroups.open(parent, root);
    groups.set("box", limits);
    groups.set("box", { ...limits, memoryBytes: 4 * gib, cpus: 3 });
    expect([read(`${box}/memory.max`), read(`${box}/cpu.max`)]).toEqual([
      String(4 * gib),
      "60000 20000",
    ]);
  });

  test("a kernel that counts no swap is not asked to", () => {
    rmSync(join(root, box, "memory.swap.max"));
    LimitGroups.open(parent, root).set("box", limits);
    expect(existsSync(join(root, box, "memory.swap.max"))).toBe(false);
  });

  test("kills for want of memory are counted", () => {
    put(`${box}/memory.events`, "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\n");
    expect(LimitGroups.open(parent, root).oomKills("box")).toBe(2);
  });

  test("a controller that the machine does not have is not said to be in force", () => {
    put("unified/cgroup.controllers", "cpu pids\n");
    expect(LimitGroups.open(parent, root).kinds).toEqual(["processes", "cpu"]);
  });

  test("a controller that may not be switched on is not said to be in force", () => {
    mkdirSync(join(root, "unified/cgroup.subtree_control"));
    expect(LimitGroups.open(parent, root).kinds).toEqual([]);
  });
});

describe("with controllers of version 1 beside it", () => {
  beforeEach(() => {
    for (const name of ["memory", "pids", "cpu"]) put(`${name}/cgroup.procs`);
    kernelFiles("memory/holdfast-1/box", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes");
    kernelFiles("pids/holdfast-1/box", "pids.max");
    const cpu = ["cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.cfs_burst_us"];
    kernelFiles("cpu/holdfast-1/box", ...cpu);
  });

  test("each has a group of its own, which the sandbox's first process joins", () => {
    const groups = LimitGroups.open(parent, root);
    expect(groups.kinds).toEqual(["memory", "processes", "cpu"]);
    const joins = ["memory", "pids", "cpu"].map((name) =>
      join(root, name, "holdfast-1", "box", "cgroup.procs"),
    );
    expect(groups.set("box", limits)).toEqual(joins);
    expect(read("memory/holdfast-1/box/memory.limit_in_bytes")).toBe(String(2 * gib));
    expect(read("memory/holdfast-1/box/memory.memsw.limit_in_bytes")).toBe(String(2 * gib));
    expect(read("pids/holdfast-1/box/pids.max")).toBe("2048");
    expect(read("cpu/holdfast-1/box/cpu.cfs_quota_us")).toBe("30000");
    // A keystroke in a busy sandbox waits for the end of the period.
    expect(read("cpu/holdfast-1/box/cpu.cfs_period_us")).toBe("20000");
    expect(read("cpu/holdfast-1/box/cpu.cfs_burst_us")).toBe("30000");
  });

  test("version 2 wins where it has the controller", () => {
    put("unified/cgroup.controllers", "memory\n");
    kernelFiles("unified/holdfast-1/box", "memory.max");
    const groups = LimitGroups.open(parent, root);
    expect(groups.kinds).toEqual(["memory", "processes", "cpu"]);
    groups.set("box", limits);
    expect(read("unified/holdfast-1/box/memory.max")).toBe(String(2 * gib));
    expect(read("memory/holdfast-1/box/memory.limit_in_bytes")).toBe("");
  });

  test("an empty group is removed, and what holds them with it", async () => {
    for (const name of ["memory", "pids", "cpu"]) {
      rmSync(join(root, name, "holdfast-1", "box"), { recursive: true });
    }
    const groups = LimitGroups.open(parent, root);
    groups.set("box", limits);
    expect(await groups.remove("box")).toBeUndefined();
    groups.close();
    expect(existsSync(join(root, "memory/holdfast-1"))).toBe(false);
  });
});

test("without cgroups nothing is limited, and nothing is said to be", () => {
  const groups = LimitGroups.open(undefined, root);
  expect([groups.kinds, groups.set("box", limits), groups.oomKills("box")]).toEqual([[], [], 0]);
});
