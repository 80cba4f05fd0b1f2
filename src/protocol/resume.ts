/**
 * What both ends of a channel tell each other when it is attached to a new link: a JSON head and,
 * for each stream that is not over, 48 bytes of positions.
 *
 *   u16 length of the JSON | JSON | u16 count | count entries
 *
 *   u32 stream | u16 flags (1: OPEN was answered) | u16 0
 *   u64 rx     contiguous positions received       u64 ack   of these taken by the consumer
 *   u64 max    highest offset ever granted         u32 crc   CRC-32, see below
 *   u32 ctlRx  next CTL expected                   u64 tx    next position to send (for people)
 *
 * The CRC is that of the body of OPEN and of the bytes received after it.
 * The end of a direction counts as one position after its last byte, as FIN does in TCP; so one
 * number says what was received, the end included.
 */
import { limits } from "../base/limits.ts";
import { putOffset, takeOffset } from "./bodies.ts";
import { ProtocolError } from "./protocol-error.ts";

export interface ResumeEntry {
  readonly stream: number;
  /** The opener has the answer to its OPEN (or: this side, which did not open it, gave it). */
  readonly answered: boolean;
  readonly rx: number;
  readonly ack: number;
  readonly max: number;
  readonly crc: number;
  readonly ctlRx: number;
  readonly tx: number;
}

const ENTRY_BYTES = 48;
const FLAG_ANSWERED = 1;
/** A body that begins with `{` has no length: a JSON that long is above every limit. */
const PLAIN_JSON = 0x7b;

/** Joins the JSON head and the vector to the body of ATTACH or ATTACHED. */
export function joinAttach(json: Uint8Array, vector: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 + json.length + vector.length);
  new DataView(out.buffer).setUint16(0, json.length);
  out.set(json, 2);
  out.set(vector, 2 + json.length);
  return out;
}

/**
 * A body without a vector may be JSON alone: such a peer attaches and does not resume.
 * @throws ProtocolError
 */
export function splitAttach(body: Uint8Array): { json: Uint8Array; vector: Uint8Array } {
  if (body[0] === PLAIN_JSON) return { json: body, vector: EMPTY };
  if (body.length < 2) throw new ProtocolError("attach without a length");
  const length = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint16(0);
  if (length > limits.CONTROL_BYTES_MAX || body.length < 2 + length) {
    throw new ProtocolError("attach is shorter than it says");
  }
  return { json: body.subarray(2, 2 + length), vector: body.subarray(2 + length) };
}

export function encodeVector(entries: readonly ResumeEntry[]): Uint8Array {
  const out = new Uint8Array(2 + entries.length * ENTRY_BYTES);
  const view = new DataView(out.buffer);
  view.setUint16(0, entries.length);
  entries.forEach((entry, index) => {
    const at = 2 + index * ENTRY_BYTES;
    view.setUint32(at, entry.stream);
    view.setUint16(at + 4, entry.answered ? FLAG_ANSWERED : 0);
    putOffset(out, at + 8, entry.rx);
    putOffset(out, at + 16, entry.ack);
    putOffset(out, at + 24, entry.max);
    view.setUint32(at + 32, entry.crc);
    view.setUint32(at + 36, entry.ctlRx);
    putOffset(out, at + 40, entry.tx);
  });
  return out;
}

/** @throws ProtocolError for anything that is no vector of a possible channel. */
export function decodeVector(bytes: Uint8Array): ResumeEntry[] {
  if (bytes.length === 0) return [];
  if (bytes.length < 2) throw new ProtocolError("resume vector without a count");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(0);
  if (count > limits.STREAMS_PER_CHANNEL_MAX) {
    throw new ProtocolError(`resume vector of ${count} streams`);
  }
  if (bytes.length !== 2 + count * ENTRY_BYTES) {
    throw new ProtocolError(`resume vector of ${count} streams has ${bytes.length} bytes`);
  }
  const seen = new Set<number>();
  const entries: ResumeEntry[] = [];
  for (let at = 2; at < bytes.length; at += ENTRY_BYTES) {
    const stream = view.getUint32(at);
    const flags = view.getUint16(at + 4);
    if (stream === 0 || seen.has(stream)) throw new ProtocolError(`stream ${stream} comes twice`);
    if ((flags & ~FLAG_ANSWERED) !== 0 || view.getUint16(at + 6) !== 0) {
      throw new ProtocolError("undefined bits in the resume vector");
    }
    seen.add(stream);
    const entry = {
      stream,
      answered: flags === FLAG_ANSWERED,
      rx: takeOffset(bytes, at + 8),
      ack: takeOffset(bytes, at + 16),
      max: takeOffset(bytes, at + 24),
      crc: view.getUint32(at + 32),
      ctlRx: view.getUint32(at + 36),
      tx: takeOffset(bytes, at + 40),
    };
    if (entry.ack > entry.rx) throw new ProtocolError("resume vector takes more than it received");
    entries.push(entry);
  }
  return entries;
}

const EMPTY = new Uint8Array(0);
