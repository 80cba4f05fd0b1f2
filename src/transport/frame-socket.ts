/**
 * The one shape of a socket above this layer: whole messages in and out, no WebSocket words. The
 * hub, the driver, the client runtime and the simulator all stand on it.
 *
 * Rules of every implementation
 * - It never stops reading: credits pace a sender, so an answer to a ping cannot get stuck.
 * - Messages and the end that come before a listener is set are kept for it, in order.
 * - Exactly one `onClose` call, and no `onFrame` call after it.
 */

/** Why a socket ended. NO_CLOSE_FRAME when its peer said no word. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
}

export interface FrameSocket {
  /** Queues one message. After the end it is dropped: the end itself tells the owner. */
  send(message: Uint8Array): void;
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Polite end: the peer sees code and reason. Ends hard if the peer does not answer soon. */
  close(code: number, reason: string): void;
  /** Hard end, for a peer that counts as dead. */
  terminate(): void;
  /** One listener. The message is a view that is valid in this turn: `ownBytes` to keep it. */
  onFrame(listener: (message: Uint8Array) => void): void;
  onClose(listener: (end: SocketEnd) => void): void;
  /** Called each time the socket has passed on all that it held. */
  onDrain(listener: () => void): void;
}
