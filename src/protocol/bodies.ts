/**
 * Bodies of the binary frames (DATA, CREDIT, CTL, RESET, PING) and the JSON codec of all others.
 * Offsets are absolute per stream and direction: u64 on the wire, at most 2^53 - 1 in use.
 */
import { FLAG_FIN, putU32, STREAM_HEADER_BYTES, takeU32 } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/** Made once: neither keeps anything from one call to the next. */
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export interface DataBody {
  /** Absolute offset of the first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** On the last DATA: how many CTLs come before the end; null on all others. */
  readonly ctlTx: number | null;
}

export interface CreditBody {
  /** Contiguous positions received: the bytes, and one more for their end. */
  readonly rx: number;
  /** Positions handed to the final consumer (`ack <= rx`); only these may be forgotten. */
  readonly ack: number;
  /** Highest offset that the sender may reach. */
  readonly max: number;
  /** Next CTL expected: all before it were taken. */
  readonly ctlRx: number;
}

/** What a receiver that misses something has: the sender goes back to it. */
export interface ResyncBody {
  readonly rx: number;
  readonly ctlRx: number;
}

/** What a sender that hears nothing believes to have sent. */
export interface ProbeBody {
  readonly tx: number;
  readonly ctlTx: number;
}

export interface PingBody {
  readonly n: number;
  /** Largest lateness of the sender's own timer since its last ping, in ms. */
  readonly loopLagMs: number;
}

export interface LinkAckBody {
  /** Bytes of whole DATA messages that were read, counted from the beginning of the link. */
  readonly total: number;
  /** After how many bytes this side wants to hear of its own; 0 from a peer that does not say. */
  readonly every: number;
}

/** What stands before the bytes of DATA: their offset, and on the last one the number of CTLs. */
export function encodeDataHead({ offset, ctlTx }: Omit<DataBody, "bytes">): Uint8Array {
  const head = new Uint8Array(ctlTx === null ? 8 : 12);
  putOffset(head, 0, offset);
  if (ctlTx !== null) putU32(head, 8, ctlTx);
  return head;
}

/**
 * Cuts a whole DATA frame into two that mean the same, the first with `bytes` of its bytes; a
 * relay does so for a link on which one frame would take long. Null when there is nothing to cut.
 * The second is written into `message`, over bytes that the first has: nothing is copied twice.
 */
export function cutData(
  message: Uint8Array,
  bytes: number,
): { readonly head: Uint8Array; readonly tail: Uint8Array } | null {
  const fin = ((message[1] ?? 0) & FLAG_FIN) !== 0;
  const payloadAt = STREAM_HEADER_BYTES + (fin ? 12 : 8);
  if (message.length <= payloadAt + bytes) return null;
  const offset = takeOffset(message, STREAM_HEADER_BYTES);
  const head = new Uint8Array(STREAM_HEADER_BYTES + 8 + bytes);
  head.set(message.subarray(0, STREAM_HEADER_BYTES + 8));
  head[1] = (head[1] ?? 0) & ~FLAG_FIN;
  head.set(message.subarray(payloadAt, payloadAt + bytes), STREAM_HEADER_BYTES + 8);
  message.copyWithin(bytes, 0, payloadAt);
  const tail = message.subarray(bytes);
  putOffset(tail, STREAM_HEADER_BYTES, offset + bytes);
  return { head, tail };
}

export function decodeData(body: Uint8Array, fin: boolean): DataBody {
  const offset = takeOffset(body, 0);
  if (!fin) return { offset, bytes: body.subarray(8), ctlTx: null };
  return { offset, bytes: body.subarray(12), ctlTx: takeCount(body, 8) };
}

export function encodeCredit(body: CreditBody): Uint8Array {
  const out = new Uint8Array(28);
  putOffset(out, 0, body.rx);
  putOffset(out, 8, body.ack);
  putOffset(out, 16, body.max);
  putU32(out, 24, body.ctlRx);
  return out;
}

export function decodeCredit(body: Uint8Array): CreditBody {
  const credit = {
    rx: takeOffset(body, 0),
    ack: takeOffset(body, 8),
    max: takeOffset(body, 16),
    ctlRx: takeCount(body, 24),
  };
  if (credit.ack > credit.rx) throw new ProtocolError("credit acknowledges more than was received");
  return credit;
}

/** RESYNC and PROBE: one position and one CTL number. */
export function encodeResync(body: ResyncBody): Uint8Array {
  return encodePosition(body.rx, body.ctlRx);
}

export function decodeResync(body: Uint8Array): ResyncBody {
  return { rx: takeOffset(body, 0), ctlRx: takeCount(body, 8) };
}

export function encodeProbe(body: ProbeBody): Uint8Array {
  return encodePosition(body.tx, body.ctlTx);
}

export function decodeProbe(body: Uint8Array): ProbeBody {
  return { tx: takeOffset(body, 0), ctlTx: takeCount(body, 8) };
}

/** CTL: its number in the stream, then JSON. */
export function encodeCtl(seq: number, json: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + json.length);
  putU32(out, 0, seq);
  out.set(json, 4);
  return out;
}

export function decodeCtl(body: Uint8Array): { seq: number; json: Uint8Array } {
  return { seq: takeCount(body, 0), json: body.subarray(4) };
}

export function encodePing(body: PingBody): Uint8Array {
  const out = new Uint8Array(8);
  putU32(out, 0, body.n);
  putU32(out, 4, Math.min(0xffffffff, Math.round(body.loopLagMs)));
  return out;
}

export function decodePing(body: Uint8Array): PingBody {
  if (body.length < 8) throw new ProtocolError("ping is shorter than 8 bytes");
  return { n: takeU32(body, 0), loopLagMs: takeU32(body, 4) };
}

export function encodeLinkAck({ total, every }: LinkAckBody): Uint8Array {
  return encodePosition(total, every);
}

export function decodeLinkAck(body: Uint8Array): LinkAckBody {
  return { total: takeOffset(body, 0), every: body.length < 12 ? 0 : takeU32(body, 8) };
}

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** @throws ProtocolError when the body is not one JSON object. */
export function decodeJson(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(body));
  } catch {
    throw new ProtocolError("body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError("body is not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** u64, big endian. Two halves: BigInt would cost an allocation a frame. */
export function putOffset(out: Uint8Array, at: number, offset: number): void {
  putU32(out, at, Math.floor(offset / 2 ** 32));
  putU32(out, at + 4, offset >>> 0);
}

/** @throws ProtocolError when it is not there or above 2^53 - 1. */
export function takeOffset(body: Uint8Array, at: number): number {
  if (body.length < at + 8) throw new ProtocolError("body is shorter than its offsets");
  const offset = takeU32(body, at) * 2 ** 32 + takeU32(body, at + 4);
  if (offset > OFFSET_MAX) throw new ProtocolError("offset is above 2^53 - 1");
  return offset;
}

function takeCount(body: Uint8Array, at: number): number {
  if (body.length < at + 4) throw new ProtocolError("body is shorter than its numbers");
  return takeU32(body, at);
}

function encodePosition(offset: number, count: number): Uint8Array {
  const out = new Uint8Array(12);
  putOffset(out, 0, offset);
  putU32(out, 8, count);
  return out;
}
