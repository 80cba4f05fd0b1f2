/**
 * What of the machine the processes of a bench get: ahead of everything else that runs here, where
 * that may be asked for, and how long the limit of a sandbox has held them up. Knows Linux's
 * scheduling groups, of which a `nice` of another session says nothing.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** Some ten times the weight of others, of a session and of a control group. */
const AHEAD_NICE = "-10";
const AHEAD_SHARES = "10240";
const GROUPS = "/sys/fs/cgroup/cpu";

/** False where the kernel or the user's rights do not allow it: the figures are then of a rest. */
export function goAhead(pids: readonly number[]): boolean {
  try {
    for (const pid of [process.pid, ...pids]) {
      const sandboxes = /^\/[^/]+/.exec(groupOf(pid))?.[0];
      if (sandboxes === undefined) writeFileSync(`/proc/${pid}/autogroup`, AHEAD_NICE);
      else writeFileSync(`${GROUPS}${sandboxes}/cpu.shares`, AHEAD_SHARES);
    }
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "EACCES" || code === "EPERM" || code === "ENOENT") return false;
    throw error;
  }
}

/** How long the groups of these processes stood still because their share was used up. */
export function stoppedMs(pids: readonly number[]): number {
  const groups = new Set(pids.map(groupOf).filter((group) => group !== ""));
  let ns = 0;
  for (const group of groups) {
    const file = `${GROUPS}${group}/cpu.stat`;
    if (!existsSync(file)) continue;
    ns += Number(/^throttled_time (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
  }
  return ns / 1e6;
}

/**
 * From now on: what others had of all processors, in percent. Of this process and its children
 * all is known once they have ended.
 */
export function noiseOf(): () => number {
  const [busyBefore, ownBefore, beganAtMs] = [busyTicks(), ownTicks(), performance.now()];
  return () => {
    const others = busyTicks() - busyBefore - (ownTicks() - ownBefore);
    const there = ((performance.now() - beganAtMs) / 1_000) * TICKS_PER_S * cpus().length;
    return Math.max(0, Math.round((100 * others) / there));
  };
}

const TICKS_PER_S = 100;

function busyTicks(): number {
  const [all = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = all
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq;
}

/** With children that have ended. */
function ownTicks(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/** Below the root of the controller; empty for a process that has none of its own. */
function groupOf(pid: number): string {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const path = /^\d+:(?:\w+,)*cpu(?:,\w+)*:(\S+)$/m.exec(groups)?.[1] ?? "/";
  return path === "/" ? "" : path;
}
