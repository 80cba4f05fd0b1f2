/**
 * Work in a session with one call over HTTP: what is asked for, how it goes on, and its result.
 * It comes as lines of JSON, so that a call of hours is as alive as one of a second. Owns the
 * shapes and the reading; the connection is api.ts.
 */
import { HubError } from "../base/hub-error.ts";
import { LineReader } from "./line-reader.ts";
import { faultOfProblem } from "./problem.ts";
import { WorkError } from "./work-error.ts";

interface WorkSettings {
  /** Inside the sandbox; the session's home by default. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** It is killed after this long; 10 minutes by default. */
  readonly timeoutMs?: number;
  /** Kept of each output, 1 MiB by default; `truncated` tells when there was more. */
  readonly outputBytesMax?: number;
  /** How often it is tried again when the session failed, not the command; none by default. */
  readonly retries?: number;
  /** A session that rests in error is healed before the next try. */
  readonly restart?: boolean;
  /** A directory inside: files that are new or changed in it come with the result. */
  readonly artifacts?: string;
}

export interface CodeRequest extends WorkSettings {
  /** `python`, `javascript`, `typescript`, `bash`, `sh`, `ruby`. */
  readonly language: string;
  readonly code: string;
}

export interface CommandRequest extends WorkSettings {
  /** Program and arguments, or one line for a shell. */
  readonly command: readonly string[] | string;
  readonly input?: string;
}

export interface WorkOptions {
  /** Kills it inside; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Outputs as they come, as text. A returned promise holds the command back. */
  readonly onStdout?: (piece: string | Uint8Array) => void | Promise<void>;
  readonly onStderr?: (piece: string | Uint8Array) => void | Promise<void>;
  /** A try that failed and is followed by another. */
  readonly onFailed?: (attempt: WorkAttempt) => void;
  /** Runs it at most once, however often it is asked for under this key. */
  readonly idempotencyKey?: string;
}

export interface WorkAttempt {
  readonly attempt: number;
  readonly sandboxId: string | null;
  readonly epoch: number;
  readonly startedAt: string;
  readonly durationMs: number;
  /** Null when the command came to its end, whatever its exit code was. */
  readonly code: string | null;
  readonly message: string | null;
}

export interface WorkArtifact {
  readonly path: string;
  readonly bytes: number;
  readonly encoding: "utf8" | "base64" | null;
  /** Null when there was no room for it. */
  readonly content: string | null;
}

/** What came of it. A nonzero exit is a result, and so is a timeout. */
export interface WorkResult {
  readonly session: string;
  readonly sandboxId: string | null;
  readonly epoch: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** One line that says what went wrong: `ValueError: no`; null after an exit with 0. */
  readonly error: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** `base64` where an output is no UTF-8. */
  readonly encoding: { readonly stdout: "utf8" | "base64"; readonly stderr: "utf8" | "base64" };
  readonly bytes: { readonly stdout: number; readonly stderr: number };
  readonly truncated: boolean;
  readonly artifacts: { readonly files: readonly WorkArtifact[]; readonly more: number } | null;
  readonly durationMs: number;
  readonly attempts: readonly WorkAttempt[];
}

/** For how long the owner of a session may be silent. */
export interface Lease {
  readonly leaseMs: number;
  readonly endsAt: string;
}

export type PostLines = (
  path: string,
  body: object,
  headers: Record<string, string>,
  signal: AbortSignal,
) => Promise<ReadableStream<Uint8Array>>;

/** @throws WorkError, HubError, and the reason of an aborted signal */
export function runCode(
  post: PostLines,
  path: string,
  { language, code, ...settings }: CodeRequest,
  options: WorkOptions,
): Promise<WorkResult> {
  return work(post, `${path}/code`, { language, code, ...bodyOf(settings) }, options);
}

/** @throws WorkError, HubError, and the reason of an aborted signal */
export function runCommand(
  post: PostLines,
  path: string,
  { command, input, ...settings }: CommandRequest,
  options: WorkOptions,
): Promise<WorkResult> {
  const program = typeof command === "string" ? { command } : { argv: command };
  const stdin = input === undefined ? {} : { stdin: input };
  return work(post, `${path}/exec`, { ...program, ...stdin, ...bodyOf(settings) }, options);
}

function bodyOf({ timeoutMs, ...settings }: WorkSettings): object {
  return timeoutMs === undefined ? settings : { ...settings, timeout: timeoutMs / 1_000 };
}

async function work(
  post: PostLines,
  path: string,
  body: object,
  options: WorkOptions,
): Promise<WorkResult> {
  const { signal = new AbortController().signal, idempotencyKey } = options;
  signal.throwIfAborted();
  const live = options.onStdout !== undefined || options.onStderr !== undefined;
  const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  try {
    const stream = await post(`${path}?live=${String(live)}`, body, headers, signal);
    return await readResult(stream, options);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

async function readResult(
  stream: ReadableStream<Uint8Array>,
  options: WorkOptions,
): Promise<WorkResult> {
  const reader = stream.getReader();
  const lines = new LineReader();
  let result: WorkResult | null = null;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const events: WorkEvent[] = [];
      lines.push(value, (line) => events.push(eventOf(line)));
      for (const event of events) result = (await take(event, options)) ?? result;
    }
  } finally {
    // Whoever stops reading early must not leave the connection open.
    await reader.cancel().catch(() => undefined);
  }
  if (result !== null) return result;
  throw new HubError("LinkLost", "the hub went away before the end; it may still run for 30 s");
}

type WorkEvent =
  | { readonly type: "stdout" | "stderr"; readonly text?: string; readonly base64?: string }
  | ({ readonly type: "exit" } & WorkResult)
  | ({ readonly type: "failed" } & WorkAttempt)
  | { readonly type: "error"; readonly problem: { readonly attempts?: readonly WorkAttempt[] } }
  | { readonly type: "started" | "alive" };

function eventOf(line: Uint8Array): WorkEvent {
  return JSON.parse(new TextDecoder().decode(line)) as WorkEvent;
}

async function take(event: WorkEvent, options: WorkOptions): Promise<WorkResult | null> {
  switch (event.type) {
    case "stdout":
      await options.onStdout?.(pieceOf(event));
      return null;
    case "stderr":
      await options.onStderr?.(pieceOf(event));
      return null;
    case "failed":
      options.onFailed?.(event);
      return null;
    case "exit":
      return event;
    case "error":
      throw new WorkError(faultOfProblem(event.problem), event.problem.attempts ?? []);
    case "started":
    case "alive":
      return null;
  }
}

function pieceOf({ text, base64 = "" }: { text?: string; base64?: string }): string | Uint8Array {
  return text ?? Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
