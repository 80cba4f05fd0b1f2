/**
 * Keeps what a socket says until somebody listens. A peer may answer in the same turn in which
 * the socket opens, before the code that awaited the opening has run.
 */
import type { SocketEnd } from "./frame-socket.ts";
import { ownBytes } from "../stream/own-bytes.ts";

export interface PendingEvents {
  frame(message: Uint8Array): void;
  end(end: SocketEnd): void;
  drained(): void;
  onFrame(listener: (message: Uint8Array) => void): void;
  onClose(listener: (end: SocketEnd) => void): void;
  onDrain(listener: () => void): void;
}

export function createPendingEvents(): PendingEvents {
  let early: Uint8Array[] = [];
  let ended: SocketEnd | null = null;
  let frameListener: ((message: Uint8Array) => void) | null = null;
  let closeListener: ((end: SocketEnd) => void) | null = null;
  let drainListener: (() => void) | null = null;
  return {
    frame(message) {
      if (ended !== null) return;
      if (frameListener === null) early.push(ownBytes(message));
      else frameListener(message);
    },
    end(end) {
      if (ended !== null) return;
      ended = end;
      closeListener?.(end);
    },
    drained() {
      if (ended === null) drainListener?.();
    },
    onFrame(listener) {
      frameListener = listener;
      const kept = early;
      early = [];
      for (const message of kept) listener(message);
    },
    onClose(listener) {
      closeListener = listener;
      if (ended !== null) listener(ended);
    },
    onDrain(listener) {
      drainListener = listener;
    },
  };
}
