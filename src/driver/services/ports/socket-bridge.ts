/**
 * Joins one connection of the sandbox with one stream, byte for byte: each half ends by itself,
 * either side holds the other back, and what breaks one is told by the other.
 */
import type { Socket } from "node:net";
import type { Stream } from "../../../stream/stream.ts";
import { pipeOut } from "../pipes.ts";
import { portFault } from "./port-faults.ts";

/** The listeners for the stream; `accept` it after they are set. The socket is connected. */
export function bridge(socket: Socket, stream: Stream, where: string): void {
  let broken: Error | null = null;
  socket.on("error", (error) => (broken = error));
  socket.on("close", () => {
    if (broken !== null) {
      const { code, message } = portFault(broken, where);
      stream.reset(code, message);
    }
  });
  socket.on("end", () => stream.end());
  stream.listen({
    onBytes: (bytes) => send(socket, bytes),
    onEnd: () => socket.end(),
    onClosed: (end) => {
      // A connection that is cut must not look like one that ended.
      if (end.kind === "reset") cut(socket);
    },
  });
  pipeOut(socket, stream);
}

/** What a connection that is gone does not take is told by its reset, not by the bytes. */
function send(socket: Socket, bytes: Uint8Array): void | Promise<void> {
  // What the kernel has taken at once is no reason to wait, however much it was.
  if (socket.destroyed || socket.write(bytes) || socket.writableLength === 0) return;
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
  });
}

export function cut(socket: Socket): void {
  // A unix socket knows no reset; its other end sees the end.
  if (socket.remoteAddress !== undefined) socket.resetAndDestroy();
  else socket.destroy();
}
