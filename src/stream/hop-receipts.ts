/**
 * The other end of a hop window: counts the bytes of DATA frames that this side has read from its
 * link, and says so. Not after each frame, and never so late that a sender with a small window
 * waits in vain: also not in a page whose timers the browser holds back for a minute. The sender
 * knows its window, so it says how often it wants to hear.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { decodeLinkAck, encodeLinkAck } from "../protocol/bodies.ts";
import { FrameType } from "../protocol/frame.ts";
import type { Egress } from "./egress.ts";
import { HOP_WINDOW_BYTES_MIN } from "./hop-window.ts";

/** Less than this is not told: well below the smallest window, and a keystroke costs no answer. */
const UNTOLD_BYTES_MAX = 4 * 1024;
/** Between that and what the sender wants to hear of at once more may come with it. */
const UNTOLD_MS_MAX = 2;

export class HopReceipts {
  readonly #clock: Clock;
  readonly #egress: Egress;
  readonly #send: (body: Uint8Array) => void;
  #total = 0;
  #told = 0;
  #every = HOP_WINDOW_BYTES_MIN;
  #timer: TimerId = null;

  /** Opens the hop window of `egress`, as `features` say; `send` takes bodies of LINK_ACK. */
  constructor(
    clock: Clock,
    egress: Egress,
    features: readonly string[],
    send: (body: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#egress = egress;
    this.#send = send;
    const isLarge = features.includes("large");
    egress.openHop(isLarge ? limits.DATA_BYTES_MAX : limits.DATA_BYTES_SMALL);
  }

  /** A message came, of whatever kind. */
  received(message: Uint8Array): void {
    if (message[0] !== FrameType.data) return;
    this.#total += message.length;
    this.#tell();
  }

  /** @throws ProtocolError when the body is none, or claims what was never sent. */
  acked(body: Uint8Array): void {
    const { total, every } = decodeLinkAck(body);
    this.#every = every || HOP_WINDOW_BYTES_MIN;
    if (this.#egress.hopAcked(total)) this.#say();
    else this.#tell();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tell(): void {
    const untold = this.#total - this.#told;
    if (untold >= this.#every) this.#say();
    else if (untold >= UNTOLD_BYTES_MAX) {
      this.#timer ??= this.#clock.setTimeout(() => this.#say(), UNTOLD_MS_MAX);
    }
  }

  #say(): void {
    this.stop();
    this.#told = this.#total;
    this.#send(encodeLinkAck({ total: this.#total, every: this.#egress.ackEvery }));
  }
}
