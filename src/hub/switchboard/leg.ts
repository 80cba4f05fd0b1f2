/**
 * One attached end at the switchboard: a socket after its hello, with a heartbeat. Shared by the
 * driver's and the client's side. It reads frames and hands them on; it never stops reading one
 * end because the other is slow, and it cuts an end that lets too much pile up. Bytes of streams
 * wait here for their turn, so that little is in the socket and a keystroke passes bulk.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { decodePing, encodeJson } from "../../protocol/bodies.ts";
import { CloseCodes, type CloseCode } from "../../protocol/close-codes.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/protocol-error.ts";
import { Egress } from "../../stream/egress.ts";
import { createHeartbeat, type Heartbeat, type Pong } from "../../stream/heartbeat.ts";
import { HopReceipts } from "../../stream/hop-receipts.ts";
import { RelayQueue } from "../../stream/relay-queue.ts";
import type { Waiting, WaitingBytes } from "./waiting-bytes.ts";
import type { FrameSocket } from "../../transport/frame-socket.ts";

export interface LegOptions {
  readonly socket: FrameSocket;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly pingMs: number;
  readonly suspectMs: number;
  readonly deadMs: number;
  /** What both sides of the link speak. */
  readonly features: readonly string[];
  /** Of all links of this hub. */
  readonly waiting: WaitingBytes;
  /** Each frame but the heartbeat's; `message` is the whole, for relaying. */
  readonly onFrame: (frame: Frame, message: Uint8Array) => void;
  readonly onPong?: (pong: Pong) => void;
  readonly onSuspect?: (silentMs: number) => void;
  readonly onClose: (reason: string) => void;
}

export class Leg implements Waiting {
  readonly #options: LegOptions;
  readonly #heartbeat: Heartbeat;
  /** The peer's own word on how late its event loop was. */
  peerLoopLagMs = 0;
  /** Smoothed as TCP does it; null before the first answer. */
  srttMs: number | null = null;
  readonly #egress: Egress;
  readonly #queue: RelayQueue;
  /** Null for a peer that does not know them. */
  readonly #receipts: HopReceipts | null;
  #open = true;

  constructor(options: LegOptions) {
    this.#options = options;
    const { socket, clock, random, waiting, features } = options;
    this.#egress = new Egress(socket, clock);
    this.#queue = new RelayQueue(this.#egress, (bytes) => waiting.count(bytes));
    waiting.enter(this);
    const tell = (body: Uint8Array): void =>
      this.send(encodeFrame({ type: FrameType.linkAck, body }));
    const acknowledges = features.includes("hop");
    this.#receipts = acknowledges ? new HopReceipts(clock, this.#egress, features, tell) : null;
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
    socket.onDrain(() => this.#egress.pump());
    socket.onFrame((message) => this.#receive(message));
    socket.onClose((end) => this.#end(end.reason || `closed with ${end.code}`));
  }

  get open(): boolean {
    return this.#open;
  }

  /** Stream frames already carry their route on this link. */
  send(message: Uint8Array): void {
    if (!this.#open) return;
    // A question about bytes goes the way of the bytes: it must not arrive before them.
    const inTurn = message[0] === FrameType.data || message[0] === FrameType.probe;
    if (inTurn) this.#queue.push(message);
    else this.#egress.control(message);
    if (this.#options.socket.bufferedBytes + this.#queue.bytes > limits.EGRESS_BYTES_MAX)
      this.cut();
    else if (inTurn) this.#options.waiting.bound();
  }

  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  cut(): void {
    this.close(CloseCodes.slowConsumer, "too much waits to be read");
  }

  /** The last word on a route, behind the bytes that wait on it. */
  endRoute(route: number, message: Uint8Array): void {
    if (this.#open) this.#queue.end(route, message);
  }

  ping(): number {
    return this.#heartbeat.ping();
  }

  /** A polite end of the whole hub: the peer dials again at once, here or elsewhere. */
  goAway(reason: string): void {
    const body = encodeJson({ reason, drainMs: 0 });
    this.send(encodeFrame({ type: FrameType.goAway, body }));
    this.close(CloseCodes.goingAway, reason);
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
    this.#receipts?.stop();
    this.#queue.clear();
    this.#options.waiting.leave(this);
    this.#options.onClose(reason);
  }

  #receive(message: Uint8Array): void {
    if (!this.#open) return;
    try {
      const frame = decodeFrame(message);
      if (frame === null) return;
      this.#heartbeat.received();
      this.#receipts?.received(message);
      if (frame.type === FrameType.linkAck) {
        this.#receipts?.acked(frame.body);
      } else if (frame.type === FrameType.ping) {
        this.#hearLag(frame.body);
        this.send(encodeFrame({ type: FrameType.pong, body: frame.body }));
      } else if (frame.type === FrameType.pong) {
        const pong = this.#heartbeat.ponged(frame.body);
        if (pong !== null) {
          if (this.#options.features.includes("late")) this.#hearLag(frame.body);
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

  #hearLag(body: Uint8Array): void {
    this.peerLoopLagMs = decodePing(body).loopLagMs;
  }
}
