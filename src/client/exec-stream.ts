/**
 * One command in a session, as its caller sees it: stdin, two outputs that may push back, and an
 * exit that comes after the last output byte was taken.
 */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import { encodeJson } from "../protocol/bodies.ts";
import type { OpenRequest, Reset } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import type { Stream } from "../stream/stream.ts";
import { createOutcome } from "./outcome.ts";
import { resetFault } from "./wire-faults.ts";

/** A returned promise holds back further bytes until it resolves. */
export type TakeBytes = (bytes: Uint8Array) => void | Promise<void>;

export interface ExecRequest {
  /** Program and arguments; no shell is put around them. */
  readonly argv: readonly string[];
  /** Absolute path inside the sandbox; the session's home by default. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Makes it run at most once, whoever asks how often: the sandbox writes the key down first. A
   * key that was used rejects with CommandKnown, and `execStatus` tells how it went.
   */
  readonly key?: string;
  readonly onStdout?: TakeBytes;
  readonly onStderr?: TakeBytes;
}

export interface Exit {
  /** Null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ExecStream {
  /** Resolves when the process runs. Rejects with HubError (CommandNotFound, CommandRefused …). */
  readonly opened: Promise<{ readonly pid: number | null }>;
  readonly stdin: {
    /** Resolves when the bytes were sent within what the process takes. */
    write(bytes: Uint8Array): Promise<void>;
    end(): void;
  };
  /** Rejects with HubError when the process did not start or the connection was lost. */
  readonly exit: Promise<Exit>;
  /**
   * Signals the process group: `SIGINT`, `TERM` … `SIGPIPE` says that nobody reads stdout any more:
   * the command hears so when it writes.
   */
  signal(name: string): void;
  /** Gives up: the process is hung up. */
  cancel(): void;
}

export interface OpenedExec extends ExecStream {
  /** The driver opened the stderr stream of this exec. */
  joinStderr(stream: Stream): void;
  /** It will hear no more of what it still waits for. */
  lost(reset: Reset): void;
  readonly id: number;
  /** The stream of errors that its exit named and that has not come; null when none is missing. */
  readonly missing: number | null;
}

export function openExec(channel: Channel, request: ExecRequest): OpenedExec {
  const opened = createOutcome<{ pid: number | null }>();
  const exited = createOutcome<Exit>();
  let exit: Exit | null = null;
  let stdoutEnded = false;
  /** Null: the driver has opened no stderr stream (yet). */
  let stderrEnded: boolean | null = null;
  let missing: number | null = null;

  const settle = (): void => {
    if (exit !== null && stdoutEnded && stderrEnded !== false) exited.resolve(exit);
  };
  const fail = (error: HubError): void => {
    opened.reject(error);
    exited.reject(error);
  };
  const stream = channel.open(openOf(request), {
    onOpen: (ok) => opened.resolve({ pid: ok.pid ?? null }),
    onBytes: (bytes) => request.onStdout?.(bytes),
    onEnd: () => {
      stdoutEnded = true;
      settle();
    },
    onCtl: (ctl) => {
      if (ctl.type !== "exit") return;
      exit = { code: ctl.code, signal: ctl.signal };
      // After a cut link the exit may come before the stream of the errors is opened anew.
      if (ctl.stderr !== undefined && stderrEnded === null) {
        stderrEnded = false;
        missing = ctl.stderr;
        // Broken off before this side had heard of it: it never comes.
        const broken = channel.resetOf(missing);
        if (broken !== null) fail(resetFault(broken));
      }
      // Nobody reads stdin any more; this ends our half, so that the stream can close.
      stream.end({ discard: true });
      settle();
    },
    onClosed: (end) => {
      if (end.kind === "reset") fail(resetFault(end.reset));
      else if (exit === null) fail(noExit());
    },
  });
  return {
    id: stream.id,
    get missing() {
      return missing;
    },
    lost: (reset) => fail(resetFault(reset)),
    opened: opened.promise,
    exit: exited.promise,
    stdin: {
      write: (bytes) => (stream.write(bytes) ? Promise.resolve() : stream.whenSent()),
      end: () => stream.end(),
    },
    signal: (name) => stream.ctl({ type: "signal", signal: name }),
    cancel: () => stream.reset("CANCELLED", "cancelled by the client"),
    joinStderr: (errors) => {
      stderrEnded ??= false;
      missing = null;
      errors.listen({
        onBytes: (bytes) => request.onStderr?.(bytes),
        onEnd: () => {
          stderrEnded = true;
          settle();
        },
        onClosed: (end) => {
          if (end.kind === "reset") fail(resetFault(end.reset));
        },
      });
      errors.accept({}, limits.STREAM_WINDOW_BYTES);
      errors.end();
    },
  };
}

/** @throws HubError for one that no message carries: each link would be cut for it, for ever. */
function openOf(request: ExecRequest): OpenRequest {
  const open = openRequestOf(request);
  const { length } = encodeJson(open);
  if (length <= limits.COMMAND_BYTES_MAX) return open;
  const said = `arguments and environment take ${length} bytes`;
  throw new HubError("BadRequest", `${said}, and ${limits.COMMAND_BYTES_MAX} go with a command`, {
    hint: "Give what is long on stdin or in a file.",
  });
}

function openRequestOf(request: ExecRequest): OpenRequest {
  return {
    kind: "exec",
    argv: [...request.argv],
    ...(request.cwd !== undefined && { cwd: request.cwd }),
    ...(request.env !== undefined && { env: { ...request.env } }),
    ...(request.key !== undefined && { key: request.key }),
    rxMax: limits.STREAM_WINDOW_BYTES,
  };
}

function noExit(): HubError {
  return new HubError("ProtocolBroken", "the command ended without exit");
}
