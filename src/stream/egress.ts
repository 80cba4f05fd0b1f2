/**
 * Orders what leaves through one link: control frames at once, data in turn and only while the
 * socket holds little, so that no control frame and no keystroke waits behind a long queue.
 * The sockets have no drain event of their own: whoever owns the socket calls `pump`.
 */

/** Data in the socket that a control frame may have to wait for: 32 ms at 2 MB/s. */
const SOCKET_BYTES_MAX = 64 * 1024;

export interface Sink {
  send(message: Uint8Array): void;
  readonly bufferedBytes: number;
}

/** Something with data to send; gives one frame per turn, null when it has none now. */
export interface DataSource {
  nextFrame(): Uint8Array | null;
}

export class Egress {
  readonly #sink: Sink;
  readonly #waiting = new Set<DataSource>();

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  control(message: Uint8Array): void {
    this.#sink.send(message);
  }

  /** The source has data: it gets its turns from now on until it has none. */
  ready(source: DataSource): void {
    this.#waiting.add(source);
    this.pump();
  }

  forget(source: DataSource): void {
    this.#waiting.delete(source);
  }

  /** A Set keeps insertion order: taking the first and adding it again is round robin. */
  pump(): void {
    while (this.#sink.bufferedBytes < SOCKET_BYTES_MAX) {
      const [source] = this.#waiting;
      if (source === undefined) return;
      this.#waiting.delete(source);
      const frame = source.nextFrame();
      if (frame === null) continue;
      this.#waiting.add(source);
      this.#sink.send(frame);
    }
  }
}
