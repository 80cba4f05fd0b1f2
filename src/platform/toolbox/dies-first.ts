/**
 * Where a sandbox runs out of memory, the kernel ends the process with the highest score. What the
 * daemon starts gets a higher one than the daemon, so that a program dies of its own hunger and the
 * way into the sandbox stays.
 */
import { writeFileSync } from "node:fs";

/** Of 1000, which is all memory that there is: more than any daemon takes. */
const SCORE = 500;

export function diesFirst(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(SCORE));
  } catch {
    // It has ended already, or there is no /proc: its size alone decides then.
  }
}
