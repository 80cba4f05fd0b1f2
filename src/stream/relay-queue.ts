/**
 * Frames that a relay has read from one link and not yet sent on through another, by route and
 * stream, so that a stream that waits holds up no other. Order is kept within a stream. Owns no
 * limit: whoever fills it looks at `bytes`.
 */
import { cutData } from "../protocol/bodies.ts";
import { FrameType, STREAM_HEADER_BYTES, takeU32 } from "../protocol/frame.ts";
import type { DataSource, Egress } from "./egress.ts";
import { ownBytes } from "./own-bytes.ts";

/** What keeping one message costs besides its bytes: a million of one byte are no megabyte. */
const MESSAGE_COST_BYTES = 128;
/** Streams without a frame are forgotten when so many are known. */
const IDLE_SWEEP_MIN = 64;
/** A frame that is only a little too long is sent whole: the rest would cost as much again. */
const CUT_ABOVE = 1.5;
/** What stands before the payload of DATA. */
const HEAD_BYTES_MAX = STREAM_HEADER_BYTES + 12;

interface Route {
  readonly streams: Map<number, RelayedStream>;
  queued: number;
  /** The word that ends the route; it goes out behind the frames. */
  last: Uint8Array | null;
}

export class RelayQueue {
  /** What all that waits here costs. */
  bytes = 0;
  readonly #egress: Egress;
  readonly #onChange: (bytes: number) => void;
  readonly #routes = new Map<number, Route>();
  #known = 0;
  #sweepAt = IDLE_SWEEP_MIN;

  /** `onChange` hears by how much `bytes` has changed. */
  constructor(egress: Egress, onChange: (bytes: number) => void = () => undefined) {
    this.#egress = egress;
    this.#onChange = onChange;
  }

  /** A stream frame, already pointed at its route on this link. */
  push(message: Uint8Array): void {
    const number = takeU32(message, 4);
    const route = this.#route(number);
    const stream = this.#stream(number, route, takeU32(message, 8));
    stream.messages.push(message);
    this.#count(route, message, 1);
    this.#egress.ready(stream, number);
    // What went out at once needs no copy.
    const index = stream.messages.length - 1;
    if (stream.messages[index] === message) stream.messages[index] = ownBytes(message);
  }

  /** Sends the last word of a route when nothing waits on it any more. */
  end(number: number, message: Uint8Array): void {
    const route = this.#routes.get(number);
    if (route === undefined || route.queued === 0) this.#finish(number, message);
    else route.last = message;
  }

  clear(): void {
    for (const { streams } of this.#routes.values()) {
      for (const stream of streams.values()) this.#egress.forget(stream);
    }
    this.#routes.clear();
    this.#known = 0;
    this.#onChange(-this.bytes);
    this.bytes = 0;
  }

  #route(number: number): Route {
    let route = this.#routes.get(number);
    if (route === undefined) {
      route = { streams: new Map(), queued: 0, last: null };
      this.#routes.set(number, route);
    }
    return route;
  }

  #stream(number: number, route: Route, id: number): RelayedStream {
    let stream = route.streams.get(id);
    if (stream === undefined) {
      if (this.#known >= this.#sweepAt) this.#sweep();
      stream = new RelayedStream(this.#egress, (message, change) => {
        if (message === null) this.#drained(number, route);
        else this.#count(route, message, change);
      });
      route.streams.set(id, stream);
      this.#known += 1;
    }
    return stream;
  }

  #count(route: Route, message: Uint8Array, change: 1 | -1): void {
    route.queued += change;
    const cost = change * (message.length + MESSAGE_COST_BYTES);
    this.bytes += cost;
    this.#onChange(cost);
  }

  /** A stream has nothing left, and what it had was sent. */
  #drained(number: number, { queued, last }: Route): void {
    if (queued === 0 && last !== null) this.#finish(number, last);
  }

  #finish(number: number, message: Uint8Array): void {
    const streams = this.#routes.get(number)?.streams.values() ?? [];
    for (const stream of streams) {
      this.#egress.forget(stream);
      this.#known -= 1;
    }
    this.#routes.delete(number);
    this.#egress.control(message);
  }

  #sweep(): void {
    for (const [number, route] of this.#routes) {
      for (const [id, stream] of route.streams) {
        if (stream.messages.length > 0 || !this.#egress.forgetIdle(stream)) continue;
        route.streams.delete(id);
        this.#known -= 1;
      }
      if (route.streams.size === 0 && route.last === null) this.#routes.delete(number);
    }
    this.#sweepAt = Math.max(IDLE_SWEEP_MIN, 2 * this.#known);
  }
}

/** Hears of each message that comes or leaves; null when there was none left. */
type Counted = (message: Uint8Array | null, change: 1 | -1) => void;

class RelayedStream implements DataSource {
  readonly messages: Uint8Array[] = [];
  readonly #egress: Egress;
  readonly #count: Counted;

  constructor(egress: Egress, count: Counted) {
    this.#egress = egress;
    this.#count = count;
  }

  nextFrame(bytesMax: number): Uint8Array | null {
    const message = this.messages.shift() ?? null;
    this.#count(message, -1);
    if (message?.[0] !== FrameType.data) return message;
    const wholeMax = Math.min(CUT_ABOVE * bytesMax, this.#egress.dataBytesMax + HEAD_BYTES_MAX);
    const cut = message.length > wholeMax ? cutData(message, bytesMax) : null;
    if (cut === null) return message;
    this.messages.unshift(cut.tail);
    this.#count(cut.tail, 1);
    return cut.head;
  }
}
