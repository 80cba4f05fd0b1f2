/**
 * How many bytes may be on their way to the next hop and not acknowledged by it. What lies in the
 * buffers of sockets can be overtaken by nothing, so this number is the wait of a keystroke behind
 * bulk. It follows the line: what it delivers in its own round trip, and a little more, so that the
 * line never runs dry. Pure; counts bytes and knows no frames.
 *
 * The round trip of an empty line is found by sending little for one round trip now and then: a
 * line that is kept full never shows it.
 */
import type { Clock } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { Flight, type Sent } from "./flight.ts";

/** Its reader tells at once when it has read so much, unless it was asked for less often. */
export const HOP_WINDOW_BYTES_MIN = 8 * 1024;
const WINDOW_BYTES_MAX = 4 * 1024 * 1024;
/** Before anything was measured: a quarter of a second on 0.25 MB/s. */
const WINDOW_BYTES_FIRST = 64 * 1024;
/** What may queue beyond the round trip. Two busy event loops need some of it to keep a rate. */
const QUEUE_MS = 3;
/** So much may have arrived and not be acknowledged yet. */
const UNTOLD_BYTES = 4 * 1024;
/** Room above the round trip, for one that varies; while the rate still grows, more. */
const GAIN = 1.25;
const STARTING_GAIN = 2;
/**
 * A round trip that grows with the load of the machine, and not with the window, must not close
 * the window step by step: up to so many bytes it is as wide as the line delivers in this time.
 */
const STEADY_MS = 50;
const STEADY_BYTES_MAX = 256 * 1024;
/** The best rate of this time counts; two halves, so that one sample cannot hold it for ever. */
const RATE_HALF_MS = 500;
const ROUND_TRIP_AGE_MS = 10_000;
/** One frame takes no longer than this on the line. */
const FRAME_MS = 5;
/** And one of more than 64 KiB no longer than this: fewer frames are cheaper, waiting is dear. */
const LARGE_FRAME_MS = 1;
const FRAME_BYTES_MIN = 2 * 1024;
/** Each acknowledgement is a call and a wake at both ends: one for so much is enough. */
const ACK_BYTES_MAX = 256 * 1024;

export class HopWindow {
  /** After how many bytes the next hop should acknowledge. */
  ackEvery = HOP_WINDOW_BYTES_MIN;
  readonly #clock: Clock;
  /** What the next hop reads in one frame. */
  readonly dataBytesMax: number;
  #sent = 0;
  #acked = 0;
  #ackedAtMs = 0;
  #ackedSentAtMs = 0;
  readonly #flight = new Flight();
  #roundTripMs = Infinity;
  #roundTripAtMs = 0;
  /** Little is sent until the round trip of an empty line is known anew. */
  #looking = false;
  #starting = true;
  /** Bytes a millisecond: the best of the half second that runs, and of the one before. */
  #rate = 0;
  #rateBefore = 0;
  #rateSinceMs = 0;

  constructor(clock: Clock, dataBytesMax: number) {
    this.#clock = clock;
    this.dataBytesMax = dataBytesMax;
  }

  get flightBytes(): number {
    return this.#sent - this.#acked;
  }

  get bytesMax(): number {
    return this.#looking ? HOP_WINDOW_BYTES_MIN : this.lineBytesMax;
  }

  /** The same without regard to a look at the empty line: what a keystroke need not wait for. */
  get lineBytesMax(): number {
    const rate = this.#bestRate;
    if (rate === 0) return WINDOW_BYTES_FIRST;
    const gain = this.#starting ? STARTING_GAIN : GAIN;
    const line = rate * (gain * this.#roundTripMs + QUEUE_MS) + UNTOLD_BYTES;
    const steady = Math.min(STEADY_BYTES_MAX, rate * STEADY_MS);
    return Math.min(WINDOW_BYTES_MAX, Math.max(HOP_WINDOW_BYTES_MIN, line, steady));
  }

  get #bestRate(): number {
    return Math.max(this.#rate, this.#rateBefore);
  }

  /** What one frame should hold at most. */
  get frameBytesMax(): number {
    const rate = this.#bestRate;
    if (rate === 0) return limits.DATA_BYTES_FIRST;
    const small = Math.max(FRAME_BYTES_MIN, Math.floor(rate * FRAME_MS));
    const large = Math.min(this.dataBytesMax, Math.floor(rate * LARGE_FRAME_MS));
    return Math.max(Math.min(limits.DATA_BYTES_SMALL, small), large);
  }

  sent(bytes: number): void {
    const atMs = this.#clock.mono();
    if (this.flightBytes === 0) {
      this.#ackedAtMs = atMs;
      this.#ackedSentAtMs = atMs;
    }
    const alone = this.flightBytes < HOP_WINDOW_BYTES_MIN;
    this.#sent += bytes;
    const sent = {
      end: this.#sent,
      atMs,
      acked: this.#acked,
      ackedAtMs: this.#ackedAtMs,
      ackedSentAtMs: this.#ackedSentAtMs,
      full: this.flightBytes + this.frameBytesMax >= this.bytesMax,
      alone,
    };
    this.#flight.add(sent, bytes);
  }

  /** The next hop has `total` bytes. False when they are more than were ever sent. */
  acked(total: number): boolean {
    if (total > this.#sent) return false;
    if (total <= this.#acked) return true;
    this.#acked = total;
    const last = this.#flight.take(total);
    if (last === null) return true;
    this.#measure(last, this.#clock.mono());
    this.#askAnew();
    return true;
  }

  /** Half of what is beyond the round trip: with all of it the line would wait for the answer. */
  #askAnew(): void {
    const room = this.#looking ? 0 : this.lineBytesMax - this.#bestRate * this.#roundTripMs;
    const every = Math.min(ACK_BYTES_MAX, Math.max(HOP_WINDOW_BYTES_MIN, Math.floor(room / 2)));
    // It varies, and is not worth a word each time.
    if (every < this.ackEvery * 0.75 || every > this.ackEvery * 1.5) this.ackEvery = every;
  }

  #measure(last: Sent, nowMs: number): void {
    const roundTripMs = nowMs - last.atMs;
    this.#ackedAtMs = nowMs;
    this.#ackedSentAtMs = last.atMs;
    const old = nowMs - this.#roundTripAtMs > ROUND_TRIP_AGE_MS;
    if (roundTripMs <= this.#roundTripMs || (this.#looking && last.alone)) {
      this.#roundTripMs = roundTripMs;
      this.#roundTripAtMs = nowMs;
      this.#looking = false;
    } else if (old) this.#looking = true;
    const queued = roundTripMs > GAIN * this.#roundTripMs + QUEUE_MS;
    if (queued) this.#starting = false;
    // As long as both the sending and the answers of these bytes took: answers may come in a heap.
    const tookMs = Math.max(nowMs - last.ackedAtMs, last.atMs - last.ackedSentAtMs);
    if (tookMs <= 0) return;
    const rate = (this.#acked - last.acked) / tookMs;
    // A writer that has little to say shows nothing of the line.
    if (last.full || queued) this.#note(rate, nowMs);
    else this.#rate = Math.max(this.#rate, rate);
  }

  #note(rate: number, nowMs: number): void {
    if (nowMs - this.#rateSinceMs > RATE_HALF_MS) {
      this.#rateBefore = this.#rate;
      this.#rate = 0;
      this.#rateSinceMs = nowMs;
    }
    this.#rate = Math.max(this.#rate, rate);
  }
}
