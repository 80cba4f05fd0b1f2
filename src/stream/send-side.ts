/**
 * The sending half of one stream: bytes that wait, the offset that was reached, the limit that
 * the peer granted, the last byte. Knows no frames and no socket.
 */
import type { CreditBody } from "../protocol/bodies.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";

export interface Segment {
  /** Absolute offset of the first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Nothing follows. */
  readonly fin: boolean;
}

export class SendSide {
  /** Offset of the next byte to send. */
  nextOffset = 0;
  /** The peer's consumer has taken everything below this. */
  ackedOffset = 0;
  /** Bytes pushed and not sent yet. */
  waitingBytes = 0;
  #maxOffset: number;
  #receivedOffset = 0;
  #waiting: Uint8Array[] = [];
  #end: "open" | "ending" | "sent" | "consumed" = "open";

  /** `grantedBytes` is what the peer allows before its first CREDIT. */
  constructor(grantedBytes: number) {
    this.#maxOffset = grantedBytes;
  }

  get ended(): boolean {
    return this.#end !== "open";
  }

  /** The last byte left this side, all bytes before it too. */
  get finSent(): boolean {
    return this.#end === "sent" || this.#end === "consumed";
  }

  get finConsumed(): boolean {
    return this.#end === "consumed";
  }

  /** True when `take` has something to give. */
  get ready(): boolean {
    if (this.waitingBytes > 0) return this.nextOffset < this.#maxOffset;
    return this.#end === "ending";
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.ended) return;
    this.#waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }

  end(): void {
    if (this.#end === "open") this.#end = "ending";
  }

  /** Forgets what waits: its reader is gone. */
  discard(): void {
    this.#waiting = [];
    this.waitingBytes = 0;
  }

  /** The next bytes within credit, gathered from small writes; null when there are none. */
  take(bytesMax: number): Segment | null {
    if (!this.ready) return null;
    const length = Math.min(bytesMax, this.waitingBytes, this.#maxOffset - this.nextOffset);
    const bytes = this.#gather(length);
    const segment = { offset: this.nextOffset, bytes, fin: false };
    this.nextOffset += length;
    if (this.waitingBytes > 0 || this.#end !== "ending") return segment;
    this.#end = "sent";
    return { ...segment, fin: true };
  }

  /** First grant of an accepted stream. It counts only when it is more than what is known. */
  grant(maxOffset: number): void {
    this.#maxOffset = Math.max(this.#maxOffset, maxOffset);
  }

  /** @throws ProtocolError when the peer takes something back or claims what was never sent. */
  credit(credit: CreditBody, fin: boolean): void {
    if (credit.rx > this.nextOffset) throw new ProtocolError("credit for bytes never sent");
    const backwards =
      credit.rx < this.#receivedOffset ||
      credit.ack < this.ackedOffset ||
      credit.max < this.#maxOffset;
    if (backwards) throw new ProtocolError("credit went backwards");
    if (fin && !this.finSent) throw new ProtocolError("end consumed before it was sent");
    this.#receivedOffset = credit.rx;
    this.ackedOffset = credit.ack;
    this.#maxOffset = credit.max;
    if (fin) this.#end = "consumed";
  }

  #gather(length: number): Uint8Array {
    const [first] = this.#waiting;
    this.waitingBytes -= length;
    if (first !== undefined && first.length === length) {
      this.#waiting.shift();
      return first;
    }
    if (first !== undefined && first.length > length) {
      this.#waiting[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    const out = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    for (const chunk of this.#waiting) {
      if (filled === length) break;
      const part = chunk.subarray(0, length - filled);
      out.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used += 1;
      else this.#waiting[used] = chunk.subarray(part.length);
    }
    this.#waiting.splice(0, used);
    return out;
  }
}
