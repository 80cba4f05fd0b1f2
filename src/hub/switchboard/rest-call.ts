/**
 * One question to a driver to come to rest, from its sending to the end of the link: the answer
 * alone is not enough, because a connection that is still there would be in the image.
 */
import type { Clock, TimerId } from "../../base/clock.ts";
import type { CheckpointReady } from "../../protocol/rest.ts";
import type { Quiesced } from "../session/quiesced.ts";

/** The driver has said its last word, and closes at once. */
const CLOSE_WAIT_MS = 1_000;

export class RestCall {
  readonly answer: Promise<Quiesced>;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #sinceMs: number;
  readonly #cut: () => void;
  #settle: ((how: Quiesced) => void) | null = null;
  #timer: TimerId;
  #told: CheckpointReady | null = null;

  constructor(options: {
    clock: Clock;
    id: string;
    waitMs: number;
    /** Ends the link of a driver that rests and does not close it. */
    cut: () => void;
  }) {
    this.#clock = options.clock;
    this.#id = options.id;
    this.#cut = options.cut;
    this.#sinceMs = options.clock.mono();
    this.answer = new Promise((resolve) => (this.#settle = resolve));
    this.#timer = this.#clock.setTimeout(() => {
      this.#end({ kind: "silent", tookMs: this.#tookMs });
    }, options.waitMs);
  }

  /** It rests: its link ends as it was asked to. */
  get answered(): boolean {
    return this.#told !== null;
  }

  ready(told: CheckpointReady): void {
    // The answer to an earlier question says nothing of this one.
    if (told.id !== this.#id || this.#settle === null || this.answered) return;
    this.#told = told;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#cut(), CLOSE_WAIT_MS);
  }

  /** The link ended. */
  closed(): void {
    const tookMs = this.#tookMs;
    if (this.#told === null) this.#end({ kind: "lost", tookMs });
    else {
      const { digest, streams, bytes, most } = this.#told;
      if (streams === 0) this.#end({ kind: "quiet", tookMs, digest });
      else this.#end({ kind: "late", tookMs, digest, streams, bytes, most });
    }
  }

  get #tookMs(): number {
    return Math.round(this.#clock.mono() - this.#sinceMs);
  }

  #end(how: Quiesced): void {
    this.#clock.clearTimeout(this.#timer);
    this.#settle?.(how);
    this.#settle = null;
  }
}
