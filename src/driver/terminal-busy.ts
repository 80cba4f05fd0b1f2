/**
 * Whether anything but a waiting shell runs in a terminal, read from /proc. What belongs to it are
 * the descendants of its leader and the processes in their sessions, so that a job in the
 * background counts, too.
 */
import { readdirSync, readFileSync } from "node:fs";

/** They wait for somebody; `script` only carries bytes. */
const WAITING: readonly string[] = [
  "sh",
  "bash",
  "dash",
  "zsh",
  "fish",
  "ksh",
  "ash",
  "busybox",
  "script",
  "sshd",
  "tmux: client",
];

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly name: string;
}

/** Null where /proc cannot be read. */
export function terminalIsBusy(leader: number): boolean | null {
  const all = readAll();
  if (all === null) return null;
  return isBusyAmong(all, leader);
}

export function isBusyAmong(all: readonly Stat[], leader: number): boolean {
  const pids = new Set([leader]);
  const sessions = new Set<number>();
  // Parents may stand behind their children: until nobody is added any more.
  for (let before = -1; before !== pids.size;) {
    before = pids.size;
    for (const { pid, parent, session } of all) {
      if (pids.has(parent) || sessions.has(session)) pids.add(pid);
      if (pids.has(pid)) sessions.add(session);
    }
  }
  return all.some(({ pid, name }) => pids.has(pid) && !WAITING.includes(name));
}

function readAll(): Stat[] | null {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readStat(name) ?? []);
  } catch {
    // No /proc, as on macOS or in a sandbox that hides it.
    return null;
  }
}

function readStat(pid: string): Stat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // It ended between the listing and the look.
    return null;
  }
}

/** `pid (name) state ppid pgrp session …`; the name may hold spaces and brackets. */
export function parseStat(text: string): Stat | null {
  const match = /^(\d+) \((.*)\) (\S) (\d+) (\d+) (\d+) /s.exec(text);
  if (match === null || match[3] === "Z") return null;
  const [, pid, name = "", , parent, , session] = match;
  return { pid: Number(pid), parent: Number(parent), session: Number(session), name };
}
