/** Runs the real command on a fresh home and a free port, and cleans up behind it. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const bin = join(import.meta.dirname, "..", "..", "bin", "holdfast.js");

/** Linux hands out ports from 32768 on. */
const SPANS_FROM = 20_000;
const SPANS = 12;
const SPAN_PORTS = 1_000;

export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

export interface CliHome {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `holdfast` with these words to its end. */
  run(words: readonly string[], options?: RunOptions): Promise<CommandEnd>;
  /** Starts it and leaves it running. */
  start(words: readonly string[]): ChildProcess;
  /** Ends everything of this home; throws when something stays. */
  close(): Promise<void>;
}

export interface RunOptions {
  readonly input?: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function makeCliHome(): Promise<CliHome> {
  const home = mkdtempSync(join(tmpdir(), "hfc-"));
  const env = {
    ...withoutSettings(),
    HOLDFAST_HOME: home,
    HOLDFAST_LISTEN: `127.0.0.1:${await freePort()}`,
    NO_COLOR: "1",
  };
  const run: CliHome["run"] = (words, options = {}) =>
    runProgram(process.execPath, [bin, ...words], { ...env, ...options.env }, options.input);
  return {
    home,
    env,
    run,
    start: (words) =>
      spawn(process.execPath, [bin, ...words], { env, stdio: ["ignore", "pipe", "pipe"] }),
    async close() {
      const down = await run(["down"]);
      rmSync(home, { recursive: true, force: true });
      if (down.exitCode !== 0) throw new Error(`down failed: ${down.stdout}${down.stderr}`);
    },
  };
}

/** Runs any program to its end; without input its stdin is empty. */
export function runProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input?: Uint8Array | string,
): Promise<CommandEnd> {
  const beganAtMs = performance.now();
  const child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => stderr.push(bytes));
  // A command that ends before it read everything closes the pipe; its exit code tells the story.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => {
      resolve({
        exitCode,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
        tookMs: performance.now() - beganAtMs,
      });
    });
  });
}

/** Waits until `text` was printed, or fails with what was printed instead. */
export function waitForText(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const take = (bytes: Buffer): void => {
      said += bytes.toString("utf8");
      if (said.includes(text)) resolve(said);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    child.on("exit", (code) => {
      reject(new Error(`ended with ${code ?? "a signal"} before "${text}":\n${said}`));
    });
  });
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("exit", (code) => resolve(code)));
}

function withoutSettings(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(HOLDFAST|DAYTONA)_/.test(name)) env[name] = value;
  }
  return env;
}

/**
 * A port that stays free until it is listened on: outside of what the machine hands out by itself,
 * and from a span that no other worker takes from.
 */
export async function freePort(): Promise<number> {
  const first = SPANS_FROM + (Number(process.env["VITEST_POOL_ID"] ?? 0) % SPANS) * SPAN_PORTS;
  for (;;) {
    const port = first + randomInt(SPAN_PORTS);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
