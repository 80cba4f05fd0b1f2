/**
 * What leaves through one link, and in which order: control frames at once; then what is
 * interactive; then bulk in turns, and only while little is on its way. Between two sides that
 * both know how, little is what the next hop has not acknowledged (`openHop`); otherwise it is
 * what the own socket holds, and whoever owns the socket calls `pump` when that is passed on.
 */
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { FrameType } from "../protocol/frame.ts";
import { ProtocolError } from "../protocol/protocol-error.ts";
import { HopWindow } from "./hop-window.ts";
import { Turns, type Flow } from "./turns.ts";

/** Bulk in the own socket, without a hop window: 32 ms at 2 MB/s. */
const SOCKET_BYTES_MAX = 64 * 1024;
/** What is interactive passes a full window, by no more than this. */
const AHEAD_BYTES_MAX = 64 * 1024;

export interface Sink {
  send(message: Uint8Array): void;
  readonly bufferedBytes: number;
}

/** Something with data to send. */
export interface DataSource {
  /** The next frame, its payload of about `bytesMax` at most; null when there is none now. */
  nextFrame(bytesMax: number): Uint8Array | null;
}

export class Egress {
  readonly #sink: Sink;
  readonly #clock: Clock;
  /** Of a link that carries no stream there are none, and most links are idle. */
  #turns: Turns<DataSource> | null = null;
  #hop: HopWindow | null = null;
  #pumping = false;

  constructor(sink: Sink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Sources of which something is kept. */
  get known(): number {
    return this.#turns?.known ?? 0;
  }

  /** The next hop acknowledges what it reads; before the first DATA of the link. */
  openHop(dataBytesMax: number): void {
    this.#hop ??= new HopWindow(this.#clock, dataBytesMax);
  }

  /** No frame may hold more, however fast the line is. */
  get dataBytesMax(): number {
    return this.#hop?.dataBytesMax ?? limits.DATA_BYTES_SMALL;
  }

  /** After how many bytes the next hop should acknowledge; 0 where it does not. */
  get ackEvery(): number {
    return this.#hop?.ackEvery ?? 0;
  }

  /**
   * True when `ackEvery` is another now.
   * @throws ProtocolError when the next hop claims what was never sent.
   */
  hopAcked(total: number): boolean {
    const { ackEvery } = this;
    if (this.#hop?.acked(total) === false) {
      throw new ProtocolError("the link acknowledges more than was sent");
    }
    const isOther = this.ackEvery !== ackEvery;
    this.pump();
    return isOther;
  }

  control(message: Uint8Array): void {
    this.#sink.send(message);
  }

  /** The source has data: it gets its turns from now on until it has none. */
  ready(source: DataSource, group = 0): void {
    const turns = (this.#turns ??= new Turns(this.#clock));
    turns.enter(turns.find(source) ?? turns.make(source, group));
    this.pump();
  }

  forget(source: DataSource): void {
    this.#turns?.forget(source);
  }

  /** Forgets a source of which nothing is worth knowing; false when there is something. */
  forgetIdle(source: DataSource): boolean {
    const flow = this.#turns?.find(source);
    const idle = flow === undefined || this.#turns?.isLikeNew(flow) === true;
    if (idle) this.forget(source);
    return idle;
  }

  pump(): void {
    const turns = this.#turns;
    if (turns === null || this.#pumping) return;
    this.#pumping = true;
    for (;;) {
      const flow = this.#next(turns);
      if (flow === undefined) break;
      this.#serve(turns, flow);
    }
    this.#pumping = false;
  }

  #serve(turns: Turns<DataSource>, flow: Flow<DataSource>): void {
    const lineBytes = this.#hop?.frameBytesMax ?? limits.DATA_BYTES_FIRST;
    // What goes ahead of others does not do so with a large frame.
    const ahead = flow.place === "ahead" ? limits.DATA_BYTES_FIRST : Infinity;
    const frame = flow.source.nextFrame(Math.min(lineBytes, ahead));
    if (frame === null) {
      turns.leave(flow);
      return;
    }
    turns.charge(flow, frame.length, lineBytes);
    if (frame[0] === FrameType.data) this.#hop?.sent(frame.length);
    this.#sink.send(frame);
  }

  #next(turns: Turns<DataSource>): Flow<DataSource> | undefined {
    const hop = this.#hop;
    const heldBytes = hop?.flightBytes ?? this.#sink.bufferedBytes;
    const lineBytes = hop?.lineBytesMax ?? SOCKET_BYTES_MAX;
    const ahead = heldBytes < lineBytes + AHEAD_BYTES_MAX ? turns.ahead : undefined;
    return ahead ?? (heldBytes < (hop?.bytesMax ?? lineBytes) ? turns.bulk : undefined);
  }
}
