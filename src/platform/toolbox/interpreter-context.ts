/**
 * One interpreter context: a Python process that remembers. Runs one piece of code at a time, in
 * the order in which they came. Owns the process, its interrupts and its end.
 */
import type { InterpreterContext as Info } from "@daytona/toolbox-api-client";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { killGroup } from "./execute.ts";
import { COMMAND_FD, REPORT_FD, worker } from "./interpreter-worker.ts";
import { diesFirst } from "./dies-first.ts";

/** How long code may go on after its interrupt before its process is ended. */
const INTERRUPT_GRACE_MS = 2_000;

export interface Piece {
  code: string;
  envs: Record<string, string>;
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined;
  emit: (message: Record<string, unknown>) => void;
}

/** `ended`: the process is gone, and with it all that it remembered. */
export type RunEnd = "done" | "timeout" | "ended";

interface Running {
  piece: Piece;
  timedOut: boolean;
  finish: (end: RunEnd) => void;
}

export class InterpreterContext {
  readonly info: Info;
  readonly #child: ChildProcess;
  #running: Running | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(info: Info, child: ChildProcess) {
    this.info = info;
    this.#child = child;
    child.stdio[COMMAND_FD]?.on("error", () => undefined);
    // What programs print that the code starts comes past Python.
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (text: Buffer) => {
        this.#running?.piece.emit({ type: name, text: text.toString("utf8") });
      });
    }
    createInterface({ input: child.stdio[REPORT_FD] as Readable }).on("line", (line) => {
      this.#heard(line);
    });
    child.once("close", () => {
      this.info.active = false;
      this.#running?.finish("ended");
    });
  }

  /** @throws Error when there is no Python, or no such directory. */
  static async start(
    id: string,
    cwd: string,
    env: Readonly<Record<string, string>>,
  ): Promise<InterpreterContext> {
    const child = spawn("python3", ["-u", "-c", worker], {
      cwd,
      env: { ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    });
    await new Promise((resolve, reject) => {
      child.once("spawn", resolve).once("error", (error) => {
        const isMissing = "code" in error && error.code === "ENOENT";
        const message = `there is no python3 in this sandbox, or no directory ${cwd}`;
        reject(isMissing ? new Error(message) : error);
      });
    });
    diesFirst(child.pid);
    const createdAt = new Date().toISOString();
    return new InterpreterContext({ id, cwd, createdAt, active: true, language: "python" }, child);
  }

  run(piece: Piece): Promise<RunEnd> {
    const run = this.#tail.then(() => this.#begin(piece));
    this.#tail = run;
    return run;
  }

  kill(): void {
    this.info.active = false;
    killGroup(this.#child.pid);
  }

  #begin(piece: Piece): Promise<RunEnd> {
    if (!this.info.active) return Promise.resolve("ended");
    return new Promise((resolve) => {
      const timers: NodeJS.Timeout[] = [];
      const finish = (end: RunEnd): void => {
        for (const timer of timers) clearTimeout(timer);
        this.#running = undefined;
        resolve(running.timedOut ? "timeout" : end);
      };
      const running: Running = { piece, timedOut: false, finish };
      this.#running = running;
      if (piece.timeoutMs !== undefined) {
        const interrupt = (): void => {
          running.timedOut = true;
          this.#child.kill("SIGINT");
          timers.push(setTimeout(() => this.kill(), INTERRUPT_GRACE_MS));
        };
        timers.push(setTimeout(interrupt, piece.timeoutMs));
      }
      const { code, envs } = piece;
      (this.#child.stdio[COMMAND_FD] as Writable).write(`${JSON.stringify({ code, envs })}\n`);
    });
  }

  #heard(line: string): void {
    const message = JSON.parse(line) as Record<string, unknown>;
    const running = this.#running;
    if (running === undefined || message["type"] === "ready") return;
    if (message["type"] !== "control") {
      running.piece.emit(message);
      return;
    }
    // What programs printed before comes by other pipes, which are read in this same turn.
    setImmediate(() => {
      // A client takes an interrupt for an end like any other; too late is told by the close.
      if (!running.timedOut) running.piece.emit(message);
      running.finish("done");
    });
  }
}
