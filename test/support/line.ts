/** A line between two hops with a rate and a latency, on a test's clock: what is sent queues. */
import type { Clock } from "../../src/base/clock.ts";
import { FEATURES } from "../../src/protocol/version.ts";
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
  /** Acknowledgements that the other end sent. */
  acks = 0;
  readonly #receipts: HopReceipts | null = null;
  #freeAtMs = 0;

  /** `timersEveryMs`: the reader's timers fire no oftener, as in a page that nobody sees. */
  constructor(options: {
    bytesPerMs: number;
    latencyMs: number;
    hop?: boolean;
    features?: readonly string[];
    timersEveryMs?: number;
  }) {
    this.bytesPerMs = options.bytesPerMs;
    this.latencyMs = options.latencyMs;
    this.egress = new Egress(this, this.clock);
    if (options.hop === false) return;
    const { clock } = this;
    const { features = FEATURES } = options;
    const late = (call: () => void): void => void clock.setTimeout(call, this.latencyMs);
    const there = throttled(clock, options.timersEveryMs ?? 0);
    const answers = new Egress({ send: () => undefined, bufferedBytes: 0 }, clock);
    const near = new HopReceipts(clock, this.egress, features, (body) =>
      late(() => far.acked(body)),
    );
    const far = new HopReceipts(there, answers, features, (body) => {
      this.acks += 1;
      late(() => near.acked(body));
    });
    this.#receipts = far;
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
}

function throttled(clock: TestClock, everyMs: number): Clock {
  return {
    now: () => clock.now(),
    mono: () => clock.mono(),
    setTimeout: (call, waitMs) => clock.setTimeout(call, Math.max(waitMs, everyMs)),
    clearTimeout: (timer) => clock.clearTimeout(timer),
  };
}
