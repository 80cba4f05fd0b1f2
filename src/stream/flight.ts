/**
 * What was sent and not acknowledged yet, in the order of sending. Keystrokes are acknowledged by
 * the hundred, so small frames that follow each other are one entry, as of the newest: ten thousand
 * terminals would else keep more of what they said than of what they are.
 */
const TOGETHER_BYTES = 1024;

export interface Sent {
  /** Count of bytes up to its end. */
  readonly end: number;
  readonly atMs: number;
  /** What was acknowledged when it was sent, when that was, and when that had been sent. */
  readonly acked: number;
  readonly ackedAtMs: number;
  readonly ackedSentAtMs: number;
  /** The window was full, so the line and not the writer set the pace. */
  readonly full: boolean;
  /** The line was nearly empty. */
  readonly alone: boolean;
}

interface Entry {
  /** Count of bytes before its first frame. */
  readonly begin: number;
  readonly sent: Sent;
}

export class Flight {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(sent: Sent, bytes: number): void {
    let begin = sent.end - bytes;
    const last = this.#entries.at(-1);
    if (last !== undefined && sent.end - last.begin <= TOGETHER_BYTES) {
      ({ begin } = last);
      this.#entries.pop();
    }
    this.#entries.push({ begin, sent });
  }

  /** Forgets what ends within the first `total` bytes, and returns the last of it. */
  take(total: number): Sent | null {
    let gone = 0;
    while ((this.#entries[gone]?.sent.end ?? Infinity) <= total) gone += 1;
    return this.#entries.splice(0, gone).at(-1)?.sent ?? null;
  }
}
