/** One terminal in a session: screen bytes that may push back, keystrokes, size, exit. */
import { HubError } from "../base/hub-error.ts";
import { limits } from "../base/limits.ts";
import type { OpenRequest } from "../protocol/services.ts";
import type { Channel } from "../stream/channel.ts";
import type { Exit, TakeBytes } from "./exec-stream.ts";
import { createOutcome } from "./outcome.ts";
import { resetFault } from "./wire-faults.ts";

export interface TerminalRequest {
  /** Empty or absent: the user's login shell. */
  readonly argv?: readonly string[];
  readonly cols: number;
  readonly rows: number;
  /** TERM inside; xterm-256color by default. */
  readonly term?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onData: TakeBytes;
}

/** Looks at a terminal that is there already. */
export interface TerminalLookRequest {
  /** From `opened` of the one who opened it, or from `terminals()`. */
  readonly id: string;
  /** Absolute offset of its output to begin with; by default all that is kept. */
  readonly from?: number;
  /** Sees only: keys and sizes are not passed on. */
  readonly readOnly?: boolean;
  readonly onData: TakeBytes;
  /** This viewer was too slow, and the bytes between these offsets are not shown to it. */
  readonly onGap?: (gap: { readonly from: number; readonly to: number }) => void;
}

export interface OpenedTerminal {
  readonly pid: number | null;
  readonly pty: string;
  /** For others who want to look: see `attachTerminal`. Empty from a driver that has none. */
  readonly id: string;
  /** Offset of the first byte that comes. */
  readonly from: number;
}

export interface TerminalStream {
  /**
   * Resolves when the program runs. `pty` says what is behind it: `node-pty`, `bun`, `script`, or
   * `pipes`, which is no terminal at all (no line editing, no resize, no ^C).
   */
  readonly opened: Promise<OpenedTerminal>;
  readonly exit: Promise<Exit>;
  /**
   * Resolves when the bytes were sent within what the terminal takes. A ^C, ^Z or ^\ after bytes
   * that wait goes ahead of them, and they are thrown away, where the tty makes a signal of it.
   */
  write(bytes: Uint8Array): Promise<void>;
  resize(size: { readonly cols: number; readonly rows: number }): void;
  /** Hangs the terminal up. */
  close(): void;
}

const DEFAULT_TERM = "xterm-256color";
/** ^C, ^Z and ^\: what is stuck before them must not hold them up. */
const URGENT_KEYS = [3, 26, 28] as const;

export function openTerminal(channel: Channel, request: TerminalRequest): TerminalStream {
  const open: OpenRequest = {
    kind: "terminal",
    argv: [...(request.argv ?? [])],
    cols: request.cols,
    rows: request.rows,
    term: request.term ?? DEFAULT_TERM,
    ...(request.cwd !== undefined && { cwd: request.cwd }),
    ...(request.env !== undefined && { env: { ...request.env } }),
    rxMax: limits.STREAM_WINDOW_BYTES,
  };
  return follow(channel, open, request);
}

export function attachTerminal(channel: Channel, request: TerminalLookRequest): TerminalStream {
  const { id, from, readOnly = false } = request;
  const rxMax = limits.STREAM_WINDOW_BYTES;
  const open: OpenRequest = {
    kind: "terminal.attach",
    id,
    readOnly,
    rxMax,
    ...(from !== undefined && { from }),
  };
  return follow(channel, open, request);
}

function follow(
  channel: Channel,
  open: OpenRequest,
  { onData, onGap }: Pick<TerminalLookRequest, "onData" | "onGap">,
): TerminalStream {
  const opened = createOutcome<OpenedTerminal>();
  const exited = createOutcome<Exit>();
  let exit: Exit | null = null;
  const fail = (error: HubError): void => {
    opened.reject(error);
    exited.reject(error);
  };
  const stream = channel.open(open, {
    onOpen: ({ pid = null, pty = "pipes", terminal = "", from = 0 }) => {
      opened.resolve({ pid, pty, id: terminal, from });
    },
    onBytes: (bytes) => onData(bytes),
    onCtl: (ctl) => {
      if (ctl.type === "gap") onGap?.({ from: ctl.from, to: ctl.to });
      if (ctl.type !== "exit") return;
      exit = { code: ctl.code, signal: ctl.signal };
      stream.end({ discard: true });
    },
    onEnd: () => {
      if (exit !== null) exited.resolve(exit);
      else fail(new HubError("ProtocolBroken", "the terminal ended without exit"));
    },
    onClosed: (end) => {
      if (end.kind === "reset") fail(resetFault(end.reset));
    },
  });
  /** Offset of the next byte. */
  let tx = 0;
  return {
    opened: opened.promise,
    exit: exited.promise,
    write: (bytes) => {
      const behind = stream.keptBytes;
      stream.write(bytes);
      for (const key of URGENT_KEYS) {
        const at = bytes.lastIndexOf(key);
        if (at !== -1 && behind + at > 0) stream.ctl({ type: "urgent", key, at: tx + at });
      }
      tx += bytes.length;
      return stream.whenSent();
    },
    resize: ({ cols, rows }) => stream.ctl({ type: "resize", cols, rows }),
    close: () => stream.reset("CANCELLED", "closed by the client"),
  };
}
