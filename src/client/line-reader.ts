/** Cuts bytes that come in any pieces into lines. */
const NEW_LINE = 10;

export class LineReader {
  /** Pieces of a line whose end has not come. */
  #begun: Uint8Array[] = [];

  push(bytes: Uint8Array, take: (line: Uint8Array) => void): void {
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(NEW_LINE, from);
      if (end === -1) break;
      this.#begun.push(bytes.subarray(from, end));
      const line = joinBytes(this.#begun);
      this.#begun = [];
      from = end + 1;
      take(line);
    }
    if (from < bytes.length) this.#begun.push(bytes.subarray(from));
  }
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
