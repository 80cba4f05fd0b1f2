/** Shell commands of a run in its sandbox: their lines as they come, and how they ended. */
import type { SessionChannel } from "../../client/session-channel.ts";
import type { ExecStream, Exit, TakeBytes } from "../../client/exec-stream.ts";

export interface ShellCommand {
  readonly command: string;
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly onStdout: TakeBytes;
  readonly onStderr: TakeBytes;
}

export function startShell(channel: SessionChannel, shell: ShellCommand): ExecStream {
  const { command, cwd, env, onStdout, onStderr } = shell;
  const argv = ["/bin/sh", "-c", command];
  const where = cwd === null ? {} : { cwd };
  const exec = channel.exec({ argv, env, ...where, onStdout, onStderr });
  exec.stdin.end();
  return exec;
}

export type ShellEnd = Exit | "late";

/** Runs to its end, or is killed when the time is up. @throws HubError, the signal's reason */
export async function runShell(
  channel: SessionChannel,
  shell: ShellCommand & { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ShellEnd> {
  const { timeoutMs, signal } = shell;
  signal.throwIfAborted();
  const exec = startShell(channel, shell);
  const stop = Promise.withResolvers<"late">();
  const timer = setTimeout(() => stop.resolve("late"), timeoutMs);
  const leave = (): void => stop.reject(signal.reason as Error);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([exec.exit, stop.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    // After its end both say nothing to anyone.
    exec.signal("SIGKILL");
    exec.cancel();
  }
}

/** The lines of a command for people, each under its name, with no secret in them. */
export class NamedLines {
  readonly #print: (line: string) => void;
  readonly #secrets: readonly string[];
  readonly #decoder = new TextDecoder();
  readonly #kept: string[] = [];
  #rest = "";

  constructor(print: (line: string) => void, secrets: readonly string[]) {
    this.#print = print;
    this.#secrets = secrets.filter((secret) => secret.length >= SECRET_CHARS_MIN);
  }

  readonly take = (bytes: Uint8Array): void => {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n|\r/);
    this.#rest = (lines.pop() ?? "").slice(-LINE_CHARS_MAX);
    for (const line of lines) this.#say(line);
  };

  end(): void {
    if (this.#rest !== "") this.#say(this.#rest);
    this.#rest = "";
  }

  /** What it said last, for whoever has to say why it failed. */
  get last(): string {
    return this.#kept.join("\n");
  }

  #say(line: string): void {
    let shown = line.slice(0, LINE_CHARS_MAX);
    for (const secret of this.#secrets) shown = shown.replaceAll(secret, "***");
    this.#kept.push(shown);
    if (this.#kept.length > LINES_KEPT) this.#kept.shift();
    this.#print(shown);
  }
}

/** Shorter ones are words that stand everywhere. */
const SECRET_CHARS_MIN = 6;
const LINES_KEPT = 10;
const LINE_CHARS_MAX = 4_096;
