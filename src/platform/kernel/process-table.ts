/**
 * What /proc says about processes: is the one that was recorded still that one, and which belong
 * to a sandbox. Owns no process and sends no signal by itself.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process named so that a reused pid is never taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot at which it started. */
  startTicks: string;
  /** Inode of its pid namespace, as in `pid:[4026532180]`. */
  pidNamespace: string;
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTicks = startTicksOf(pid);
  const pidNamespace = pidNamespaceOf(pid);
  if (startTicks === undefined || pidNamespace === undefined) return undefined;
  return { pid, startTicks, pidNamespace };
}

/** True only for the very process that was recorded, and only while it is no zombie. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid);
  if (now === undefined) return false;
  return now.startTicks === identity.startTicks && now.pidNamespace === identity.pidNamespace;
}

/** Undefined when the process is gone, and for a zombie, which runs nothing any more. */
export function startTicksOf(pid: number): string | undefined {
  const fields = statFields(pid);
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return fields[19];
}

export function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Every process that lives in the given pid namespace; zombies, which only wait, do not count. */
export function pidsInNamespace(pidNamespace: string): number[] {
  return allPids().filter(
    (pid) => pidNamespaceOf(pid) === pidNamespace && startTicksOf(pid) !== undefined,
  );
}

/** Every process started with `marker` in its environment, for the tier without namespaces. */
export function pidsWithEnvironment(marker: string): number[] {
  return allPids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(marker);
    } catch {
      return false;
    }
  });
}

function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The fields after the command name, which may itself hold blanks and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
