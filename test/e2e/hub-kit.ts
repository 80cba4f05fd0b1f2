/** Starts real hubs on a home of their own, asks them over HTTP, kills them. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBundles } from "../../build/bundle.ts";
import type { HubOptions } from "../../src/hub/main.ts";
import { defaultPolicy, type SessionPolicy } from "../../src/hub/session/policy.ts";
import type { SessionHealth } from "../../src/hub/session/health.ts";
import { exited, type StartedPlatform } from "./platform-kit.ts";

const main = join(import.meta.dirname, "..", "support", "hub-process.ts");
const keptCode = join(import.meta.dirname, "..", "..", "bin", "kept-code.js");
export const TOKEN = "canary-admin-token-0123456789";

export interface SessionView {
  readonly id: string;
  readonly state: string;
  readonly detail: string;
  readonly sandboxId: string | null;
  readonly epoch: number;
  readonly lastError: { readonly code: string; readonly evidence: readonly object[] } | null;
}

export class RealHub {
  readonly home = mkdtempSync(join(tmpdir(), "hfh-"));
  readonly #platform: { readonly apiUrl: string; readonly apiKey: string };
  readonly #policy: Partial<SessionPolicy>;
  readonly #more: Partial<HubOptions>;
  #child: ChildProcess | null = null;
  url = "";

  constructor(
    platform: Pick<StartedPlatform, "apiUrl" | "apiKey">,
    policy: Partial<SessionPolicy> = {},
    more: Partial<HubOptions> = {},
  ) {
    this.#more = more;
    this.#platform = platform;
    this.#policy = policy;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its exit code once its process is over; null by a signal, or when there is none. */
  get ended(): Promise<number | null> {
    const child = this.#child;
    return child === null ? Promise.resolve(null) : exited(child).then(() => child.exitCode);
  }

  get hasEnded(): boolean {
    return this.#child === null || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get logFile(): string {
    return join(this.home, "hub.log");
  }

  async start(): Promise<void> {
    const { driver } = await ensureBundles();
    const options = {
      home: this.home,
      listen: { host: "127.0.0.1", port: 0 },
      publicUrl: null,
      token: TOKEN,
      platform: { kind: "daytona", target: "local", ...this.#platform },
      policy: { ...defaultPolicy, ...this.#policy },
      driverBundle: driver,
      metricsToken: null,
      webhook: null,
      timeline: { rows: 100_000, ageMs: null },
      telemetry: null,
      version: "0.0.0-test",
      webDir: null,
      logLevel: "debug",
      logFile: this.logFile,
      ...this.#more,
    };
    // As bin/holdfast.js starts a hub, with its compiled code kept as the command keeps it.
    const flags = ["--disable-warning=ExperimentalWarning", "--max-semi-space-size=1"];
    flags.push("--import", keptCode);
    const child = spawn(process.execPath, [...flags, main, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
      child.once("exit", (code) => reject(new Error(`the hub ended with ${code ?? "a signal"}`)));
    });
    this.url = (JSON.parse(line) as { url: string }).url;
  }

  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.#child === null) return;
    this.#child.kill(signal);
    await exited(this.#child);
    this.#child = null;
  }

  async remove(): Promise<void> {
    await this.kill("SIGTERM");
    rmSync(this.home, { recursive: true, force: true });
  }

  async ask<T = SessionView>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as T;
  }

  health(name: string): Promise<SessionHealth> {
    return this.ask<SessionHealth>("GET", `/sessions/${name}/health`);
  }

  /** Asks until the session is so. */
  async until(name: string, holds: (session: SessionView) => boolean): Promise<SessionView> {
    for (;;) {
      const session = await this.ask("GET", `/sessions/${name}`);
      if (holds(session)) return session;
      await new Promise((next) => setTimeout(next, 25));
    }
  }

  log(): string {
    return readFileSync(this.logFile, "utf8");
  }
}
