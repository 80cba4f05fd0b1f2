/** Two FrameSockets joined in memory; frames move only when the test says so. */
import type { FrameSocket, SocketEnd } from "../../src/transport/frame-socket.ts";
import { PendingEvents } from "../../src/transport/pending-events.ts";

export class MemorySocket implements FrameSocket {
  /** What was sent and not delivered yet. */
  readonly sent: Uint8Array[] = [];
  readonly #events = new PendingEvents();
  #peer: MemorySocket | null = null;
  ended: SocketEnd | null = null;

  static pair(): [MemorySocket, MemorySocket] {
    const [a, b] = [new MemorySocket(), new MemorySocket()];
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const message of this.sent) bytes += message.length;
    return bytes;
  }

  send(message: Uint8Array): void {
    if (this.ended === null) this.sent.push(message.slice());
  }

  /** Delivers up to `count` messages to the peer. True when any moved. */
  deliver(count = Infinity): boolean {
    let moved = false;
    for (let left = count; left > 0; left--) {
      const message = this.sent.shift();
      if (message === undefined) break;
      moved = true;
      if (this.#peer !== null) this.#peer.#events.frame(message);
    }
    if (moved && this.sent.length === 0) this.#events.drained();
    return moved;
  }

  close(code: number, reason: string): void {
    this.deliver();
    this.cut({ code, reason });
  }

  terminate(): void {
    this.cut({ code: 1006, reason: "" });
  }

  cut(end: SocketEnd): void {
    for (const side of [this, this.#peer]) {
      if (side === null || side.ended !== null) continue;
      side.ended = end;
      side.sent.length = 0;
      side.#events.end(end);
    }
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
}
