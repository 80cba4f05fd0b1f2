/** A connection of the sandbox as the two web streams that browsers, Deno and Bun speak. */
import type { PortEvents, PortStream } from "./port-stream.ts";

export interface PortWebStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;
}

/**
 * `open` gets the events and opens the connection: `(events) => channel.tcp({ port }, events)`.
 * Cancelling the one or aborting the other cuts the connection.
 */
export function portWebStreams(open: (events: PortEvents) => PortStream): PortWebStreams {
  let wanted: (() => void) | null = null;
  let read: ReadableStreamDefaultController<Uint8Array> | null = null;
  const readable = new ReadableStream<Uint8Array>(
    {
      start: (controller) => void (read = controller),
      pull: () => wanted?.(),
      cancel: () => port.cut(),
    },
    { highWaterMark: 1 },
  );
  const port = open({
    onData: (bytes) => {
      read?.enqueue(bytes);
      if ((read?.desiredSize ?? 0) > 0) return;
      return new Promise((resolve) => {
        wanted = () => {
          wanted = null;
          resolve();
        };
      });
    },
    onEnd: () => read?.close(),
  });
  let write: WritableStreamDefaultController | null = null;
  const writable = new WritableStream<Uint8Array>({
    start: (controller) => void (write = controller),
    write: (bytes) => port.write(bytes),
    close: () => port.end(),
    abort: () => port.cut(),
  });
  port.closed.catch((error: unknown) => {
    read?.error(error);
    write?.error(error);
  });
  return { readable, writable, opened: port.opened, closed: port.closed };
}
