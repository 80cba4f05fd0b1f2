/**
 * POST /process/execute and /process/code-run: one shell or interpreter, its script on standard
 * input, both outputs merged, one answer at the end. As on Daytona an answer waits for every
 * holder of the output pipes; unlike there the timeout answers also when one escaped the group.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diesFirst } from "./dies-first.ts";
import { findShell, resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

interface Job {
  file: string;
  args: readonly string[];
  stdin: string;
  /** An open file in its place. */
  stdinFd?: number;
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number | undefined;
}

type JobResult = { kind: "ended"; exitCode: number; result: string } | { kind: "timed-out" };

/** A shell reads a pipe byte by byte, so that it leaves its children the rest; a file in blocks. */
const LONG_SCRIPT_CHARS = 64 * 1024;
/** A timer that is asked for more fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const timeoutFault = fault(408, "REQUEST_TIMEOUT", "request timeout: command execution timeout");

export function executeRoutes(place: Place): Route[] {
  return [
    { method: "POST", path: "/process/execute", handler: (request) => execute(place, request) },
    { method: "POST", path: "/process/code-run", handler: (request) => codeRun(place, request) },
  ];
}

async function execute(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const command = read.body["command"];
  if (typeof command !== "string" || command.trim() === "") return bad("command is required");
  const around = surroundings(place, read.body);
  if ("problem" in around) return bad(around.problem);
  const job = { file: findShell(place.env), args: [], stdin: `${command}\n`, ...around };
  const result = await (command.length > LONG_SCRIPT_CHARS ? runFromFile(job) : runJob(job));
  if (result.kind === "timed-out") return timeoutFault;
  return json({ exitCode: result.exitCode, result: result.result });
}

async function codeRun(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const { code, language = "python", argv = [] } = read.body;
  if (typeof code !== "string") return bad("code is required");
  const interpreter = interpreterFor(language);
  if (interpreter === undefined) return bad(`unsupported language: ${JSON.stringify(language)}`);
  if (!Array.isArray(argv) || !argv.every(isArgument)) {
    return bad("argv must be a list of strings without NUL");
  }
  const around = surroundings(place, read.body);
  if ("problem" in around) return bad(around.problem);
  const script = join(tmpdir(), `dtn_${randomUUID()}.${interpreter.extension}`);
  await writeFile(script, code, { mode: 0o600 });
  try {
    const { file } = interpreter;
    const result = await runJob({ file, args: [script, ...argv], stdin: "", ...around });
    if (result.kind === "timed-out") return timeoutFault;
    const { exitCode, result: output } = result;
    return json({ exitCode, result: output, artifacts: { charts: [] } });
  } finally {
    await rm(script, { force: true });
  }
}

function bad(message: string): Reply {
  return fault(400, "BAD_REQUEST", message);
}

function isArgument(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function interpreterFor(language: unknown): { file: string; extension: string } | undefined {
  switch (language) {
    case "python":
      return { file: "python3", extension: "py" };
    case "javascript":
      return { file: "node", extension: "js" };
    case "typescript":
      // The sandbox's own Node may be too old to take types away; the daemon's is not.
      return { file: process.execPath, extension: "ts" };
    default:
      return undefined;
  }
}

type Surroundings = Pick<Job, "cwd" | "env" | "timeoutMs">;

/** What every command is run with, or the first thing that is wrong with it. */
function surroundings(
  place: Place,
  body: Record<string, unknown>,
): Surroundings | { problem: string } {
  const cwd = body["cwd"] ?? "";
  if (!isArgument(cwd)) return { problem: "cwd must be a string without NUL" };
  const timeoutSeconds = body["timeout"] ?? 0;
  if (!Number.isInteger(timeoutSeconds) || Number(timeoutSeconds) < 0) {
    return { problem: "timeout must be a whole number of seconds, 0 for none" };
  }
  const envs = body["envs"] ?? body["env"] ?? {};
  if (typeof envs !== "object" || Array.isArray(envs)) {
    return { problem: "envs must be an object of strings" };
  }
  for (const [name, value] of Object.entries(envs)) {
    if (!isArgument(name) || !isArgument(value)) {
      return { problem: `envs: ${JSON.stringify(name)} must be a string without NUL` };
    }
  }
  return {
    cwd: cwd === "" ? place.workDir : resolvePath(place, cwd),
    env: { ...place.env, ...(envs as Record<string, string>) },
    timeoutMs:
      Number(timeoutSeconds) > 0
        ? Math.min(Number(timeoutSeconds) * 1000, TIMER_MS_MAX)
        : undefined,
  };
}

async function runFromFile(job: Job): Promise<JobResult> {
  const path = join(tmpdir(), `dtn_${randomUUID()}.sh`);
  await writeFile(path, job.stdin, { mode: 0o600 });
  const file = await open(path, "r");
  try {
    await rm(path);
    return await runJob({ ...job, stdinFd: file.fd });
  } finally {
    await file.close();
  }
}

function runJob(job: Job): Promise<JobResult> {
  if (!isDirectory(job.cwd)) {
    const result = `chdir ${job.cwd}: no such file or directory`;
    return Promise.resolve({ kind: "ended", exitCode: -1, result });
  }
  return new Promise((resolve) => {
    // Its own session: one kill of the group reaches everything that did not leave it.
    const { cwd, env, stdinFd = "pipe" } = job;
    const stdio = [stdinFd, "pipe", "pipe"] as const;
    const child = spawn(job.file, job.args, { cwd, env, detached: true, stdio: [...stdio] });
    diesFirst(child.pid);
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer): void => void chunks.push(chunk);
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const end = (result: JobResult): void => {
      clearTimeout(timer);
      resolve(result);
    };
    const timer =
      job.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            killGroup(child.pid);
            child.stdout?.destroy();
            child.stderr?.destroy();
            end({ kind: "timed-out" });
          }, job.timeoutMs);
    child.on("error", (error) => {
      end({ kind: "ended", exitCode: -1, result: error.message });
    });
    child.on("close", (code) => {
      const result = Buffer.concat(chunks).toString("utf8");
      end({ kind: "ended", exitCode: code ?? -1, result });
    });
    // A command that ends before it has read its input makes the pipe fail; the exit code tells.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(job.stdin);
  });
}

export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group ended by itself in the meantime.
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
