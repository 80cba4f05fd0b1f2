/**
 * Starts the bundled driver as a real process in a home of its own, and ends it. The driver runs
 * on this Node, or on what HOLDFAST_TEST_DRIVER_RUNTIME names (an older Node, a Bun).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBundles } from "../../build/bundle.ts";

export interface DriverProcess {
  readonly child: ChildProcess;
  readonly home: string;
  readonly readyFile: string;
  readonly pid: number;
  readonly ready: () => Record<string, unknown> | null;
  readonly log: () => string;
  readonly exited: Promise<number | null>;
  end(): Promise<void>;
}

export async function startDriver(options: {
  urls: string[];
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Another driver than that of now. */
  bundle?: string;
  /** Another Node or Bun than this one. */
  runtime?: string;
  /** Holds nothing of this process open. */
  quiet?: boolean;
}): Promise<DriverProcess> {
  const driver = options.bundle ?? (await ensureBundles()).driver;
  const home = mkdtempSync(join(tmpdir(), "holdfast-driver-"));
  const readyFile = join(home, "driver.ready");
  const logFile = join(home, "driver.log");
  const config = {
    session: "ses_test",
    token: "canary-driver-token",
    urls: options.urls,
    home,
    readyFile,
    logFile,
    ...options.config,
  };
  const configFile = join(home, "driver.json");
  writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
  const child = spawn(
    options.runtime ?? process.env["HOLDFAST_TEST_DRIVER_RUNTIME"] ?? process.execPath,
    [driver, configFile],
    {
      stdio: options.quiet === true ? "ignore" : ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...options.env },
    },
  );
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    child,
    home,
    readyFile,
    pid: child.pid ?? 0,
    ready: () =>
      existsSync(readyFile)
        ? (JSON.parse(readFileSync(readyFile, "utf8")) as Record<string, unknown>)
        : null,
    log: () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : ""),
    exited,
    async end() {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
