/**
 * One shell on a pseudo-terminal, made by util-linux `script`: the sandbox brings it along and no
 * native module has to fit a root that somebody registered. Owns the processes, their size and
 * their end; who looks at the screen is pty.ts.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import type { Readable } from "node:stream";
import { quote } from "../../base/shell-quote.ts";
import { childrenOf } from "../kernel/process-table.ts";
import { diesFirst } from "./dies-first.ts";

/** On it the inner shell tells the name of its terminal. */
const REPORT_FD = 3;
const STTY_DEADLINE_MS = 2_000;
/** Daytona's daemon reads the terminal in pieces of this size. */
const PIECE_BYTES_MAX = 32 * 1024;
const KILLED_CODE = 137;

export interface PtyStart {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  cols: number;
  rows: number;
  output: (piece: Buffer) => void;
  exit: (code: number) => void;
}

export interface PtyProcess {
  write(bytes: Buffer): void;
  /** The reason why it could not be done, else undefined. */
  resize(cols: number, rows: number): Promise<string | undefined>;
  /** Ends all that runs on the terminal, background jobs included. */
  kill(): void;
}

export type PtyStarted = { ok: true; pty: PtyProcess } | { ok: false; reason: string };

export function startPty(start: PtyStart): Promise<PtyStarted> {
  if (!isDirectory(start.cwd)) {
    return Promise.resolve({ ok: false, reason: `chdir ${start.cwd}: no such file or directory` });
  }
  const args = ["-q", "-e", "-f", "-c", innerShell(start), "/dev/null"];
  const child = spawn("script", args, {
    cwd: start.cwd,
    // `script` runs its command with $SHELL; a plain one is sure to understand the text.
    env: { ...start.env, SHELL: "/bin/sh" },
    detached: true,
    stdio: ["pipe", "pipe", "ignore", "pipe"],
  });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      const missing = "code" in error && error.code === "ENOENT";
      const reason = missing ? "util-linux script is not in this sandbox" : error.message;
      resolve({ ok: false, reason });
    });
    child.once("spawn", () => {
      diesFirst(child.pid);
      resolve({ ok: true, pty: running(child, start) });
    });
  });
}

function running(child: ChildProcess, start: PtyStart): PtyProcess {
  const { stdin, stdout } = child;
  const tty = readReport(child.stdio[REPORT_FD] as Readable);
  stdout?.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES_MAX) {
      start.output(chunk.subarray(at, at + PIECE_BYTES_MAX));
    }
  });
  child.once("close", (code) => {
    start.exit(code ?? KILLED_CODE);
  });
  // What is typed after the end goes nowhere, as on any terminal.
  stdin?.on("error", () => undefined);
  return {
    write: (bytes) => void stdin?.write(bytes),
    resize: async (cols, rows) => {
      const name = await tty;
      return name === undefined ? "the terminal has ended" : setSize(name, cols, rows);
    },
    kill: () => {
      killTree(child.pid ?? 0);
    },
  };
}

/** What runs on the new terminal before the shell takes its place. */
function innerShell({ argv, env, cols, rows }: PtyStart): string {
  const shell = env["SHELL"];
  return [
    // `script` turns the echo off where its own input is no terminal.
    `stty echo rows ${rows} cols ${cols}`,
    // Once its name is told it may be given another size, which the first one must not undo.
    `tty >&${REPORT_FD}; exec ${REPORT_FD}>&-`,
    shell === undefined ? "unset SHELL" : `SHELL=${quote(shell)}; export SHELL`,
    `exec ${argv.map(quote).join(" ")}`,
  ].join("; ");
}

function readReport(report: Readable): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    report.on("data", (part: Buffer) => {
      text += part.toString();
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    report.on("error", () => resolve(undefined));
    report.on("close", () => resolve(undefined));
  });
}

function setSize(tty: string, cols: number, rows: number): Promise<string | undefined> {
  const args = ["-F", tty, "rows", String(rows), "cols", String(cols)];
  return new Promise((resolve) => {
    execFile("stty", args, { timeout: STTY_DEADLINE_MS }, (error) => {
      resolve(error === null ? undefined : error.message);
    });
  });
}

/** Leaves first: a job in a group of its own would be nobody's child once its shell is gone. */
function killTree(pid: number): void {
  if (pid <= 1) return;
  for (const child of childrenOf(pid)) killTree(child);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended between the look and the signal.
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
