/**
 * One session: a shell with an open standard input, and the commands that it was given. Each
 * command has a directory with its two log files and a pipe for its input. Owns the shell's life
 * and the order of commands; a shell that a command ended leaves that command without an exit
 * code for ever, as on Daytona.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { quote } from "../../base/shell-quote.ts";
import { diesFirst } from "./dies-first.ts";
import { findShell } from "./place.ts";
import type { Place } from "./place.ts";
import { logFile, streams } from "./session-log.ts";

/** The shell tells ends here, where no command's output can be taken for one. */
const REPORT_FD = 3;
const TERM_DEADLINE_MS = 5_000;

export interface Command {
  id: string;
  text: string;
  dir: string;
  echoesInput: boolean;
  exitCode: number | undefined;
  /** Resolves with the end of the command, or of the session when that comes first. */
  over: Promise<"ended" | "cancelled">;
}

export type Begun = { ok: true; command: Command } | { ok: false; reason: string };
export type Typed =
  { kind: "typed" } | { kind: "gone"; reason: string } | { kind: "failed"; reason: string };

export class SessionShell {
  readonly id: string;
  readonly commands = new Map<string, Command>();
  readonly #dir: string;
  readonly #shell: ChildProcess;
  readonly #inputs = new Map<string, number>();
  readonly #waiting = new Map<string, (how: "ended" | "cancelled") => void>();
  #deleted = false;

  private constructor(id: string, dir: string, shell: ChildProcess) {
    this.id = id;
    this.#dir = dir;
    this.#shell = shell;
    // A shell that has ended makes writes fail; the exec that writes looks at the exit itself.
    shell.stdin?.on("error", () => undefined);
    shell.stdout?.resume();
    shell.stderr?.resume();
    shell.once("exit", () => {
      for (const command of this.#inputs.keys()) this.#closeInput(command);
    });
    this.#readReports(shell.stdio[REPORT_FD] as Readable);
  }

  static async start(place: Place, id: string): Promise<SessionShell> {
    const dir = join(place.homeDir, ".daytona", "sessions", directoryName(id));
    await mkdir(dir, { recursive: true });
    const shell = spawn(findShell(place.env), [], {
      cwd: place.workDir,
      env: place.env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    await new Promise((resolve, reject) => shell.once("spawn", resolve).once("error", reject));
    diesFirst(shell.pid);
    return new SessionShell(id, dir, shell);
  }

  hasEnded(): boolean {
    return this.#shell.exitCode !== null || this.#shell.signalCode !== null;
  }

  isDeleted(): boolean {
    return this.#deleted;
  }

  async begin(text: string, echoesInput: boolean): Promise<Begun> {
    if (this.hasEnded()) return { ok: false, reason: "failed to write command: broken pipe" };
    const id = randomUUID();
    const dir = join(this.#dir, id);
    await mkdir(dir);
    for (const name of streams) await writeFile(logFile(dir, name), "");
    const pipe = join(dir, "input.pipe");
    const problem = await makePipe(pipe);
    if (problem !== undefined) return { ok: false, reason: `failed to make pipe: ${problem}` };
    // Open for reading, too: the command never meets an end of its input, and no open here waits.
    this.#inputs.set(id, openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
    const { promise: over, resolve } = Promise.withResolvers<"ended" | "cancelled">();
    const command: Command = { id, text, dir, echoesInput, exitCode: undefined, over };
    this.commands.set(id, command);
    this.#waiting.set(id, resolve);
    this.#shell.stdin?.write(wrap(command, pipe));
    return { ok: true, command };
  }

  type(command: Command, text: string): Typed {
    if (this.hasEnded()) return { kind: "gone", reason: "session process has exited" };
    if (command.exitCode !== undefined) {
      const reason = `command has already completed with exit code ${command.exitCode}`;
      return { kind: "gone", reason };
    }
    const fd = this.#inputs.get(command.id);
    const data = text.endsWith("\n") ? text : `${text}\n`;
    try {
      if (fd === undefined) throw new Error("no such pipe");
      // Before the command can answer to it.
      if (command.echoesInput) appendFileSync(logFile(command.dir, "stdout"), data);
      writeSync(fd, data);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind: "failed", reason: `failed to write to input pipe: ${why}` };
    }
    return { kind: "typed" };
  }

  /** Ends what runs, politely first, and takes the logs away. */
  async delete(): Promise<void> {
    this.#deleted = true;
    if (!this.hasEnded()) {
      const exited = new Promise((resolve) => this.#shell.once("exit", resolve));
      const timer = setTimeout(() => {
        signalGroup(this.#shell.pid, "SIGKILL");
      }, TERM_DEADLINE_MS);
      signalGroup(this.#shell.pid, "SIGTERM");
      await exited;
      clearTimeout(timer);
    }
    // Jobs in the background took the SIGTERM; what ignored it has had its chance.
    signalGroup(this.#shell.pid, "SIGKILL");
    for (const [id, resolve] of this.#waiting) {
      const command = this.commands.get(id);
      if (command !== undefined) command.exitCode = 1;
      resolve("cancelled");
    }
    await rm(this.#dir, { recursive: true, force: true });
  }

  #readReports(report: Readable): void {
    let text = "";
    report.on("data", (part: Buffer) => {
      text += part.toString();
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#ended(line);
    });
    report.on("error", () => report.destroy());
  }

  #ended(line: string): void {
    const [id = "", code = ""] = line.split(" ");
    const command = this.commands.get(id);
    if (command === undefined || !/^\d+$/.test(code)) return;
    command.exitCode = Number(code);
    this.#closeInput(id);
    this.#waiting.get(id)?.("ended");
    this.#waiting.delete(id);
  }

  #closeInput(id: string): void {
    const fd = this.#inputs.get(id);
    if (fd !== undefined) closeSync(fd);
    this.#inputs.delete(id);
  }
}

/**
 * Run by `eval` in the session's own shell, so that directory and variables stay; a command that
 * is no shell text then fails by itself and does not swallow the next one.
 */
function wrap({ id, text, dir }: Command, pipe: string): string {
  const [out, err] = streams.map((name) => quote(logFile(dir, name)));
  return (
    `eval ${quote(text)} <${quote(pipe)} >>${out ?? ""} 2>>${err ?? ""} ${REPORT_FD}>&-\n` +
    `printf '%s %s\\n' ${id} "$?" >&${REPORT_FD}\n`
  );
}

function makePipe(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("mkfifo", ["-m", "600", path], (error) => {
      resolve(error === null ? undefined : error.message);
    });
  });
}

function signalGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // Nobody of the group is left.
  }
}

/** An id is the caller's text; as a name of a directory it must lead nowhere else. */
function directoryName(id: string): string {
  return encodeURIComponent(id).replaceAll(".", "%2E");
}
