/**
 * One attached end at the switchboard: a socket after its hello, with a heartbeat. Shared by the
 * driver's and the client's side. It reads frames and hands them on; it never stops reading one
 * end because the other is slow, and it cuts an end that lets too much pile up.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { decodePing } from "../../protocol/bodies.ts";
import { CloseCodes, type CloseCode } from "../../protocol/close-codes.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { createHeartbeat, type Heartbeat, type Pong } from "../../stream/heartbeat.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";

export interface LegOptions {
  readonly socket: FrameSocket;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly pingMs: number;
  readonly suspectMs: number;
  readonly deadMs: number;
  /** Each frame but the heartbeat's; `message` is the whole, for relaying. */
  readonly onFrame: (frame: Frame, message: Uint8Array) => void;
  readonly onPong?: (pong: Pong) => void;
  readonly onSuspect?: (silentMs: number) => void;
  readonly onClose: (reason: string) => void;
}

export class Leg {
  readonly #options: LegOptions;
  readonly #heartbeat: Heartbeat;
  /** The peer's own word on how late its event loop was. */
  peerLoopLagMs = 0;
  /** Smoothed as TCP does it; null before the first answer. */
  srttMs: number | null = null;
  #open = true;

  constructor(options: LegOptions) {
    this.#options = options;
    const { socket, clock, random } = options;
    this.#heartbeat = createHeartbeat({
      clock,
      pingMs: options.pingMs,
      suspectMs: options.suspectMs,
      deadMs: options.deadMs,
      send: (body) => this.send(encodeFrame({ type: FrameType.ping, body })),
      // Drawn by the hub, so that an answer proves a peer that read it now.
      nextPing: () => Math.floor(random.next() * 2 ** 32),
      ...(options.onSuspect === undefined ? {} : { onSuspect: options.onSuspect }),
      onDead: (silentMs) => this.terminate(`silent for ${Math.round(silentMs)} ms`),
    });
    socket.onFrame((message) => this.#receive(message));
    socket.onClose((end) => this.#end(end.reason || `closed with ${end.code}`));
  }

  get open(): boolean {
    return this.#open;
  }

  send(message: Uint8Array): void {
    const { socket } = this.#options;
    if (!this.#open) return;
    if (socket.bufferedBytes > limits.EGRESS_BYTES_MAX) {
      this.close(CloseCodes.slowConsumer, "too much waits to be read");
      return;
    }
    socket.send(message);
  }

  ping(): number {
    return this.#heartbeat.ping();
  }

  /** Ends the leg now. The peer may take its time over the close frame; nothing of it is read. */
  close(code: CloseCode, reason: string): void {
    if (!this.#open) return;
    this.#end(reason);
    this.#options.socket.close(code.code, reason);
  }

  terminate(reason: string): void {
    if (!this.#open) return;
    this.#end(reason);
    this.#options.socket.terminate();
  }

  #end(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#heartbeat.stop();
    this.#options.onClose(reason);
  }

  #receive(message: Uint8Array): void {
    if (!this.#open) return;
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      this.#heartbeat.received();
      if (frame.type === FrameType.ping) {
        this.peerLoopLagMs = decodePing(frame.body).loopLagMs;
        this.send(encodeFrame({ type: FrameType.pong, body: frame.body }));
      } else if (frame.type === FrameType.pong) {
        const pong = this.#heartbeat.ponged(frame.body);
        if (pong !== null) {
          const { roundTripMs } = pong;
          this.srttMs = this.srttMs === null ? roundTripMs : (7 * this.srttMs + roundTripMs) / 8;
          this.#options.onPong?.(pong);
        }
      } else {
        this.#options.onFrame(frame, message);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.warn({ error: error.message }, "peer broke the protocol");
      this.close(CloseCodes.badFrame, error.message);
    }
  }
}
