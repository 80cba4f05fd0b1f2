/** What stands around a channel: its side of the world, the link under it, how far it is. */
import type { Clock } from "../base/clock.ts";
import type { Crc32 } from "../base/crc32.ts";
import type { ResumeEntry } from "../protocol/resume.ts";
import type { OpenRequest, Requests, Reset } from "../protocol/services.ts";
import type { Egress } from "./egress.ts";
import type { Stream } from "./stream.ts";

export interface ChannelOptions {
  /** Clients open odd stream ids, drivers even ones. */
  readonly side: "client" | "driver";
  /** What the peer may open. */
  readonly requests: Requests;
  readonly clock: Clock;
  /** A faster one than the portable, where there is one. */
  readonly crc32?: Crc32;
  /** Streams that ended and are remembered; a channel that never resumes needs few. */
  readonly tombstonesMax?: number;
  /** The peer opened a stream: accept or reset it. */
  readonly onOpen: (request: OpenRequest, stream: Stream) => void;
  /** Why there is no memory for more than it has, or null; asked before it takes more. */
  readonly whyNoRoom?: () => string | null;
  /** Its memory is about to be kept elsewhere: what is written waits, and nothing is granted. */
  readonly isHushed?: () => boolean;
  /** The peer ended a stream of its own before its OPEN came, which was lost on the way. */
  readonly onMissed?: (id: number, reset: Reset) => void;
}

/** The link under a channel, for as long as it lasts. */
export interface ChannelLink {
  readonly route: number;
  /** Session epoch; its low 16 bits are on every frame. */
  readonly epoch: number;
  readonly egress: Egress;
}

/** How far one side of a channel is. */
export interface ChannelState {
  /** Highest stream id that it opened. */
  readonly opened: number;
  /** Highest stream id of the other side that it saw. */
  readonly seen: number;
  readonly entries: readonly ResumeEntry[];
}

/** The other side of a channel that has just been made. */
export const NEW_CHANNEL: ChannelState = { opened: 0, seen: 0, entries: [] };
