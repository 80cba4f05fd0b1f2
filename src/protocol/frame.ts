/**
 * The binary unit on the wire: one frame per WebSocket message. The only file that knows an
 * offset. Pure and browser-safe: Uint8Array and DataView, no Buffer.
 *
 *   0        1        2        4              8              12
 *   +--------+--------+--------+--------------+--------------+------
 *   | type   | flags  | epoch  | route (u32)  | stream (u32) | body…    stream only if type >= 0x20
 *   +--------+--------+--------+--------------+--------------+------
 *
 * Big endian. `type` bit 7 marks a type that an older peer may skip. Undefined flag bits must be
 * zero. `epoch` is the low 16 bits of the session epoch under which the route was attached; link
 * frames carry 0. `route` is a link-local handle that the hub rewrites in place when it relays;
 * 0 means the link itself.
 */
import { ProtocolError } from "./protocol-error.ts";

export const FrameType = {
  hello: 0x01,
  welcome: 0x02,
  ping: 0x03,
  pong: 0x04,
  /** With the feature `hop`: how many bytes of DATA frames this side has read from the link. */
  linkAck: 0x05,
  goAway: 0x06,
  error: 0x07,
  epochConfirm: 0x08,
  /** Driver to hub: what runs for people. An older hub may skip it. */
  jobs: 0x89,
  attach: 0x10,
  attached: 0x11,
  detach: 0x12,
  peerState: 0x13,
  /** With the feature `checkpoint`: hub to driver, and its answer. */
  prepareCheckpoint: 0x14,
  checkpointReady: 0x15,
  open: 0x20,
  openOk: 0x21,
  data: 0x22,
  credit: 0x23,
  ctl: 0x24,
  reset: 0x25,
  resync: 0x27,
  probe: 0x28,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Flag bit 0 on DATA: the sender's last byte; nothing follows. */
export const FLAG_FIN = 0x01;

const LINK_HEADER_BYTES = 8;
export const STREAM_HEADER_BYTES = 12;
const FIRST_STREAM_TYPE = 0x20;
const IGNORABLE_BIT = 0x80;
/** Bodies of pings, credits and probes, and no more. */
const COPIED_BYTES_MAX = 28;

export interface Frame {
  readonly type: FrameType;
  readonly flags: number;
  readonly epoch: number;
  readonly route: number;
  /** 0 for link frames. */
  readonly stream: number;
  /** Often a view into the received message: copy it before keeping it past the current turn. */
  readonly body: Uint8Array;
}

const KNOWN_TYPES = new Set<number>(Object.values(FrameType));

export function encodeFrame(frame: {
  type: FrameType;
  flags?: number;
  epoch?: number;
  route?: number;
  stream?: number;
  /** Also in parts, so that large ones are copied once. */
  body?: Uint8Array | readonly Uint8Array[];
}): Uint8Array<ArrayBuffer> {
  const headerBytes = headerLength(frame.type);
  const { body = EMPTY } = frame;
  const parts = body instanceof Uint8Array ? [body] : body;
  const out = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, headerBytes));
  const epoch = frame.epoch ?? 0;
  out[0] = frame.type;
  out[1] = frame.flags ?? 0;
  out[2] = epoch >>> 8;
  out[3] = epoch;
  putU32(out, 4, frame.route ?? 0);
  if (headerBytes === STREAM_HEADER_BYTES) putU32(out, 8, frame.stream ?? 0);
  let at = headerBytes;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Reads one message. Returns null for an unknown type that is marked ignorable.
 * @throws ProtocolError for anything that is not a frame.
 */
export function decodeFrame(message: Uint8Array): Frame | null {
  if (message.length < LINK_HEADER_BYTES) {
    throw new ProtocolError(`frame of ${message.length} bytes is shorter than its header`);
  }
  const type = message[0] ?? 0;
  if (!KNOWN_TYPES.has(type)) {
    if ((type & IGNORABLE_BIT) !== 0) return null;
    throw new ProtocolError(`unknown frame type 0x${type.toString(16)}`);
  }
  const flags = message[1] ?? 0;
  if ((flags & ~(type === FrameType.data ? FLAG_FIN : 0)) !== 0) {
    throw new ProtocolError(`undefined flag bits 0x${flags.toString(16)} on type ${type}`);
  }
  const headerBytes = headerLength(type);
  if (message.length < headerBytes) throw new ProtocolError("stream frame without a stream id");
  return {
    type: type as FrameType,
    flags,
    epoch: takeU32(message, 0) & 0xffff,
    route: takeU32(message, 4),
    stream: headerBytes === STREAM_HEADER_BYTES ? takeU32(message, 8) : 0,
    body: bodyOf(message, headerBytes),
  };
}

/**
 * Engines keep small arrays inside their heap for as long as nobody asks for their buffer, which a
 * view does: of few bytes a copy is much cheaper than a view.
 */
function bodyOf(message: Uint8Array, from: number): Uint8Array {
  const bytes = message.length - from;
  if (bytes === 0) return EMPTY;
  if (bytes > COPIED_BYTES_MAX) return message.subarray(from);
  const body = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at++) body[at] = message[from + at] ?? 0;
  return body;
}

/** Frames of streams: what a relay passes on without a look inside. */
export function isStreamFrame(type: FrameType): boolean {
  return (type & ~IGNORABLE_BIT) >= FIRST_STREAM_TYPE;
}

/** Points a frame at another route without copying it: what a relay does per frame. */
export function rewriteRoute(message: Uint8Array, route: number): void {
  putU32(message, 4, route);
}

/** Bytes are set one by one: a DataView for each frame costs more than the frame. */
export function putU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** The caller has seen that the four bytes are there. */
export function takeU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return high * 0x10000 + low;
}

function headerLength(type: number): number {
  return (type & ~IGNORABLE_BIT) >= FIRST_STREAM_TYPE ? STREAM_HEADER_BYTES : LINK_HEADER_BYTES;
}

const EMPTY = new Uint8Array(0);
