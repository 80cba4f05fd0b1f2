/**
 * Starts one process as the leader of its own group and turns every way in which that can fail
 * into a reset code with a sentence. Ends groups: politely, then hard.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, statSync } from "node:fs";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { Clock, TimerId } from "../../base/clock.ts";
import type { Reset } from "../../protocol/services.ts";
import { whenOver, type Exit } from "./ending.ts";
import type { OutputPipe } from "./output-pipes.ts";
import { diesFirst } from "../out-of-memory.ts";

/** After SIGHUP a process has this long before SIGKILL. */
const HANGUP_GRACE_MS = 2_000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where stdout and stderr go; null for the sockets that Node makes. */
  readonly outputs: readonly [OutputPipe, OutputPipe] | null;
  /** A fourth descriptor, on which the child can report. */
  readonly report?: boolean;
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export type Spawned =
  { readonly ok: true; readonly running: Running } | { readonly ok: false; readonly reset: Reset };

/** Calls back once, with the running child or with the reason why there is none. */
export function spawnGroup(command: Command, done: (spawned: Spawned) => void): void {
  const { outputs } = command;
  const fail = (reset: Reset): void => {
    for (const output of outputs ?? []) output.reader.destroy();
    done({ ok: false, reset });
  };
  let child: ChildProcess;
  try {
    const noCwd = whyNotDirectory(command.cwd);
    if (noCwd !== null) {
      fail(noCwd);
      return;
    }
    const [out, err] = outputs ?? [];
    const stdio = ["pipe", out?.writeFd ?? "pipe", err?.writeFd ?? "pipe"] as const;
    child = spawn(command.program, command.args, {
      cwd: command.cwd,
      env: { ...command.env },
      detached: true,
      stdio: command.report === true ? [...stdio, "pipe"] : [...stdio],
    });
  } catch (error) {
    fail(spawnFailure(error, command.program));
    return;
  } finally {
    // The child has its own copies; while ours are open the reader would never see the end.
    for (const output of outputs ?? []) closeSync(output.writeFd);
  }
  const failed = (error: Error): void => fail(spawnFailure(error, command.program));
  child.once("error", failed);
  child.once("spawn", () => {
    child.off("error", failed);
    const { pid, stdin } = child;
    const stdout = outputs?.[0].reader ?? child.stdout;
    const stderr = outputs?.[1].reader ?? child.stderr;
    if (pid === undefined || stdin === null || stdout === null || stderr === null) {
      fail({ code: "IO", message: `${command.program} has no pipes` });
      return;
    }
    diesFirst(pid);
    done({ ok: true, running: { child, pid, stdin, stdout, stderr } });
  });
}

/** Calls back once, when the process has exited and what it wrote is read. */
export function whenProcessOver(
  { child, stdout, stderr }: Running,
  clock: Clock,
  over: (exit: Exit) => void,
): void {
  const exited = whenOver([stdout, stderr], clock, over);
  child.once("exit", (code, signal) => exited({ code, signal }));
}

/** Signals the whole group. False when the name is unknown or nothing is left to signal. */
export function signalGroup(pid: number, name: string): boolean {
  const signals: Readonly<Record<string, number>> = constants.signals;
  const number = signals[name.startsWith("SIG") ? name : `SIG${name}`];
  if (number === undefined) return false;
  try {
    return process.kill(-pid, number);
  } catch (error) {
    if (codeOf(error) === "ESRCH" || codeOf(error) === "EPERM") return false;
    throw error;
  }
}

export function hangUp({ child, pid }: Running, clock: Clock): void {
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (ended()) return;
  const timer = hangUpGroup(pid, clock, ended);
  child.once("exit", () => clock.clearTimeout(timer));
}

/**
 * SIGHUP now, SIGKILL if the leader still lives after the grace. Members that ignored the hangup
 * and outlive their leader were meant to (nohup), so they are left alone.
 */
export function hangUpGroup(pid: number, clock: Clock, ended: () => boolean): TimerId {
  signalGroup(pid, "SIGHUP");
  signalGroup(pid, "SIGCONT");
  return clock.setTimeout(() => {
    if (!ended()) signalGroup(pid, "SIGKILL");
  }, HANGUP_GRACE_MS);
}

export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** Node reports a missing directory as a missing program, so it is looked at first. */
export function whyNotDirectory(path: string): Reset | null {
  try {
    if (statSync(path).isDirectory()) return null;
    return { code: "NOT_FOUND", message: `working directory is not a directory: ${path}` };
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES") {
      return { code: "PERMISSION", message: `working directory cannot be entered: ${path}` };
    }
    if (code === "ENOENT" || code === "ENOTDIR") {
      return { code: "NOT_FOUND", message: `working directory does not exist: ${path}` };
    }
    return { code: "IO", message: `working directory ${path}: ${String(error)}` };
  }
}

function spawnFailure(error: unknown, program: string): Reset {
  const code = codeOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    return { code: "NOT_FOUND", message: `command not found: ${program}` };
  }
  if (code === "EACCES" || code === "EPERM") {
    return { code: "PERMISSION", message: `permission denied: ${program}` };
  }
  if (code === "ENOEXEC") {
    return { code: "PERMISSION", message: `not an executable program: ${program}` };
  }
  if (code === "E2BIG") {
    return { code: "LIMIT", message: `arguments and environment are too long: ${program}` };
  }
  if (code === "EAGAIN" || code === "ENOMEM" || code === "EMFILE") {
    return { code: "LIMIT", message: `the sandbox cannot start another process: ${code}` };
  }
  return { code: "IO", message: `cannot start ${program}: ${String(error)}` };
}
