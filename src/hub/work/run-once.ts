/**
 * One try at a command in a session: the first interpreter that is there, its input, both outputs,
 * and an end that is a result whatever the command did. What is not the command's own doing
 * rejects: a session that was lost, a caller who left. Tries again nowhere; that is attempts.ts.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { ExecStream, SessionChannel } from "../inner-client.ts";

/** The part of a channel that work needs. */
export interface WorkChannel extends Pick<
  SessionChannel,
  "exec" | "execStatus" | "epoch" | "close"
> {
  readonly files: Pick<SessionChannel["files"], "list" | "readAll">;
}

/** A process that was killed is over at once, unless the kernel holds it. */
const KILLED_WITHIN_MS = 2_000;

export type TakeBytes = (bytes: Uint8Array) => void | Promise<void>;

export interface Command {
  /** Tried in this order until one is found. */
  readonly programs: readonly (readonly string[])[];
  readonly stdin: Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The sandbox runs it at most once under this key. */
  readonly key?: string;
}

export interface Ended {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It ran out of its time and was killed. */
  readonly timedOut: boolean;
}

export interface RunOnceOptions {
  readonly clock: Clock;
  readonly channel: WorkChannel;
  readonly onStdout: TakeBytes;
  readonly onStderr: TakeBytes;
  readonly onStarted: (pid: number | null) => void;
  /** Aborts with the reason for which it shall not go on; the command is killed. */
  readonly signal: AbortSignal;
}

/** @throws HubError CommandNotFound, LinkLost …, and the reason of the signal */
export async function runOnce(command: Command, options: RunOnceOptions): Promise<Ended> {
  const { clock, signal } = options;
  signal.throwIfAborted();
  const exec = await startFirst(command, options);
  const late = Promise.withResolvers<"late">();
  const timer = clock.setTimeout(() => late.resolve("late"), command.timeoutMs);
  const given = Promise.withResolvers<never>();
  const giveUp = (): void => given.reject(signal.reason as Error);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    if (signal.aborted) giveUp();
    const first = await Promise.race([exec.exit, late.promise, given.promise]);
    if (first !== "late") return { exitCode: first.code, signal: first.signal, timedOut: false };
    exec.signal("SIGKILL");
    return await endAfterKill(exec, clock);
  } catch (error) {
    exec.signal("SIGKILL");
    exec.cancel();
    throw error;
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

/** A code tells that it had ended by itself, though a hub that was held up heard that too late. */
async function endAfterKill(exec: ExecStream, clock: Clock): Promise<Ended> {
  const stuck = Promise.withResolvers<null>();
  const timer = clock.setTimeout(() => stuck.resolve(null), KILLED_WITHIN_MS);
  const exit = await Promise.race([exec.exit, stuck.promise]);
  clock.clearTimeout(timer);
  if (exit === null) exec.cancel();
  else if (exit.code !== null) return { exitCode: exit.code, signal: null, timedOut: false };
  return { exitCode: null, signal: exit?.signal ?? "SIGKILL", timedOut: true };
}

async function startFirst(
  { programs, stdin, cwd, env, key }: Command,
  { channel, onStdout, onStderr, onStarted, signal }: RunOnceOptions,
): Promise<ExecStream> {
  for (const argv of programs) {
    const told = createGate();
    const exec = channel.exec({
      argv,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
      ...(key !== undefined && { key }),
      onStdout: told.after(onStdout),
      onStderr: told.after(onStderr),
    });
    const cancel = (): void => exec.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const { pid } = await exec.opened;
      onStarted(pid);
      told.open();
      // A command that ends without reading all is no failure: its exit tells how it went.
      if (stdin.length > 0) void exec.stdin.write(stdin);
      exec.stdin.end();
      return exec;
    } catch (error) {
      signal.throwIfAborted();
      const isLast = argv === programs.at(-1);
      if (isLast || !isMissing(error)) throw missing(error, programs);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
  throw new HubError("BadRequest", "no program was named");
}

/** Bytes that come in the turn of the start wait until the start was told. */
function createGate(): { open(): void; after(take: TakeBytes): TakeBytes } {
  const opened = Promise.withResolvers<void>();
  let isOpen = false;
  return {
    open() {
      isOpen = true;
      opened.resolve();
    },
    after: (take) => (bytes) => {
      if (isOpen) return take(bytes);
      const kept = bytes.slice();
      return opened.promise.then(() => take(kept));
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof HubError && error.code === "CommandNotFound";
}

/** Names all that was looked for, not only the last. */
function missing(error: unknown, programs: readonly (readonly string[])[]): unknown {
  // A directory that does not exist is told with the same code.
  if (!isMissing(error) || programs.length < 2 || /directory/.test(String(error))) return error;
  const names = programs.map(([name]) => name).join(", ");
  return new HubError("CommandNotFound", `the sandbox has none of ${names}`, {
    hint: "Start the session from an image or a snapshot that has one of them.",
  });
}
