/**
 * The sending half of one stream: what was written and not taken yet, how far it was sent, the
 * limit that the peer granted, the end. What is kept never exceeds the grant by more than what the
 * writer was told to wait with, so the replay buffer is the flow-control window. Knows no frames
 * and no socket.
 *
 * Only the peer's own acknowledgement frees a byte: not a socket, not a hub, not a pong.
 */
import { crc32, type Crc32 } from "../base/crc32.ts";
import type { CreditBody, ResyncBody } from "../protocol/bodies.ts";
import type { ResumeEntry } from "../protocol/resume.ts";
import type { Reset } from "../protocol/services.ts";
import { ReplayLog } from "./replay-log.ts";

export interface Segment {
  /** Absolute offset of the first byte. */
  readonly offset: number;
  /** Views of what is kept, of this turn. */
  readonly parts: readonly Uint8Array[];
  /** Nothing follows. */
  readonly fin: boolean;
}

/** Whether a stream can go on where the peer stands. */
export type ResumeVerdict =
  | "resumed"
  /** The peer misses what was forgotten here, because it had taken it once. */
  | "gap"
  /** The peer has what was never sent in this timeline, or takes a grant back. */
  | "rolled-back"
  /** Equal positions, different bytes, or another OPEN under the same id. */
  | "diverged";

/** What is said when a stream cannot go on. */
export const RESUME_FAULTS = {
  gap: ["GAP", "the peer misses bytes that it had taken before and are gone"],
  "rolled-back": ["ROLLED_BACK", "the peer is in an older state than was seen of it"],
  diverged: ["DIVERGED", "the peer has other bytes at the same positions"],
} as const satisfies Record<Exclude<ResumeVerdict, "resumed">, readonly [Reset["code"], string]>;

export class SendSide {
  readonly #log: ReplayLog;
  #maxOffset: number;
  /** The next position to send. One behind the last byte when the end was sent, too. */
  #cursor = 0;
  /** The highest position that was ever sent. */
  #sent = 0;
  /** The peer's consumer has taken everything below this. */
  #acked = 0;
  #ended = false;

  /** `grantedBytes` is what the peer allows before its first CREDIT; `startCrc` that of OPEN. */
  constructor(grantedBytes: number, crc: Crc32 = crc32, startCrc = 0) {
    this.#maxOffset = grantedBytes;
    this.#log = new ReplayLog(crc, startCrc);
  }

  /** The next position to send. */
  get tx(): number {
    return this.#cursor;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get finConsumed(): boolean {
    return this.#ended && this.#acked === this.#log.endOffset + 1;
  }

  /** Bytes that the peer has taken. */
  get takenBytes(): number {
    return this.#log.baseOffset;
  }

  /** Bytes written and not sent (again) yet. */
  get waitingBytes(): number {
    return Math.max(0, this.#log.endOffset - this.#cursor);
  }

  /** Bytes that the peer has not taken. */
  get keptBytes(): number {
    return this.#log.endOffset - this.#log.baseOffset;
  }

  /** Something was sent of which the peer has not said that it took it. */
  get unacked(): boolean {
    return this.#sent > this.#acked;
  }

  /** True when `take` has something to give. */
  get ready(): boolean {
    if (this.waitingBytes > 0) return this.#cursor < this.#maxOffset;
    return this.#ended && this.#cursor === this.#log.endOffset;
  }

  push(bytes: Uint8Array): void {
    if (!this.#ended) this.#log.append(bytes);
  }

  end(): void {
    this.#ended = true;
  }

  /** Forgets what was never sent: its reader is gone. */
  discard(): void {
    if (this.#sent < this.#log.endOffset) this.#log.truncate(this.#sent);
  }

  /** The next bytes within credit, at most so many; null when there are none. */
  take(lengthMax = Infinity): Segment | null {
    if (!this.ready) return null;
    const offset = this.#cursor;
    const granted = Math.max(0, this.#maxOffset - offset);
    const parts = this.#log.views(offset, Math.min(lengthMax, granted));
    const end = parts.reduce((at, part) => at + part.length, offset);
    const fin = this.#ended && end === this.#log.endOffset;
    this.#cursor = end + (fin ? 1 : 0);
    this.#sent = Math.max(this.#sent, this.#cursor);
    return { offset, parts, fin };
  }

  /** First grant of an accepted stream. */
  grant(maxOffset: number): void {
    this.#maxOffset = Math.max(this.#maxOffset, maxOffset);
  }

  /**
   * False when the peer has what was never sent. Numbers that are lower than known ones are of an
   * older frame and change nothing.
   */
  credit(credit: Pick<CreditBody, "rx" | "ack" | "max">): boolean {
    if (credit.rx > this.#sent) return false;
    this.#maxOffset = Math.max(this.#maxOffset, credit.max);
    if (credit.ack <= this.#acked) return true;
    this.#acked = credit.ack;
    this.#cursor = Math.max(this.#cursor, credit.ack);
    this.#log.drop(Math.min(credit.ack, this.#log.endOffset));
    return true;
  }

  /** The peer misses what was sent from here on. */
  rewind({ rx }: Pick<ResyncBody, "rx">): void {
    if (rx >= this.#acked && rx < this.#cursor) this.#cursor = rx;
  }

  /** What the peer's entry means for this half, before anything of it is believed. */
  judge(peer: Pick<ResumeEntry, "rx" | "max" | "crc">): ResumeVerdict {
    const { baseOffset, endOffset } = this.#log;
    if (peer.rx > this.#sent || peer.max < this.#maxOffset) return "rolled-back";
    if (peer.rx < this.#acked) return "gap";
    const bytes = Math.min(peer.rx, endOffset);
    if (bytes < baseOffset) return "gap";
    return this.#log.crcAt(bytes) === peer.crc ? "resumed" : "diverged";
  }

  /** Goes on where the peer stands; only after `judge` said so. */
  resume(peer: Pick<ResumeEntry, "rx" | "ack" | "max">): void {
    this.credit(peer);
    this.#cursor = peer.rx;
  }
}
