/**
 * Bodies of the binary frames (DATA, CREDIT, CTL, RESET, PING) and the JSON codec of all others.
 * Offsets are absolute per stream and direction: u64 on the wire, at most 2^53 - 1 in use.
 */
import { putU32, takeU32 } from "./frame.ts";
import { ProtocolError } from "./protocol-error.ts";

const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

export interface DataBody {
  /** Absolute offset of the first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface CreditBody {
  /** Contiguous bytes received. */
  readonly rx: number;
  /** Bytes handed to the final consumer (`ack <= rx`); only these may be forgotten. */
  readonly ack: number;
  /** Highest offset that the sender may reach. */
  readonly max: number;
}

export interface PingBody {
  readonly n: number;
  /** Largest lateness of the sender's own timer since its last ping, in ms. */
  readonly loopLagMs: number;
}

export function encodeData(body: DataBody): Uint8Array {
  const out = new Uint8Array(8 + body.bytes.length);
  putOffset(out, 0, body.offset);
  out.set(body.bytes, 8);
  return out;
}

export function decodeData(body: Uint8Array): DataBody {
  return { offset: takeOffset(body, 0), bytes: body.subarray(8) };
}

export function encodeCredit(body: CreditBody): Uint8Array {
  const out = new Uint8Array(24);
  putOffset(out, 0, body.rx);
  putOffset(out, 8, body.ack);
  putOffset(out, 16, body.max);
  return out;
}

export function decodeCredit(body: Uint8Array): CreditBody {
  const credit = {
    rx: takeOffset(body, 0),
    ack: takeOffset(body, 8),
    max: takeOffset(body, 16),
  };
  if (credit.ack > credit.rx) throw new ProtocolError("credit acknowledges more than was received");
  return credit;
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

export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** @throws ProtocolError when the body is not one JSON object. */
export function decodeJson(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ProtocolError("body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError("body is not a JSON object");
  }
  return value as Record<string, unknown>;
}

function putOffset(out: Uint8Array, at: number, offset: number): void {
  new DataView(out.buffer, out.byteOffset).setBigUint64(at, BigInt(offset));
}

function takeOffset(body: Uint8Array, at: number): number {
  if (body.length < at + 8) throw new ProtocolError("body is shorter than its offsets");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const offset = view.getBigUint64(at);
  if (offset > BigInt(OFFSET_MAX)) throw new ProtocolError("offset is above 2^53 - 1");
  return Number(offset);
}
