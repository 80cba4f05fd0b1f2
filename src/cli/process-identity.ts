/**
 * Who a process is: pid and start time together, so that a recycled pid is never taken for the
 * process that once had it.
 */
import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. 0 where there is no /proc. */
  readonly startTicks: number;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 };
}

/** Null when no such process runs. */
export function identityOf(pid: number): ProcessIdentity | null {
  const identity = { pid, startTicks: startTicksOf(pid) ?? 0 };
  return isRunning(identity) ? identity : null;
}

/** True when exactly that process still runs (a zombie does not). */
export function isRunning(identity: ProcessIdentity): boolean {
  const ticks = startTicksOf(identity.pid);
  if (ticks !== null) return ticks === identity.startTicks;
  // Without /proc only the pid can be asked about.
  return process.platform !== "linux" && identity.startTicks === 0 && answersSignals(identity.pid);
}

/** Sends a signal to exactly that process; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

function startTicksOf(pid: number): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // No such process, or a system without /proc: both mean that there is nothing to read.
    return null;
  }
  // The name in field 2 may hold spaces and brackets: count from the last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return Number(fields[19]);
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
