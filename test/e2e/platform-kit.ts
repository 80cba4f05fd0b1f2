/** Starts the real platform as its own process on a fresh directory, and proves that it is gone. */
import { Daytona } from "@daytonaio/sdk";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dirname, "..", "..", "src", "platform", "main.ts");
const keptCode = join(import.meta.dirname, "..", "..", "bin", "kept-code.js");

export interface StartedPlatform {
  child: ChildProcess;
  apiUrl: string;
  apiKey: string;
  tier: string;
  root: string;
  pause: string;
  servicesDir: string;
  mountedAt: string;
  dataDir: string;
}

export function makeDataDir(): string {
  return mkdtempSync(join(tmpdir(), "hfp-"));
}

export async function startPlatform(
  dataDir: string,
  args: string[] = [],
  asUser?: number,
): Promise<StartedPlatform> {
  const { child, output } = await runPlatform(dataDir, ["--json", ...args], asUser);
  const facts = JSON.parse(output) as Omit<StartedPlatform, "child" | "dataDir">;
  return { ...facts, child, dataDir };
}

/** Resolves with its first line; rejects with its error text when it ends before. */
export function runPlatform(
  dataDir: string,
  args: string[],
  asUser?: number,
): Promise<{ child: ChildProcess; output: string }> {
  const words = ["--import", keptCode, main, "--data", join(dataDir, "p"), ...args];
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(asUser === undefined ? {} : { uid: asUser, gid: asUser }),
  });
  return new Promise((resolve, reject) => {
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("\n")) resolve({ child, output });
    });
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.on("exit", (code) => {
      reject(new Error(`platform ended with ${code ?? "signal"}: ${errors}`));
    });
  });
}

type PlainInit = Omit<RequestInit, "headers"> & { headers?: Record<string, string> };

export function api(
  platform: StartedPlatform,
  path: string,
  init: PlainInit = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${platform.apiKey}`, ...init.headers };
  return fetch(platform.apiUrl + path, { ...init, headers });
}

export function toolbox(
  platform: StartedPlatform,
  id: string,
  path: string,
  init: PlainInit = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${platform.apiKey}`, ...init.headers };
  return fetch(`${platform.apiUrl.replace(/\/api$/, "")}/toolbox/${id}${path}`, {
    ...init,
    headers,
  });
}

export function sdk(platform: StartedPlatform, polling = true): Daytona {
  return new Daytona({
    apiKey: platform.apiKey,
    apiUrl: platform.apiUrl,
    target: "local",
    useDeprecatedPolling: polling,
    requestTimeoutMs: 20_000,
  });
}

export async function stopPlatform(platform: StartedPlatform): Promise<void> {
  await api(platform, "/_platform/shutdown?sandboxes=stop", { method: "POST" });
  await exited(platform.child);
  rmSync(platform.dataDir, { recursive: true, force: true });
}

export async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}
