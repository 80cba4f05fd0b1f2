import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Level by level: where the kernel refuses a directory (below /proc, say), a recursive mkdir of
 * Node never returns.
 */
export function makeDirectories(path: string, mode: number): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
