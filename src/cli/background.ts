/**
 * Starts a program that outlives this one, and waits until it is ready or has said why not. It
 * owns the log file of the start; what the program is, its caller knows.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";

const POLL_MS = 20;
/** The end of what a failed program said; the whole is in its log. */
const LAST_WORDS_BYTES = 4_000;

export interface BackgroundProgram {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly logPath: string;
  readonly deadlineMs: number;
}

export type BackgroundStart<T> =
  | { readonly kind: "ready"; readonly value: T }
  | { readonly kind: "exited"; readonly exitCode: number | null; readonly lastWords: string }
  | { readonly kind: "late"; readonly lastWords: string };

/** `ready` is asked again and again; anything but null ends the wait. */
export async function startInBackground<T>(
  program: BackgroundProgram,
  ready: () => Promise<T | null>,
): Promise<BackgroundStart<T>> {
  const [file, ...args] = program.argv;
  const log = openSync(program.logPath, "a", 0o600);
  const logFrom = statSync(program.logPath).size;
  const child = spawn(file, args, {
    // Its own session: ^C in this terminal, or the terminal closing, does not reach it.
    detached: true,
    stdio: ["ignore", log, log],
    env: program.env,
    cwd: program.cwd,
  });
  closeSync(log);
  let exit: { code: number | null; error: string } | null = null;
  child.on("exit", (code) => (exit ??= { code, error: "" }));
  child.on("error", (error) => (exit = { code: null, error: error.message }));
  const lateAtMs = performance.now() + program.deadlineMs;
  const lastWords = (): string => readFrom(program.logPath, logFrom);
  for (;;) {
    const value = await ready();
    if (value !== null) {
      child.unref();
      return { kind: "ready", value };
    }
    const ended = exit as { code: number | null; error: string } | null;
    if (ended !== null) {
      return { kind: "exited", exitCode: ended.code, lastWords: lastWords() || ended.error };
    }
    if (performance.now() > lateAtMs) {
      child.kill("SIGKILL");
      return { kind: "late", lastWords: lastWords() };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function readFrom(path: string, from: number): string {
  const said = readFileSync(path).subarray(from);
  return said.subarray(-LAST_WORDS_BYTES).toString("utf8").trim();
}
