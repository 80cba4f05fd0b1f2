/**
 * Messages on a byte stream as language servers and debug adapters frame them: headers, an empty
 * line, then as many bytes of JSON as `Content-Length` says. And as agents do: one line of JSON
 * each. Knows nothing of what is in them.
 */
import type { Framing } from "./message-services.ts";
import { ProtocolError } from "./protocol-error.ts";

/** Headers are two short lines; more is not this protocol. */
const HEADER_BYTES_MAX = 4_096;
/** All symbols of a large project come in one message; more is a peer that has gone wrong. */
export const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

const CR = 13;
const LF = 10;
const NOTHING: Uint8Array = new Uint8Array(0);

export interface MessageCodec {
  /** What a program that frames so takes as one message. */
  encode(text: string): Uint8Array;
  /** Whole messages of what comes. @throws ProtocolError when it is framed in another way. */
  push(bytes: Uint8Array): string[];
}

/** Both ways of one program; it keeps what came of a message that is not whole. */
export function messageCodec(framing: Framing): MessageCodec {
  if (framing === "lines") return new LineCodec();
  const decoder = new MessageDecoder();
  return { encode: encodeMessage, push: (bytes) => decoder.push(bytes) };
}

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

/** JSON has no line end outside of its own white space, so a message becomes one line. */
class LineCodec implements MessageCodec {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  encode(text: string): Uint8Array {
    return new TextEncoder().encode(`${text.replace(/[\r\n]+/g, " ")}\n`);
  }

  push(bytes: Uint8Array): string[] {
    const messages: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      const line = this.#close(bytes.subarray(from, end)).trim();
      from = end + 1;
      if (line === "") continue;
      if (!line.startsWith("{") && !line.startsWith("[")) {
        throw new ProtocolError(`no message begins with ${JSON.stringify(line.slice(0, 80))}`);
      }
      messages.push(line);
    }
    // A Buffer's own slice is a view.
    this.#parts.push(new Uint8Array(bytes.subarray(from)));
    this.#bytes += bytes.length - from;
    if (this.#bytes > MESSAGE_BYTES_MAX) throw new ProtocolError("the line has no end");
    return messages;
  }

  #close(end: Uint8Array): string {
    const decoder = new TextDecoder();
    let line = "";
    for (const part of this.#parts) line += decoder.decode(part, { stream: true });
    this.#parts = [];
    this.#bytes = 0;
    return line + decoder.decode(end);
  }
}
