/**
 * POST /process/execute and /process/code-run: one shell or interpreter, its script on standard
 * input, both outputs merged, one answer at the end. As on Daytona an answer waits for every
 * holder of the output pipes; unlike there the timeout answers also when one escaped the group.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findShell, resolvePath } from "./place.ts";
import type { Place } from "./place.ts";
import { fault, json, readJsonBody } from "./reply.ts";
import type { Reply, ToolboxRequest } from "./reply.ts";
import type { Route } from "./router.ts";

interface Job {
  file: string;
  args: readonly string[];
  stdin: string;
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number | undefined;
}

type JobResult = { kind: "ended"; exitCode: number; result: string } | { kind: "timed-out" };

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
  if (typeof command !== "string" || command.trim() === "") {
    return fault(400, "BAD_REQUEST", "command is required");
  }
  const result = await runJob({
    file: findShell(place.env),
    args: [],
    stdin: `${command}\n`,
    ...surroundings(place, read.body),
  });
  if (result.kind === "timed-out") return timeoutFault;
  return json({ exitCode: result.exitCode, result: result.result });
}

async function codeRun(place: Place, request: ToolboxRequest): Promise<Reply> {
  const read = await readJsonBody(request.raw);
  if ("fault" in read) return read.fault;
  const code = read.body["code"];
  if (typeof code !== "string") return fault(400, "BAD_REQUEST", "code is required");
  const asked = read.body["language"];
  const language = typeof asked === "string" ? asked : "python";
  const interpreter = interpreterFor(language);
  if (interpreter === undefined) {
    return fault(400, "BAD_REQUEST", `unsupported language: ${language}`);
  }
  const script = join(tmpdir(), `dtn_${randomUUID()}.${interpreter.extension}`);
  await writeFile(script, code, { mode: 0o600 });
  try {
    const result = await runJob({
      file: interpreter.file,
      args: [script, ...stringList(read.body["argv"])],
      stdin: "",
      ...surroundings(place, read.body),
    });
    if (result.kind === "timed-out") return timeoutFault;
    const { exitCode, result: output } = result;
    return json({ exitCode, result: output, artifacts: { charts: [] } });
  } finally {
    await rm(script, { force: true });
  }
}

function interpreterFor(language: string): { file: string; extension: string } | undefined {
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

function surroundings(
  place: Place,
  body: Record<string, unknown>,
): Pick<Job, "cwd" | "env" | "timeoutMs"> {
  const cwd = typeof body["cwd"] === "string" ? body["cwd"] : "";
  const timeoutSeconds = Number(body["timeout"] ?? 0);
  return {
    cwd: cwd === "" ? place.workDir : resolvePath(place, cwd),
    env: { ...place.env, ...stringRecord(body["envs"] ?? body["env"]) },
    timeoutMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : undefined,
  };
}

function runJob(job: Job): Promise<JobResult> {
  if (!isDirectory(job.cwd)) {
    const result = `chdir ${job.cwd}: no such file or directory`;
    return Promise.resolve({ kind: "ended", exitCode: -1, result });
  }
  return new Promise((resolve) => {
    // Its own session: one kill of the group reaches everything that did not leave it.
    const child = spawn(job.file, job.args, { cwd: job.cwd, env: job.env, detached: true });
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer): void => void chunks.push(chunk);
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const end = (result: JobResult): void => {
      clearTimeout(timer);
      resolve(result);
    };
    const timer =
      job.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            killGroup(child.pid);
            child.stdout.destroy();
            child.stderr.destroy();
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
    child.stdin.on("error", () => undefined);
    child.stdin.end(job.stdin);
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

function stringRecord(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
}

function stringList(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
