/** Whether a real process runs; a zombie does not. */
import { existsSync, readFileSync } from "node:fs";

export function alive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z/.test(readFileSync(stat, "utf8"));
}
