/**
 * The receiving half of one stream: what arrived, what the consumer took, what is granted. The
 * grant is the window above what was taken, so the peer never has to keep more than a window.
 */
import { crc32, type Crc32 } from "../base/crc32.ts";
import type { DataBody } from "../protocol/bodies.ts";

export type Arrival =
  /** New bytes (possibly none) to hand on. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** Bytes before these have not come. */
  | { readonly kind: "gap" }
  /** More than was granted. */
  | { readonly kind: "over-credit" }
  /** Bytes after the end, or a second, different end. */
  | { readonly kind: "after-end" };

export interface Position {
  readonly rx: number;
  readonly ack: number;
  readonly max: number;
  readonly crc: number;
}

/** A new grant is worth a frame when this part of the window was taken. */
const CREDIT_FRACTION = 4;

export class ReceiveSide {
  readonly #crc32: Crc32;
  #received = 0;
  #taken = 0;
  #crc: number;
  #windowBytes: number;
  /** The highest offset that the peer was ever allowed. */
  #granted: number;
  /** What the peer was last told of `ack`. */
  #told = 0;
  #endOffset: number | null = null;

  /** `startCrc` is that of OPEN. */
  constructor(windowBytes: number, crc: Crc32 = crc32, startCrc = 0) {
    this.#crc = startCrc;
    this.#windowBytes = windowBytes;
    this.#granted = windowBytes;
    this.#crc32 = crc;
  }

  /** The peer's last byte was received and taken. */
  get finished(): boolean {
    return this.#endOffset !== null && this.#taken === this.#endOffset;
  }

  /** Bytes that arrived and that the consumer has not taken. */
  get heldBytes(): number {
    return this.#received - this.#taken;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** Contiguous positions received; the end counts as one. */
  get rx(): number {
    return this.#received + (this.#received === this.#endOffset ? 1 : 0);
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** Sets the window of a stream that the peer opened, or makes it larger. */
  open(windowBytes: number): void {
    this.#windowBytes = Math.max(this.#windowBytes, windowBytes);
    this.#granted = Math.max(this.#granted, this.#taken + this.#windowBytes);
  }

  /** Overlap with known bytes is trimmed; they are the same bytes sent again. */
  accept(data: Pick<DataBody, "offset" | "bytes">, fin: boolean): Arrival {
    const endOffset = data.offset + data.bytes.length;
    if (data.bytes.length > 0 && endOffset > this.#granted) return { kind: "over-credit" };
    if (data.offset > this.#received) return { kind: "gap" };
    const known = this.#endOffset;
    if (known !== null && (endOffset > known || (fin && endOffset !== known))) {
      return { kind: "after-end" };
    }
    if (fin && endOffset < this.#received) return { kind: "after-end" };
    const bytes = data.bytes.subarray(Math.min(data.bytes.length, this.#received - data.offset));
    this.#received += bytes.length;
    this.#crc = this.#crc32(bytes, this.#crc);
    if (fin) this.#endOffset = endOffset;
    return { kind: "bytes", bytes };
  }

  /** The consumer took `length` bytes. True when the peer should hear of it now. */
  taken(length: number): boolean {
    this.#taken += length;
    this.#granted = Math.max(this.#granted, this.#taken + this.#windowBytes);
    const { ack } = this.position;
    if (this.finished) return ack > this.#told;
    return this.#windowBytes > 0 && ack - this.#told >= this.#windowBytes / CREDIT_FRACTION;
  }

  get position(): Position {
    return {
      rx: this.rx,
      ack: this.#taken + (this.finished ? 1 : 0),
      max: this.#granted,
      crc: this.#crc,
    };
  }

  /** The same, noted as told to the peer. */
  tell(): Position {
    const { position } = this;
    this.#told = position.ack;
    return position;
  }
}
