/**
 * What a server of messages said, numbered from its first: all that nobody took yet, and as much of
 * the rest as there is room for, so that whoever comes back can ask for what was lost on its way.
 */

/** What was taken is kept beside it, for those who say how far they heard. */
const KEPT_BYTES_MAX = 1024 * 1024;

export class MessageLog {
  /** Framed, oldest first. */
  readonly #messages: Uint8Array[] = [];
  #first = 0;
  #taken = 0;
  #keptBytes = 0;
  #waitingBytes = 0;

  /** Number of the oldest that is kept. */
  get first(): number {
    return this.#first;
  }

  /** All before this number are where they belong. */
  get taken(): number {
    return this.#taken;
  }

  /** Number of the next one that is said. */
  get said(): number {
    return this.#first + this.#messages.length;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  append(message: Uint8Array): void {
    this.#messages.push(message);
    this.#keptBytes += message.length;
    this.#waitingBytes += message.length;
    this.#trim();
  }

  /** `count` messages from the first on; one that was told before changes nothing. */
  take(count: number): void {
    const end = Math.min(count, this.said);
    for (; this.#taken < end; this.#taken += 1) {
      this.#waitingBytes -= this.at(this.#taken)?.length ?? 0;
    }
    this.#trim();
  }

  at(number: number): Uint8Array | null {
    return this.#messages[number - this.#first] ?? null;
  }

  #trim(): void {
    while (this.#keptBytes > KEPT_BYTES_MAX && this.#first < this.#taken) {
      this.#keptBytes -= this.#messages.shift()?.length ?? 0;
      this.#first += 1;
    }
  }
}
