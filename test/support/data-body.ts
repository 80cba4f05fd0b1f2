/** A whole DATA body, as a peer on the wire has it; the product copies the bytes into the frame. */
import { encodeDataHead, type DataBody } from "../../src/protocol/bodies.ts";

export function encodeData({ bytes, ...head }: DataBody): Uint8Array {
  const start = encodeDataHead(head);
  const body = new Uint8Array(start.length + bytes.length);
  body.set(start);
  body.set(bytes, start.length);
  return body;
}
