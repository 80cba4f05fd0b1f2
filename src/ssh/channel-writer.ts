/**
 * Writes to one SSH channel in order, stdout and stderr through one queue, and says when what was
 * written has left within the client's window. It never has two writes under way: ssh2 wakes only
 * one of the two outputs when the window opens, and sends a piece twice that waited before.
 */
import type { ServerChannel } from "ssh2";

export type Output = "stdout" | "stderr";

interface Piece {
  readonly output: Output;
  readonly bytes: Uint8Array;
  readonly sent: () => void;
}

/** What ssh2 1.17 keeps of a write that waits for the window, and does not forget afterwards. */
interface Waiting {
  _chunk?: unknown;
  _chunkcb?: unknown;
  _chunkErr?: unknown;
  _chunkcbErr?: unknown;
}

export class ChannelWriter {
  readonly #channel: ServerChannel;
  readonly #queue: Piece[] = [];
  #busy = false;
  #over = false;

  constructor(channel: ServerChannel) {
    this.#channel = channel;
  }

  /** Resolves when the bytes were sent within the client's window, or nobody wants them. */
  write(output: Output, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#over) {
        resolve();
        return;
      }
      this.#queue.push({ output, bytes, sent: resolve });
      this.#next();
    });
  }

  /** Resolves when everything that was written before has been sent. */
  flushed(): Promise<void> {
    return this.write("stdout", NOTHING);
  }

  /** The client closed the channel: whoever waits is let go. */
  abandon(): void {
    this.#over = true;
    for (const { sent } of this.#queue.splice(0)) sent();
  }

  #next(): void {
    const piece = this.#queue[0];
    if (this.#busy || piece === undefined) return;
    this.#busy = true;
    const target = piece.output === "stdout" ? this.#channel : this.#channel.stderr;
    target.write(piece.bytes, () => {
      forgetWaiting(this.#channel);
      this.#busy = false;
      if (this.#over) return;
      this.#queue.shift();
      piece.sent();
      this.#next();
    });
  }
}

const NOTHING = new Uint8Array(0);

function forgetWaiting(channel: ServerChannel): void {
  const waiting = channel as unknown as Waiting;
  waiting._chunk = undefined;
  waiting._chunkcb = undefined;
  waiting._chunkErr = undefined;
  waiting._chunkcbErr = undefined;
}
