/** What a run runs on this machine, against the app in its sandbox. */
import { spawn } from "node:child_process";
import { exitCodeOf } from "../byte-pump.ts";
import type { RunVoice } from "./app-run.ts";

/** A command on this machine, in a group of its own, so that all of it ends. */
export function runHere(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
  voice: RunVoice,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<number | "late"> {
  signal.throwIfAborted();
  const child = spawn("/bin/sh", ["-c", command], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  child.stdout.on("data", (bytes: Buffer) => void voice.stdout(bytes));
  child.stderr.on("data", (bytes: Buffer) => void voice.stderr(bytes));
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        process.kill(-child.pid, "SIGKILL");
      }
      settle();
    };
    const leave = (): void => end(() => reject(signal.reason as Error));
    const timer = setTimeout(() => end(() => resolve("late")), timeoutMs);
    signal.addEventListener("abort", leave, { once: true });
    child.once("error", (error) => end(() => reject(error)));
    child.once("close", (code, name) => end(() => resolve(exitCodeOf({ code, signal: name }))));
  });
}
