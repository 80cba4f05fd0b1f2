/** Which process this is, as evidence for people and for the nudge script; a clone has the same. */
import { readFileSync } from "node:fs";
import type { DriverHello } from "../protocol/control.ts";

/** Field 22 of /proc/PID/stat, counted from after the command, which may contain spaces. */
const START_TICKS_AFTER_COMMAND = 19;

export function readInstance(startedAt: number): DriverHello["instance"] {
  return {
    pid: process.pid,
    startTicks: startTicks(readOrEmpty("/proc/self/stat")),
    bootId: readOrEmpty("/proc/sys/kernel/random/boot_id").trim(),
    startedAt,
  };
}

export function startTicks(stat: string): string {
  const afterCommand = stat.slice(stat.lastIndexOf(")") + 2);
  return afterCommand.split(" ")[START_TICKS_AFTER_COMMAND] ?? "";
}

/** Empty where there is no /proc: the values are evidence, and their absence is evidence too. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
