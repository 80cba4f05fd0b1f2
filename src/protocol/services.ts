/**
 * What a stream can be: the JSON of OPEN, OPEN_OK, CTL and RESET for each service of the driver.
 *
 * exec      one process. Three streams share one exec: the opener's own stream carries stdin one
 *           way and stdout the other; stderr comes on a second stream that the driver opens (even
 *           id) with kind `exec.stderr` and the `of` of the first. Exit is a CTL on the first.
 * terminal  one pty: keystrokes one way, screen bytes the other; resize and exit are CTLs.
 *
 * Files are in file-services.ts, small ones by the lot in file-lots.ts, ports and sockets in
 * port-services.ts, servers of messages in message-services.ts.
 */
import * as v from "valibot";
import { decodeJson } from "./bodies.ts";
import { parseControl } from "./control.ts";
import { OpenFileLot } from "./file-lots.ts";
import {
  FileInfo,
  OpenFileAsk,
  OpenFileList,
  OpenFileRead,
  OpenFileWatch,
  OpenFileWrite,
  Sha256,
} from "./file-services.ts";
import { MessagesKnown, MessagesTaken, OpenMessages } from "./message-services.ts";
import { Count, StreamId } from "./numbers.ts";
import { OpenAccepted, OpenListen, OpenTcp, OpenUnix } from "./port-services.ts";

const Env = v.record(
  v.pipe(v.string(), v.maxLength(256)),
  v.pipe(v.string(), v.maxLength(131_072)),
);

const Key = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
/** Of a screen, in characters. */
const Side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096));

export const OpenExec = v.object({
  kind: v.literal("exec"),
  /** Program and arguments; no shell is put around them. */
  argv: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(4096)),
  cwd: v.optional(v.pipe(v.string(), v.maxLength(4096))),
  env: v.optional(Env),
  /** Written down before the command runs: a key that was used starts nothing. */
  key: v.optional(Key),
  /** Bytes of stdout and stderr that the opener grants to start with. */
  rxMax: Count,
});
export type OpenExec = v.InferOutput<typeof OpenExec>;

export const OpenTerminal = v.object({
  kind: v.literal("terminal"),
  /** Empty means the user's login shell. */
  argv: v.pipe(v.array(v.string()), v.maxLength(4096)),
  cols: Side,
  rows: Side,
  term: v.pipe(v.string(), v.maxLength(64)),
  cwd: v.optional(v.pipe(v.string(), v.maxLength(4096))),
  env: v.optional(Env),
  rxMax: Count,
});
export type OpenTerminal = v.InferOutput<typeof OpenTerminal>;

/** Opened by the driver towards the client. */
export const OpenStderr = v.object({
  kind: v.literal("exec.stderr"),
  /** Stream id of the exec it belongs to. */
  of: StreamId,
  rxMax: Count,
});
export type OpenStderr = v.InferOutput<typeof OpenStderr>;

/** One write-read-remove check and one command inside the sandbox, over the driver's own path. */
export const OpenProbe = v.object({
  kind: v.literal("probe"),
  nonce: v.pipe(v.string(), v.minLength(8), v.maxLength(128)),
  rxMax: Count,
});
export type OpenProbe = v.InferOutput<typeof OpenProbe>;

const ProbeFinding = v.object({
  ok: v.boolean(),
  latencyMs: v.number(),
  /** System error code, or TIMEOUT, STUCK, MISMATCH; null when it is ok. */
  code: v.nullable(v.pipe(v.string(), v.maxLength(64))),
  detail: v.pipe(v.string(), v.maxLength(2048)),
});

/** The one JSON that a probe stream carries back. */
export const ProbeAnswer = v.object({ exec: ProbeFinding, filesystem: ProbeFinding });
export type ProbeAnswer = v.InferOutput<typeof ProbeAnswer>;

/**
 * Asks for what stands in files that a command has just written: only who lives in the same sandbox
 * can tell.
 */
export const OpenMark = v.object({
  kind: v.literal("mark"),
  files: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(4096))), v.maxLength(4)),
  rxMax: Count,
});
export type OpenMark = v.InferOutput<typeof OpenMark>;

/** What stands in each of the files; null where there is none. */
export const MarkAnswer = v.object({
  texts: v.pipe(v.array(v.nullable(v.pipe(v.string(), v.maxLength(256)))), v.maxLength(4)),
});
export type MarkAnswer = v.InferOutput<typeof MarkAnswer>;

/** Asks what became of a key; the answer is one ExecStatus as JSON. */
export const OpenExecStatus = v.object({
  kind: v.literal("exec.status"),
  key: Key,
  rxMax: Count,
});

const OutputBytes = { stdoutBytes: Count, stderrBytes: Count };

export const ExecStatus = v.variant("state", [
  v.object({ state: v.literal("never-ran") }),
  v.object({
    state: v.literal("running"),
    startedAt: Count,
    pid: v.nullable(Count),
    ...OutputBytes,
  }),
  v.object({
    state: v.literal("exited"),
    startedAt: Count,
    endedAt: Count,
    code: v.nullable(v.number()),
    signal: v.nullable(v.string()),
    ...OutputBytes,
  }),
  /** It ran, and the driver died before it ended. */
  v.object({ state: v.literal("lost"), startedAt: Count }),
]);
export type ExecStatus = v.InferOutput<typeof ExecStatus>;

/** Looks at a terminal that is there, from an offset of its output or from what is kept. */
export const AttachTerminal = v.object({
  kind: v.literal("terminal.attach"),
  id: Key,
  from: v.optional(Count),
  readOnly: v.optional(v.boolean(), false),
  rxMax: Count,
});
export type AttachTerminal = v.InferOutput<typeof AttachTerminal>;

/** Asks for the terminals there are; the answer is one TerminalList as JSON. */
export const ListTerminals = v.object({ kind: v.literal("terminal.list"), rxMax: Count });

export const TerminalInfo = v.object({
  id: Key,
  argv: v.array(v.string()),
  pid: Count,
  startedAt: Count,
  viewers: Count,
  /** Offsets of the output that is kept. */
  from: Count,
  to: Count,
  exit: v.union([
    v.object({
      code: v.nullable(v.number()),
      signal: v.nullable(v.string()),
    }),
    v.null(),
  ]),
});
export type TerminalInfo = v.InferOutput<typeof TerminalInfo>;
export const TerminalList = v.object({ terminals: v.array(TerminalInfo) });

export const OpenRequest = v.variant("kind", [
  OpenExec,
  OpenTerminal,
  OpenStderr,
  OpenProbe,
  OpenMark,
  OpenExecStatus,
  AttachTerminal,
  ListTerminals,
  OpenTcp,
  OpenUnix,
  OpenListen,
  OpenAccepted,
  OpenFileAsk,
  OpenFileList,
  OpenFileRead,
  OpenFileWrite,
  OpenFileWatch,
  OpenFileLot,
  OpenMessages,
]);
export type OpenRequest = v.InferOutput<typeof OpenRequest>;

/** What a driver opens: all that a client has to understand. */
export const DriverRequest = v.variant("kind", [OpenStderr, OpenAccepted]);
export type Requests = v.GenericSchema<unknown, OpenRequest>;

export const OpenOk = v.object({
  rxMax: Count,
  pid: v.optional(v.pipe(v.number(), v.integer())),
  /** Terminals: which pty is behind it (`node-pty`, `script`, `pipes`). */
  pty: v.optional(v.pipe(v.string(), v.maxLength(32))),
  /** Terminals: its id, for whoever wants to look later, and the offset of the first byte. */
  terminal: v.optional(Key),
  /** Also of a file: where its bytes begin, or are wanted from. */
  from: v.optional(Count),
  /** Listen: the port that was taken. */
  port: v.optional(Count),
  /** Reading a file: what it is. */
  file: v.optional(FileInfo),
  /** Writing a file: SHA-256 of what is there before `from`. */
  prefix: v.optional(Sha256),
  messages: v.optional(MessagesKnown),
});
export type OpenOk = v.InferOutput<typeof OpenOk>;

export const Ctl = v.union([
  v.object({
    type: v.literal("resize"),
    cols: Side,
    rows: Side,
  }),
  v.object({ type: v.literal("signal"), signal: v.pipe(v.string(), v.maxLength(16)) }),
  /** Terminals: this byte comes at this offset, and earlier ones may be stuck before it. */
  v.object({ type: v.literal("urgent"), key: Count, at: Count }),
  v.object({
    type: v.literal("exit"),
    /** Exit code, or null when a signal ended the process. */
    code: v.nullable(v.pipe(v.number(), v.integer())),
    signal: v.nullable(v.pipe(v.string(), v.maxLength(16))),
    /** Exec: the stream of its stderr, which may be opened later than this is heard. */
    stderr: v.optional(StreamId),
    /** Messages: the end of what it wrote to stderr, which goes nowhere else. */
    words: v.optional(v.pipe(v.string(), v.maxLength(2048))),
  }),
  MessagesTaken,
  /** Terminals: a viewer that was too slow does not see these offsets. */
  v.object({ type: v.literal("gap"), from: Count, to: Count }),
  /** Files: of all bytes, also those before the offset; the last word before the end. */
  v.object({ type: v.literal("digest"), sha256: Sha256, bytes: Count }),
]);
export type Ctl = v.InferOutput<typeof Ctl>;

/**
 * Null for a type that this version does not know: a newer peer may say more.
 * @throws ProtocolError when it is no JSON, or a known type with a wrong body.
 */
export function readCtl(json: Uint8Array): Ctl | null {
  const { type } = decodeJson(json);
  const known = Ctl.options.some((option) => option.entries.type.literal === type);
  return known ? parseControl(Ctl, json) : null;
}

/** Why a stream was reset: a closed list. */
export const ResetCode = v.picklist([
  "CANCELLED",
  "PROTOCOL",
  "CREDIT_VIOLATION",
  "NOT_FOUND",
  "PERMISSION",
  "REFUSED",
  "DRIVER_GONE",
  "LIMIT",
  "IO",
  /** The key was used before. */
  "ALREADY",
  /** The peer had forgotten bytes that were still missing here. */
  "GAP",
  /** The peer came back in an older state than was seen of it. */
  "ROLLED_BACK",
  /** Equal positions, different bytes. */
  "DIVERGED",
  /** Nothing is known of this stream any more. */
  "GONE",
  /** Nobody came back for the channel in time. */
  "LEASE_EXPIRED",
  /** The driver was started anew: what ran in it is gone. */
  "DRIVER_RESTARTED",
  /** Ports: nobody listens there. */
  "CONNECT_REFUSED",
  /** There is no such host, or no way to it. */
  "UNREACHABLE",
  "TIMEOUT",
  /** The other end of the connection cut it. */
  "CONNECTION_RESET",
  "ADDRESS_IN_USE",
  /** Files: there is something already. */
  "EXISTS",
  /** A directory where a file is wanted, a file where a directory is, or neither of them. */
  "WRONG_KIND",
  "NO_SPACE",
  "READ_ONLY",
  /** It became shorter while it was read. */
  "CHANGED",
  /** What arrived has another SHA-256 than what was sent. */
  "CORRUPT",
]);

/** The code, with a sentence for people. */
export const Reset = v.object({
  /** A code that a newer peer has and this one does not is an IO: the sentence says the rest. */
  code: v.fallback(ResetCode, "IO"),
  message: v.pipe(v.string(), v.maxLength(2048)),
});
export type Reset = v.InferOutput<typeof Reset>;
