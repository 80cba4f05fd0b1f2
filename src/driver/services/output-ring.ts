/** The last part of what a program wrote, by absolute offset. Grows with use, up to a bound. */
export class OutputRing {
  readonly #bytesMax: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #end = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Offset of the oldest byte that is kept. */
  get from(): number {
    return Math.max(0, this.#end - this.#bytesMax);
  }

  /** Offset behind the newest byte. */
  get to(): number {
    return this.#end;
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#bytesMax));
    this.#end += bytes.length - kept.length;
    this.#grow(this.#end + kept.length);
    for (let at = 0; at < kept.length;) {
      const start = this.#end % this.#bytes.length;
      const part = kept.subarray(at, at + this.#bytes.length - start);
      this.#bytes.set(part, start);
      this.#end += part.length;
      at += part.length;
    }
  }

  /** At most `lengthMax` bytes from `offset` on, which must be kept; a view of this turn. */
  read(offset: number, lengthMax: number): Uint8Array {
    const start = offset % this.#bytes.length;
    const length = Math.min(lengthMax, this.#end - offset, this.#bytes.length - start);
    return this.#bytes.subarray(start, start + length);
  }

  /** Until it is as large as it may be nothing was overwritten, so offsets are indices. */
  #grow(bytesWanted: number): void {
    let size = this.#bytes.length;
    if (size >= Math.min(bytesWanted, this.#bytesMax)) return;
    while (size < bytesWanted && size < this.#bytesMax) size = Math.min(size * 2, this.#bytesMax);
    const larger = new Uint8Array(size);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

const FIRST_BYTES = 16 * 1024;
