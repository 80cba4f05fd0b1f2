/** Joins two duplex streams byte for byte: halves end by themselves, and a cut is never an end. */
import type { Duplex } from "node:stream";
import { Socket } from "node:net";

/** Resolves when both are over, with the first error. */
export function joinDuplexes(one: Duplex, other: Duplex): Promise<Error | null> {
  let first: Error | null = null;
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  let open = 2;
  const closed = (peer: Duplex) => (): void => {
    // One that was closed before its end was cut; its peer must not wait, nor see an end.
    if (!peer.destroyed && first !== null) cut(peer);
    open -= 1;
    if (open === 0) resolve(first);
  };
  for (const [stream, peer] of [
    [one, other],
    [other, one],
  ] as const) {
    stream.on("error", (error) => {
      first ??= error;
      cut(peer);
    });
    stream.on("close", closed(peer));
    stream.pipe(peer);
  }
  return promise;
}

function cut(stream: Duplex): void {
  if (stream instanceof Socket && stream.remoteAddress !== undefined) stream.resetAndDestroy();
  else stream.destroy();
}
