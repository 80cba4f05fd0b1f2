/** A line between two hops with a rate and a latency, on a test's clock: what is sent queues. */
import type { Clock } from "../../src/base/clock.ts";
import { encodeLinkAck } from "../../src/protocol/bodies.ts";
import { encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { Egress, type Sink } from "../../src/stream/egress.ts";
import { HopReceipts } from "../../src/stream/hop-receipts.ts";
import { TestClock } from "./test-clock.ts";

export class Line implements Sink {
  readonly clock = new TestClock();
  readonly egress: Egress;
  /** What came out at the other end, with the time. */
  readonly arrived: { readonly atMs: number; readonly message: Uint8Array }[] = [];
  bytesPerMs: number;
  latencyMs: number;
  /** The kernel takes everything at once, as on a fast machine with a slow line. */
  readonly bufferedBytes = 0;
  readonly #receipts: HopReceipts | null;
  #freeAtMs = 0;

  /** `timersEveryMs`: the reader's timers fire no oftener, as in a page that nobody sees. */
  constructor(options: {
    bytesPerMs: number;
    latencyMs: number;
    hop?: boolean;
    timersEveryMs?: number;
  }) {
    this.bytesPerMs = options.bytesPerMs;
    this.latencyMs = options.latencyMs;
    this.egress = new Egress(this, this.clock);
    const acknowledges = options.hop ?? true;
    if (acknowledges) this.egress.openHop();
    this.#receipts = acknowledges
      ? new HopReceipts(throttled(this.clock, options.timersEveryMs ?? 0), (total) =>
          this.#acknowledge(total),
        )
      : null;
  }

  send(message: Uint8Array): void {
    const { clock } = this;
    this.#freeAtMs = Math.max(this.#freeAtMs, clock.mono()) + message.length / this.bytesPerMs;
    clock.setTimeout(
      () => {
        this.arrived.push({ atMs: clock.mono(), message });
        this.#receipts?.received(message);
      },
      this.#freeAtMs - clock.mono() + this.latencyMs,
    );
  }

  #acknowledge(total: number): void {
    const ack = encodeFrame({ type: FrameType.linkAck, body: encodeLinkAck(total) });
    this.clock.setTimeout(() => this.egress.hopAcked(total), this.latencyMs + ack.length / 1e6);
  }
}

function throttled(clock: TestClock, everyMs: number): Clock {
  return {
    now: () => clock.now(),
    mono: () => clock.mono(),
    setTimeout: (call, waitMs) => clock.setTimeout(call, Math.max(waitMs, everyMs)),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}
