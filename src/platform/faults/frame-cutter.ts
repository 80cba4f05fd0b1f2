/**
 * Lets one WebSocket's answer pass up to a number of its bytes, then ends it between two frames, as
 * a daemon does that gives up: with a close frame, or without a word. Knows nothing of drills.
 */
import { Transform } from "node:stream";
import type { TransformCallback } from "node:stream";

export interface Cut {
  /** Bytes of binary frames that still pass. */
  afterBytes: number;
  /** The close frame's code and reason; null ends the connection without one. */
  close: { code: number; reason: string } | null;
}

type Phase = "head" | "frames" | "over";

const BINARY = 2;
const CONTINUATION = 0;
const headEnd = Buffer.from("\r\n\r\n");

export class FrameCutter extends Transform {
  readonly #cut: Cut;
  #phase: Phase = "head";
  #waiting: Buffer = Buffer.alloc(0);
  #passedBytes = 0;

  constructor(cut: Cut) {
    super();
    this.#cut = cut;
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#phase !== "over") {
      this.#waiting = Buffer.concat([this.#waiting, piece]);
      if (this.#phase === "head") this.#passHead();
      if (this.#phase === "frames") this.#passFrames();
    }
    done();
  }

  #passHead(): void {
    const end = this.#waiting.indexOf(headEnd);
    if (end < 0) return;
    this.#pass(end + headEnd.length);
    this.#phase = "frames";
  }

  #passFrames(): void {
    for (;;) {
      const frame = frameAt(this.#waiting);
      if (frame === undefined) return;
      const counts = frame.opcode === BINARY || frame.opcode === CONTINUATION;
      if (counts && this.#passedBytes + frame.bytes > this.#cut.afterBytes) {
        this.#giveUp();
        return;
      }
      if (counts) this.#passedBytes += frame.bytes;
      this.#pass(frame.bytes);
    }
  }

  #giveUp(): void {
    this.#phase = "over";
    this.#waiting = Buffer.alloc(0);
    const { close } = this.#cut;
    if (close !== null) this.push(closeFrame(close.code, close.reason));
    this.push(null);
  }

  #pass(bytes: number): void {
    this.push(this.#waiting.subarray(0, bytes));
    this.#waiting = this.#waiting.subarray(bytes);
  }
}

/** The first whole frame of a server, which masks nothing; undefined while a part is missing. */
function frameAt(bytes: Buffer): { opcode: number; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < headBytes) return undefined;
  const payload =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const whole = headBytes + payload;
  return bytes.length < whole ? undefined : { opcode: bytes.readUInt8(0) & 0x0f, bytes: whole };
}

function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const frame = Buffer.alloc(4 + text.length);
  frame.writeUInt8(0x88, 0);
  frame.writeUInt8(2 + text.length, 1);
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}
