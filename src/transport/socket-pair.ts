/** Two FrameSockets in one process: what one end sends, the other hears in a later turn. */
import { NO_CLOSE_FRAME } from "../protocol/close-codes.ts";
import type { FrameSocket, SocketEnd } from "./frame-socket.ts";
import { PendingEvents } from "./pending-events.ts";

export function socketPair(): readonly [FrameSocket, FrameSocket] {
  const [a, b] = [new PairSocket(), new PairSocket()];
  a.join(b);
  b.join(a);
  return [a, b];
}

class PairSocket implements FrameSocket {
  readonly #events = new PendingEvents();
  #peer: PairSocket = this;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isScheduled = false;
  #isOpen = true;

  join(peer: PairSocket): void {
    this.#peer = peer;
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  /** The sender may use its buffer again in this turn, so the bytes are copied. */
  send(message: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#waiting.push(message.slice());
    this.#waitingBytes += message.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#deliver());
  }

  close(code: number, reason: string): void {
    if (this.#isOpen) this.#deliver();
    this.#end({ code, reason });
  }

  terminate(): void {
    this.#end({ code: NO_CLOSE_FRAME, reason: "" });
  }

  onFrame(listener: (message: Uint8Array) => void): void {
    this.#events.onFrame(listener);
  }

  onClose(listener: (end: SocketEnd) => void): void {
    this.#events.onClose(listener);
  }

  onDrain(listener: () => void): void {
    this.#events.onDrain(listener);
  }

  #deliver(): void {
    this.#isScheduled = false;
    const messages = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const message of messages) this.#peer.#events.frame(message);
    if (this.#isOpen) this.#events.drained();
  }

  #end(end: SocketEnd): void {
    for (const side of [this, this.#peer]) {
      if (!side.#isOpen) continue;
      side.#isOpen = false;
      side.#waiting = [];
      side.#waitingBytes = 0;
      side.#events.end(end);
    }
  }
}
