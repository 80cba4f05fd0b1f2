/**
 * The receiving half of one stream: what arrived, what the consumer took, what is granted. The
 * grant is the window above what was taken, so the peer never has to keep more than a window.
 */
import type { CreditBody, DataBody } from "../protocol/bodies.ts";

export type Arrival =
  /** New bytes (possibly none) to hand on. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Bytes before these never came. */
  | { readonly kind: "gap" }
  /** More than was granted. */
  | { readonly kind: "over-credit" }
  /** Bytes after the end, or a second, different end. */
  | { readonly kind: "after-end" };

/** A new grant is worth a frame when this part of the window was taken. */
const CREDIT_FRACTION = 4;

export class ReceiveSide {
  /** Contiguous bytes received. */
  receivedOffset = 0;
  /** Bytes taken by the consumer. */
  takenOffset = 0;
  #windowBytes: number;
  #creditedOffset = 0;
  #endOffset: number | null = null;
  #endTold = false;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** The peer's last byte was received and taken. */
  get finished(): boolean {
    return this.#endOffset !== null && this.takenOffset === this.#endOffset;
  }

  /** Sets the window of a stream that the peer opened, before anything was received. */
  open(windowBytes: number): void {
    this.#windowBytes = windowBytes;
  }

  /** Overlap with known bytes is trimmed; they are the same bytes sent again. */
  accept(data: DataBody, fin: boolean): Arrival {
    const endOffset = data.offset + data.bytes.length;
    if (data.bytes.length > 0 && endOffset > this.#creditedOffset + this.#windowBytes) {
      return { kind: "over-credit" };
    }
    if (data.offset > this.receivedOffset) return { kind: "gap" };
    const known = this.#endOffset;
    if (known !== null && (endOffset > known || (fin && endOffset !== known))) {
      return { kind: "after-end" };
    }
    const bytes = data.bytes.subarray(
      Math.min(data.bytes.length, this.receivedOffset - data.offset),
    );
    this.receivedOffset += bytes.length;
    if (fin) this.#endOffset = endOffset;
    return { kind: "bytes", bytes };
  }

  /** The consumer took `length` bytes. Returns the credit to send, or null when it can wait. */
  taken(length: number): { credit: CreditBody; fin: boolean } | null {
    this.takenOffset += length;
    const due = this.takenOffset - this.#creditedOffset >= this.#windowBytes / CREDIT_FRACTION;
    const fin = this.finished;
    if ((!due || this.#windowBytes === 0) && (!fin || this.#endTold)) return null;
    this.#creditedOffset = this.takenOffset;
    this.#endTold = fin;
    const max = this.takenOffset + this.#windowBytes;
    return { credit: { rx: this.receivedOffset, ack: this.takenOffset, max }, fin };
  }
}
