/**
 * What is kept of one output of a command: all of it, or its begin and its end when it is more
 * than there is room for. The room is given once, so a command that writes for ever costs no more
 * memory than one that writes a little more than that.
 */

export interface OutputText {
  readonly text: string;
  /** `base64` when the bytes are no UTF-8; then only the begin is kept of what is too long. */
  readonly encoding: "utf8" | "base64";
  /** How much the command wrote. */
  readonly bytes: number;
  /** How much of it is not in `text`. */
  readonly leftOutBytes: number;
}

export class KeptOutput {
  readonly #halfBytes: number;
  readonly #head: Uint8Array[] = [];
  #headBytes = 0;
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#halfBytes = Math.ceil(bytesMax / 2);
  }

  /** The bytes are copied: they are valid in this turn alone. */
  add(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    const room = Math.min(bytes.length, this.#halfBytes - this.#headBytes);
    if (room > 0) {
      this.#head.push(bytes.slice(0, room));
      this.#headBytes += room;
    }
    if (room === bytes.length) return;
    const last = bytes.slice(Math.max(room, bytes.length - this.#halfBytes));
    this.#tail.push(last);
    this.#tailBytes += last.length;
    this.#dropOld();
  }

  /** What it costs in memory: never more than was allowed and one piece. */
  get heldBytes(): number {
    return this.#headBytes + this.#tail.reduce((bytes, { length }) => bytes + length, 0);
  }

  read(): OutputText {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail).subarray(-this.#halfBytes || this.#tailBytes);
    const between = this.#bytes - head.length - tail.length;
    const bytes = this.#bytes;
    if (between === 0) {
      const whole = Buffer.concat([head, tail]);
      const text = utf8(whole);
      if (text !== null) return { text, encoding: "utf8", bytes, leftOutBytes: 0 };
      return { text: whole.toString("base64"), encoding: "base64", bytes, leftOutBytes: 0 };
    }
    const [begin, end] = [wholeEnd(head), wholeBegin(tail)];
    const [first, last] = [utf8(begin), utf8(end)];
    if (first === null || last === null) {
      const text = head.toString("base64");
      return { text, encoding: "base64", bytes, leftOutBytes: bytes - head.length };
    }
    const leftOutBytes = bytes - begin.length - end.length;
    const text = `${first}\n[${leftOutBytes} bytes left out]\n${last}`;
    return { text, encoding: "utf8", bytes, leftOutBytes };
  }

  #dropOld(): void {
    for (;;) {
      const [oldest] = this.#tail;
      if (oldest === undefined || this.#tailBytes - oldest.length < this.#halfBytes) return;
      this.#tail.shift();
      this.#tailBytes -= oldest.length;
    }
  }
}

/** What one piece of a live output is called on the wire. */
export type Piece = { readonly text: string } | { readonly base64: string };

/** Pieces of a live output as text where they are text; a character is never cut in two. */
export class LivePieces {
  #held: Uint8Array = new Uint8Array(0);

  push(bytes: Uint8Array): Piece | null {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const whole = wholeEnd(all);
    const text = utf8(whole);
    this.#held = text === null ? new Uint8Array(0) : all.slice(whole.length);
    if (text === null) return { base64: Buffer.from(all).toString("base64") };
    return text === "" ? null : { text };
  }

  /** The begin of a character that never came to its end. */
  end(): Piece | null {
    return this.#held.length === 0 ? null : { base64: Buffer.from(this.#held).toString("base64") };
  }
}

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const isContinuation = (byte: number | undefined): boolean =>
  byte !== undefined && (byte & 0xc0) === 0x80;

/** Without the begin of a character at its end whose other bytes are missing. */
function wholeEnd(bytes: Uint8Array): Uint8Array {
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && isContinuation(bytes[start])) start -= 1;
  const lead = bytes[start];
  if (lead === undefined) return bytes;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes;
}

/** Without the end of a character at its begin. */
function wholeBegin(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start += 1;
  return bytes.subarray(start);
}
