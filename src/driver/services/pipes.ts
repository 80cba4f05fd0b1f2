/** Joins streams of a channel with pipes of a process, with back-pressure both ways. */
import type { Readable, Writable } from "node:stream";

/** Takes bytes, and says when it wants no more for now. */
export interface ByteSink {
  /** False when the writer should wait for `whenSent`. */
  write(bytes: Uint8Array): boolean;
  whenSent(): Promise<void>;
}

/** Process output to a stream: reading stops while the peer grants nothing. */
export function pipeOut(source: Readable, stream: ByteSink): void {
  source.on("data", (chunk: Buffer) => {
    if (stream.write(chunk)) return;
    source.pause();
    void stream.whenSent().then(() => source.resume());
  });
  // The end is told by `close` of the process; a broken pipe is such an end.
  source.on("error", () => source.destroy());
}

/**
 * Peer bytes to a process: the promise resolves when the kernel has them. A process that closed
 * its stdin gets no more bytes and that is no fault: the rest is taken and forgotten.
 */
export function pipeIn(target: Writable): (bytes: Uint8Array) => void | Promise<void> {
  let open = true;
  target.on("error", () => (open = false));
  target.on("close", () => (open = false));
  return (bytes) => {
    if (!open) return;
    return new Promise((resolve) => {
      const closed = (): void => resolve();
      target.once("close", closed);
      target.write(bytes, () => {
        target.off("close", closed);
        resolve();
      });
    });
  };
}
