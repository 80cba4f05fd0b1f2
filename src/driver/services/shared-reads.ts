/**
 * What programs and ports say is read into the same bytes, again and again: they stay in the
 * processor's caches, and nothing is left to be collected. So who listens for "data" copies what it
 * keeps, and listens from the turn on in which the source appears.
 */
import type { OnReadOpts } from "node:net";
import type { Readable } from "node:stream";
import { limits } from "../../base/limits.ts";

/** A read fills a frame. */
const buffer = Buffer.allocUnsafeSlow(limits.DATA_BYTES_MAX);

/** For the socket that `source` will be. */
export function sharedReads(source: () => Readable): OnReadOpts {
  return {
    buffer,
    callback: (length) => source().emit("data", buffer.subarray(0, length)),
  };
}
