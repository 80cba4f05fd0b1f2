/** What stands around a stream: how it ends, whom it tells, what it needs of its channel. */
import type { Clock } from "../base/clock.ts";
import type { Crc32 } from "../base/crc32.ts";
import type { FrameType } from "../protocol/frame.ts";
import type { Ctl, OpenOk, Reset } from "../protocol/services.ts";
import type { DataSource } from "./egress.ts";
import type { Segment } from "./send-side.ts";
import type { Stream } from "./stream.ts";

export type StreamEnd =
  /** Both directions ended and were consumed. */
  | { readonly kind: "finished" }
  | { readonly kind: "reset"; readonly by: "peer" | "self"; readonly reset: Reset };

export interface StreamEvents {
  /** The peer accepted; only for streams that this side opened. */
  readonly onOpen?: (ok: OpenOk) => void;
  /** A promise holds back the next chunk and, in the end, the peer's source. */
  readonly onBytes?: (bytes: Uint8Array) => void | Promise<void>;
  /** The peer's last byte was taken. */
  readonly onEnd?: () => void;
  readonly onCtl?: (ctl: Ctl) => void;
  readonly onClosed?: (end: StreamEnd) => void;
}

/** What a stream needs of its channel. Without a link nothing is sent: `bound` catches up. */
export interface StreamPort {
  isLinked(): boolean;
  /** The channel is at rest: nothing more is written and nothing granted. */
  isHushed(): boolean;
  send(stream: number, type: FrameType, body: Uint8Array): void;
  /** Makes a DATA frame: its bytes are copied once, here. `ctlTx` as in its body. */
  data(stream: number, segment: Segment, ctlTx: number | null): Uint8Array;
  ready(source: DataSource): void;
  /** Asks for room for a larger window. */
  grow(bytes: number): boolean;
  closed(stream: Stream, end: StreamEnd): void;
}

export interface StreamOptions {
  readonly id: number;
  readonly sendBytes: number;
  readonly receiveBytes: number;
  readonly crc32: Crc32;
  readonly clock: Clock;
  /**
   * The body of its OPEN. Every CRC begins with it: an id that a restored peer gave out again is
   * of another stream, although neither has a byte yet.
   */
  readonly open: Uint8Array;
  /** Unless the peer is older than that. */
  readonly crcOfOpen: boolean;
  /** This side opens it. Of a stream of the peer nothing is handed on before `accept`. */
  readonly own: boolean;
}
