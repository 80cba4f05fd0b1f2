/**
 * A real pty without native code: util-linux `script` makes it and copies bytes, a small shell
 * text inside sets the size and tells the name of the tty, `stty -F` resizes it later.
 */
import { execFile } from "node:child_process";
import type { Readable } from "node:stream";
import { quote } from "../../base/shell-quote.ts";
import { pipeIn, pipeOut } from "../services/pipes.ts";
import {
  hangUp,
  signalGroup,
  spawnGroup,
  whenProcessOver,
  type Running,
} from "../services/process-group.ts";
import type { PtyContext } from "./open-pty.ts";
import type { OpenedPty, Pty, PtyCommand, Size } from "./pty.ts";

/** The pipe on which the inner shell says its tty and its pid. */
const REPORT_FD = 3;
const STTY_TIMEOUT_MS = 2_000;

export function openScript(
  command: PtyCommand,
  context: PtyContext,
  done: (opened: OpenedPty) => void,
): void {
  const args = ["-q", "-e", "-f", "-c", innerShell(command), "/dev/null"];
  // `script` runs its command with $SHELL; a plain one is sure to understand the text.
  const env = { ...command.env, SHELL: "/bin/sh" };
  const start = { program: "script", args, cwd: command.cwd, env, outputs: null, report: true };
  spawnGroup(start, (spawned) => {
    if (!spawned.ok) done(spawned);
    else done({ ok: true, pty: new ScriptPty(spawned.running, command.size, context) });
  });
}

/** What runs on the new tty before the program takes its place. */
function innerShell({ argv, env, size }: PtyCommand): string {
  const shell = env["SHELL"];
  return [
    `echo "$$ $(tty)" >&${REPORT_FD}; exec ${REPORT_FD}>&-`,
    `stty rows ${size.rows} cols ${size.cols}`,
    shell === undefined ? "unset SHELL" : `SHELL=${quote(shell)}; export SHELL`,
    `exec ${argv.map(quote).join(" ")}`,
  ].join("; ");
}

class ScriptPty implements Pty {
  readonly kind = "script";
  readonly pid: number;
  readonly write: Pty["write"];
  readonly #running: Running;
  readonly #context: PtyContext;
  tty: string | null = null;
  #innerPid: number | null = null;
  #size: Size;
  #resizing = false;

  constructor(running: Running, size: Size, context: PtyContext) {
    this.pid = running.pid;
    this.#running = running;
    this.#size = size;
    this.#context = context;
    this.write = pipeIn(running.stdin);
    this.#readReport(running.child.stdio[REPORT_FD] as Readable, size);
  }

  start({ output, onExit }: Parameters<Pty["start"]>[0]): void {
    whenProcessOver(this.#running, this.#context.clock, onExit);
    pipeOut(this.#running.stdout, output);
    pipeOut(this.#running.stderr, output);
  }

  endInput(): void {
    this.#running.stdin.end();
  }

  resize(size: Size): void {
    this.#size = size;
    void this.#applySize();
  }

  /** To the program on the tty, not to `script`, which leads another group. */
  signal(name: string): void {
    signalGroup(this.#innerPid ?? this.pid, name);
  }

  /** `script` takes no notice of SIGHUP: the program is told, and its end ends `script`. */
  hangUp(): void {
    if (this.#innerPid !== null) signalGroup(this.#innerPid, "SIGHUP");
    hangUp(this.#running, this.#context.clock);
  }

  #readReport(report: Readable, startSize: Size): void {
    let text = "";
    report.setEncoding("utf8");
    report.on("error", () => report.destroy());
    report.on("data", (part: string) => {
      text += part;
      if (!text.includes("\n") || this.tty !== null) return;
      const [pid, tty] = text.trim().split(" ");
      this.#innerPid = Number(pid);
      this.tty = tty ?? null;
      if (this.#size !== startSize) void this.#applySize();
    });
  }

  /** One stty at a time; the newest size wins. */
  async #applySize(): Promise<void> {
    if (this.tty === null || this.#resizing) return;
    this.#resizing = true;
    let applied: Size;
    do {
      applied = this.#size;
      await this.#stty(this.tty, applied);
    } while (applied !== this.#size);
    this.#resizing = false;
  }

  #stty(tty: string, { cols, rows }: Size): Promise<void> {
    const args = ["-F", tty, "rows", String(rows), "cols", String(cols)];
    return new Promise((resolve) => {
      execFile("stty", args, { timeout: STTY_TIMEOUT_MS }, (error) => {
        if (error !== null) this.#context.log.warn({ error: error.message }, "resize failed");
        resolve();
      });
    });
  }
}
