/** What Linux tells of a process: processor, memory, open files, threads of its own. */
import { readdirSync, readFileSync } from "node:fs";

/** Of Linux, in every kernel that is built today. */
const TICKS_PER_S = 100;

/** User and system time of a process so far. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_S;
}

export function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) * 1024;
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** SYNs that found a full queue, of the whole machine. */
export function droppedSyns(): number {
  const [names = "", values = ""] = readFileSync("/proc/net/netstat", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"));
  const at = names.split(" ").indexOf("ListenDrops");
  return Number(values.split(" ")[at] ?? NaN);
}
