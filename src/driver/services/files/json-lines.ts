/** JSON, one object a line. */
import { encodeJson } from "../../../protocol/bodies.ts";

const NEW_LINE = 10;

export function jsonLines(values: readonly unknown[]): Uint8Array {
  const parts = values.map((value) => encodeJson(value));
  const lines = new Uint8Array(parts.reduce((sum, { length }) => sum + length + 1, 0));
  let at = 0;
  for (const part of parts) {
    lines.set(part, at);
    at += part.length;
    lines[at++] = NEW_LINE;
  }
  return lines;
}
