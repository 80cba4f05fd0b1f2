/** Looking at real processes from a test. */
import { existsSync, readFileSync } from "node:fs";

/** Waits for a condition that a real process brings about. */
export async function until(
  what: () => boolean,
  says: () => string,
  waitMs = 5_000,
): Promise<void> {
  const endAt = Date.now() + waitMs;
  while (!what()) {
    if (Date.now() > endAt) throw new Error(`did not happen in ${waitMs} ms: ${says()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function alive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z/.test(readFileSync(stat, "utf8"));
}
