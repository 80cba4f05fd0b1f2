/** Overlay mounts on the host, and what the kernel's own list says of them. */
import { readFileSync, statSync } from "node:fs";
import { settle } from "./cgroup.ts";
import { run } from "./run.ts";

const DETACH_DEADLINE_MS = 2_000;
const FLUSH_DEADLINE_MS = 60_000;

/** What a directory was when it was recorded; another device or inode means it is another thing. */
export interface DirectoryIdentity {
  dev: number;
  ino: number;
}

export async function mountOverlay(
  name: string,
  lower: string,
  upper: string,
  work: string,
  merged: string,
): Promise<string | undefined> {
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const result = await run("mount", ["-t", "overlay", name, "-o", options, merged]);
  return result.code === 0 ? undefined : result.stderr.trim() || `mount exit ${result.code}`;
}

/**
 * Undefined when nothing is mounted there any more, also when nothing was. The last unmount of an
 * overlay makes the kernel flush the whole disk below it, which takes seconds; detaching takes the
 * mount away at once, and the flush goes on in a process that nobody waits for.
 */
export async function unmount(path: string): Promise<string | undefined> {
  while (isMounted(path)) {
    let failure: string | undefined;
    const detaching = run("umount", ["-l", path], FLUSH_DEADLINE_MS).then((result) => {
      if (result.code !== 0) failure = result.stderr.trim() || `umount exit ${result.code}`;
    });
    const settled = settle(() => failure !== undefined || !isMounted(path), DETACH_DEADLINE_MS);
    if (!(await settled)) await detaching;
    if (failure !== undefined) return failure;
  }
  return undefined;
}

export function isMounted(path: string): boolean {
  return mountsBelow(path).includes(path);
}

/** Mount points at or below `path`, as the kernel lists them (blanks come as \040). */
export function mountsBelow(path: string): string[] {
  let text: string;
  try {
    text = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, octal))
    .filter((point) => point === path || point.startsWith(`${path}/`));
}

export function directoryIdentity(path: string): DirectoryIdentity | undefined {
  try {
    const stat = statSync(path);
    return { dev: stat.dev, ino: stat.ino };
  } catch {
    return undefined;
  }
}

export function isSameDirectory(path: string, recorded: DirectoryIdentity): boolean {
  const now = directoryIdentity(path);
  return now !== undefined && now.dev === recorded.dev && now.ino === recorded.ino;
}

function octal(_match: string, digits: string): string {
  return String.fromCharCode(parseInt(digits, 8));
}
