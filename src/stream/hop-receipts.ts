/**
 * The other end of a hop window: counts the bytes of DATA frames that this side has read from its
 * link, and says so. Not after each frame, and never so late that a sender with the smallest
 * window waits in vain: also not in a page whose timers the browser holds back for a minute.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { FrameType } from "../protocol/frame.ts";
import { HOP_WINDOW_BYTES_MIN } from "./hop-window.ts";

/** Less than this is not told: well below the smallest window, and a keystroke costs no answer. */
const UNTOLD_BYTES_MAX = 4 * 1024;
/** Between that and a window more may come with it. */
const UNTOLD_MS_MAX = 2;

export class HopReceipts {
  readonly #clock: Clock;
  readonly #tell: (total: number) => void;
  #total = 0;
  #told = 0;
  #timer: TimerId = null;

  constructor(clock: Clock, tell: (total: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** A message came, of whatever kind. */
  received(message: Uint8Array): void {
    if (message[0] !== FrameType.data) return;
    this.#total += message.length;
    const untold = this.#total - this.#told;
    if (untold >= HOP_WINDOW_BYTES_MIN) this.#say();
    else if (untold >= UNTOLD_BYTES_MAX) {
      this.#timer ??= this.#clock.setTimeout(() => this.#say(), UNTOLD_MS_MAX);
    }
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #say(): void {
    this.stop();
    this.#told = this.#total;
    this.#tell(this.#total);
  }
}
