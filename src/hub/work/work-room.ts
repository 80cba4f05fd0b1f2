/**
 * Work that comes over HTTP: a command or a piece of code in a session, to its result. Puts
 * together the tries, the outputs, the error line and the files that were made. How many run at
 * once is bounded here; how a session heals is the session's own.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import type { WorkAttempt, WorkResult } from "../../protocol/api/work.ts";
import type { Session } from "../session/session.ts";
import type { Sessions } from "../sessions.ts";
import { collect, lookBefore } from "./artifacts.ts";
import { withAttempts, type RetrySetting } from "./attempts.ts";
import { knownCommand } from "./known-command.ts";
import { KeptOutput } from "./kept-output.ts";
import { errorLineOf, type Language } from "./languages.ts";
import { runOnce, type Command, type Ended, type TakeBytes, type WorkChannel } from "./run-once.ts";

/** Each has a channel of its own, and the hub's own link carries 256, previews among them. */
const RUNNING_MAX = 128;

export interface WorkRequest extends Omit<Command, "key">, RetrySetting {
  /** Null for a command: its error line is the last that it said. */
  readonly language: Language | null;
  /** Kept of each output; more is told as left out. */
  readonly outputBytesMax: number;
  /** Directory whose new files are told with the result. */
  readonly artifacts: string | null;
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
}

/** Hears of the work while it goes on. A returned promise holds the command back. */
export interface WorkWatcher {
  onStarted(started: { pid: number | null; sandboxId: string | null; epoch: number }): void;
  readonly onStdout: TakeBytes;
  readonly onStderr: TakeBytes;
  onFailed(attempt: WorkAttempt): void;
}

export interface WorkRoomOptions {
  readonly sessions: Sessions;
  /** The hub's own way into sessions. */
  readonly client: { attach(sessionId: string): Promise<WorkChannel> };
  readonly clock: Clock;
}

export class WorkRoom {
  readonly #parts: WorkRoomOptions;
  #running = 0;

  constructor(parts: WorkRoomOptions) {
    this.#parts = parts;
  }

  /** @throws HubError; WorkFailed with all tries when the session could not carry it */
  async run(
    session: Session,
    request: WorkRequest,
    signal: AbortSignal,
    watcher: WorkWatcher | null,
  ): Promise<WorkResult> {
    if (this.#running >= RUNNING_MAX) {
      throw new HubError("RateLimited", `${RUNNING_MAX} commands run over HTTP already`);
    }
    this.#running += 1;
    try {
      return await this.#run(session, request, signal, watcher);
    } finally {
      this.#running -= 1;
    }
  }

  async #run(
    session: Session,
    request: WorkRequest,
    signal: AbortSignal,
    watcher: WorkWatcher | null,
  ): Promise<WorkResult> {
    const { sessions, clock } = this.#parts;
    const setting = { retries: request.retries, restart: request.restart };
    const onFailed = (attempt: WorkAttempt): void => watcher?.onFailed(attempt);
    const tries = { sessions, session, clock, setting, signal, onFailed };
    const { value, attempts } = await withAttempts(tries, (stop) =>
      this.#once(session, request, stop, watcher),
    );
    return { ...value, attempts };
  }

  async #once(
    session: Session,
    request: WorkRequest,
    signal: AbortSignal,
    watcher: WorkWatcher | null,
  ): Promise<Omit<WorkResult, "attempts">> {
    const { client, clock } = this.#parts;
    const { id, sandboxId } = session.record;
    const beganAt = clock.mono();
    const channel = await client.attach(id);
    try {
      const { epoch } = channel;
      const stdout = new KeptOutput(request.outputBytesMax);
      const stderr = new KeptOutput(request.outputBytesMax);
      const { artifacts: directory } = request;
      const before = directory === null ? null : await lookBefore(channel, directory);
      const command = commandOf(request, id);
      const ended = await runOnce(command, {
        clock,
        channel,
        signal,
        onStarted: (pid) => watcher?.onStarted({ pid, sandboxId, epoch }),
        onStdout: keepAnd(stdout, watcher?.onStdout),
        onStderr: keepAnd(stderr, watcher?.onStderr),
      }).catch(async (error: unknown): Promise<never> => {
        const isKnown = error instanceof HubError && error.code === "CommandKnown";
        if (!isKnown || command.key === undefined) throw error;
        throw knownCommand(await channel.execStatus(command.key));
      });
      const made =
        directory === null || before === null ? null : await collect(channel, directory, before);
      const durationMs = Math.round(clock.mono() - beganAt);
      const where = { session: id, sandboxId, epoch };
      return { ...where, ...told(ended, stdout, stderr, request), artifacts: made, durationMs };
    } finally {
      channel.close();
    }
  }
}

function commandOf(request: WorkRequest, sessionId: string): Command {
  const { programs, stdin, cwd, env, timeoutMs, key } = request;
  return {
    programs,
    stdin,
    timeoutMs,
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env }),
    // A caller's key may have any length, and sandboxes of two sessions may share a ledger.
    ...(key !== null && { key: `idem_${digestOf(`${sessionId} ${key}`)}` }),
  };
}

function told(ended: Ended, stdout: KeptOutput, stderr: KeptOutput, request: WorkRequest) {
  const [out, err] = [stdout.read(), stderr.read()];
  return {
    exitCode: ended.exitCode,
    signal: ended.signal,
    timedOut: ended.timedOut,
    error: errorOf(ended, err, request),
    stdout: out.text,
    stderr: err.text,
    encoding: { stdout: out.encoding, stderr: err.encoding },
    bytes: { stdout: out.bytes, stderr: err.bytes },
    truncated: out.leftOutBytes + err.leftOutBytes > 0,
  };
}

function errorOf(
  { exitCode, signal, timedOut }: Ended,
  stderr: ReturnType<KeptOutput["read"]>,
  { language, timeoutMs }: WorkRequest,
): string | null {
  if (timedOut) return `it ran longer than ${timeoutMs / 1_000} s and was killed`;
  if (exitCode === 0) return null;
  const line = stderr.encoding === "utf8" ? errorLineOf(stderr.text, language) : null;
  return line ?? (signal === null ? `it ended with ${exitCode ?? "?"}` : `${signal} ended it`);
}

function keepAnd(kept: KeptOutput, take: TakeBytes | undefined): TakeBytes {
  return (bytes) => {
    kept.add(bytes);
    return take?.(bytes);
  };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
