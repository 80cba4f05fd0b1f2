/**
 * Who dies where a sandbox runs out of memory: what the driver starts, before the driver. The
 * kernel ends the process with the highest score; everybody may raise his own.
 */
import { writeFileSync } from "node:fs";

/** Of 1000, which is all memory that there is: more than any driver takes. */
const CHILD_SCORE = 500;

/** Whoever launched the driver may have given it the score of a program. */
export function livesOn(): void {
  score("self", 0);
}

export function diesFirst(pid: number): void {
  score(String(pid), CHILD_SCORE);
}

function score(process: string, value: number): void {
  try {
    writeFileSync(`/proc/${process}/oom_score_adj`, String(value));
  } catch {
    // It has ended already, it may not, or there is no such file: its size alone decides then.
  }
}
