/**
 * Keeps what a socket says until somebody listens. A peer may answer in the same turn in which
 * the socket opens, before the code that awaited the opening has run. A class, for a hub has two
 * of these for each session: what each can do is told once for all.
 */
import type { SocketEnd } from "./frame-socket.ts";
import { ownBytes } from "../stream/own-bytes.ts";

export class PendingEvents {
  #early: Uint8Array[] = [];
  #ended: SocketEnd | null = null;
  #frameListener: ((message: Uint8Array) => void) | null = null;
  #closeListener: ((end: SocketEnd) => void) | null = null;
  #drainListener: (() => void) | null = null;

  frame(message: Uint8Array): void {
    if (this.#ended !== null) return;
    if (this.#frameListener === null) this.#early.push(ownBytes(message));
    else this.#frameListener(message);
  }

  end(end: SocketEnd): void {
    if (this.#ended !== null) return;
    this.#ended = end;
    this.#closeListener?.(end);
  }

  drained(): void {
    if (this.#ended === null) this.#drainListener?.();
  }

  onFrame(listener: (message: Uint8Array) => void): void {
    this.#frameListener = listener;
    const kept = this.#early;
    this.#early = [];
    for (const message of kept) listener(message);
  }

  onClose(listener: (end: SocketEnd) => void): void {
    this.#closeListener = listener;
    if (this.#ended !== null) listener(this.#ended);
  }

  onDrain(listener: () => void): void {
    this.#drainListener = listener;
  }
}
