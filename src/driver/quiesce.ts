/**
 * How a driver comes to rest before its memory is kept elsewhere: what runs is not read from, what
 * clients send is not taken and stays with them, what they have not taken is waited for, and then
 * the link ends, so that no connection is part of the image. Lives as long as one link; the rest
 * after that is the redial's. Moves no byte itself.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { parseControl } from "../protocol/control.ts";
import { FrameType } from "../protocol/frame.ts";
import { PrepareCheckpoint, REST_WAIT_MS, type CheckpointReady } from "../protocol/rest.ts";
import type { ChannelTable } from "./channel-table.ts";

/** A peer says what it took when it is asked; until then that may be a window behind. */
const ASK_EVERY_MS = 100;
/** Streams that are told one by one when they did not come to rest. */
const TOLD_MAX = 8;
/** What a client may begin anew on the next link, and is not begun here any more. */
const BEGINS = new Set<FrameType>([
  FrameType.attach,
  FrameType.open,
  FrameType.data,
  FrameType.ctl,
]);

export interface QuiesceOptions {
  readonly clock: Clock;
  readonly channels: Pick<ChannelTable, "hush" | "unquiet" | "digest">;
  /** All that can be at rest is: the last word of this link, which then ends. */
  readonly ready: (told: CheckpointReady) => void;
}

type Phase =
  | { readonly name: "open" }
  | { readonly name: "waiting"; readonly id: string; readonly deadlineMs: number; timer: TimerId };

export class Quiesce {
  readonly #options: QuiesceOptions;
  #phase: Phase = { name: "open" };

  constructor(options: QuiesceOptions) {
    this.#options = options;
  }

  /** Whether a frame of this type is left to its sender, who sends it again on the next link. */
  leaves(type: FrameType): boolean {
    return this.#phase.name === "waiting" && BEGINS.has(type);
  }

  /** The hub asks. Who asks again is answered, and not who asked before. */
  prepare(body: Uint8Array): void {
    const { id, deadlineMs } = parseControl(PrepareCheckpoint, body);
    const { clock, channels } = this.#options;
    this.stop();
    const waitMs = Math.min(deadlineMs, REST_WAIT_MS);
    this.#phase = { name: "waiting", id, deadlineMs: clock.mono() + waitMs, timer: null };
    channels.hush(true);
    this.#ask();
  }

  /** Something came: it may have been the last word that was waited for. */
  look(): void {
    if (this.#phase.name !== "waiting") return;
    const unquiet = this.#options.channels.unquiet();
    const late = this.#options.clock.mono() >= this.#phase.deadlineMs;
    if (unquiet.length > 0 && !late) return;
    const { id } = this.#phase;
    this.stop();
    const digest = this.#options.channels.digest();
    if (unquiet.length === 0) {
      this.#options.ready({ id, digest, streams: 0, bytes: 0, most: [] });
      return;
    }
    const all = unquiet.map(({ channelId, stream }) => {
      return { channelId, stream: stream.id, bytes: stream.keptBytes };
    });
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
    const most = all.sort((a, b) => b.bytes - a.bytes).slice(0, TOLD_MAX);
    this.#options.ready({ id, digest, streams: all.length, bytes, most });
  }

  /** The link ended, or the answer is given. */
  stop(): void {
    if (this.#phase.name === "waiting") this.#options.clock.clearTimeout(this.#phase.timer);
    this.#phase = { name: "open" };
  }

  #ask(): void {
    this.look();
    if (this.#phase.name !== "waiting") return;
    for (const { stream } of this.#options.channels.unquiet()) stream.probe(true);
    const { clock } = this.#options;
    const waitMs = Math.min(ASK_EVERY_MS, this.#phase.deadlineMs - clock.mono());
    this.#phase.timer = clock.setTimeout(() => this.#ask(), waitMs);
  }
}
