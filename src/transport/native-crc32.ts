/** The CRC-32 of this Node, eight times as fast as the portable one; not in Node 18 nor in Bun. */
import * as zlib from "node:zlib";
import { crc32, type Crc32 } from "../base/crc32.ts";

export function nativeCrc32(): Crc32 {
  const native = (zlib as { readonly crc32?: Crc32 }).crc32;
  return native ?? crc32;
}
