/**
 * Messages on a byte stream as language servers and debug adapters frame them: headers, an empty
 * line, then as many bytes of JSON as `Content-Length` says. Knows nothing of what is in them.
 */
import { ProtocolError } from "./protocol-error.ts";

/** Headers are two short lines; more is not this protocol. */
const HEADER_BYTES_MAX = 4_096;
/** All symbols of a large project come in one message; more is a peer that has gone wrong. */
export const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

const CR = 13;
const LF = 10;
const NOTHING: Uint8Array = new Uint8Array(0);

export function encodeMessage(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const head = new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/** Takes bytes as they come, gives messages as they are whole. */
export class MessageDecoder {
  /** What came of the headers, while `#body` is null. */
  #head: Uint8Array = NOTHING;
  #body: { readonly bytes: Uint8Array; filled: number } | null = null;

  /** @throws ProtocolError when the stream is framed in another way. */
  push(bytes: Uint8Array): string[] {
    const messages: string[] = [];
    let rest = bytes;
    while (rest.length > 0) {
      rest = this.#body === null ? this.#takeHead(rest) : this.#takeBody(this.#body, rest);
      if (this.#body === null || this.#body.filled < this.#body.bytes.length) continue;
      messages.push(new TextDecoder().decode(this.#body.bytes));
      this.#body = null;
    }
    return messages;
  }

  #takeHead(bytes: Uint8Array): Uint8Array {
    const kept = this.#head.length;
    const all = new Uint8Array(kept + bytes.length);
    all.set(this.#head);
    all.set(bytes, kept);
    // The end may have begun in what came before.
    const end = endOfHead(all, Math.max(0, kept - 3));
    if (end === null) {
      if (all.length > HEADER_BYTES_MAX) throw new ProtocolError("the headers have no end");
      this.#head = all;
      return NOTHING;
    }
    this.#head = NOTHING;
    this.#body = { bytes: new Uint8Array(lengthIn(all.subarray(0, end))), filled: 0 };
    return bytes.subarray(end - kept);
  }

  #takeBody(body: { readonly bytes: Uint8Array; filled: number }, bytes: Uint8Array): Uint8Array {
    const part = bytes.subarray(0, body.bytes.length - body.filled);
    body.bytes.set(part, body.filled);
    body.filled += part.length;
    return bytes.subarray(part.length);
  }
}

/** Where the empty line ends. */
function endOfHead(bytes: Uint8Array, from: number): number | null {
  for (let at = from; at + 3 < bytes.length; at += 1) {
    if (bytes[at] === CR && bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) {
      return at + 4;
    }
  }
  return null;
}

function lengthIn(head: Uint8Array): number {
  const text = new TextDecoder().decode(head);
  const length = Number(/^content-length: *(\d{1,9}) *\r$/im.exec(text)?.[1] ?? NaN);
  if (length > 0 && length <= MESSAGE_BYTES_MAX) return length;
  throw new ProtocolError(`no message begins with ${JSON.stringify(text.slice(0, 80))}`);
}
