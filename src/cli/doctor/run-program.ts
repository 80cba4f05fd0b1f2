/** Runs a small program to its end, for checks that believe only what they saw. */
import { spawn } from "node:child_process";

/** A trial that takes longer hangs; a check must not hang with it. */
const TRIAL_MS_MAX = 5_000;

/** Where the local platform looks: what only this user's shell finds does not help it. */
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Trial {
  /** Null when it did not start or was killed. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** What it said on stderr, or why it did not start; one line. */
  readonly complaint: string;
}

export function tryProgram(file: string, args: readonly string[]): Promise<Trial> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: systemPath, LC_ALL: "C" },
      timeout: TRIAL_MS_MAX,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString("utf8")));
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString("utf8")));
    child.on("error", (error: NodeJS.ErrnoException) => {
      const complaint = error.code === "ENOENT" ? `${file} is not installed` : error.message;
      resolve({ exitCode: null, stdout, complaint });
    });
    child.on("close", (exitCode, signal) => {
      const said = stderr.trim().split("\n")[0] ?? "";
      const ended = signal === null ? `exit code ${exitCode ?? "none"}` : `killed by ${signal}`;
      resolve({ exitCode, stdout, complaint: said === "" ? ended : said });
    });
  });
}
