/** Frames in a relay: each stream in order, none lost, cut where a line is slow. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { cutData, decodeData } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FLAG_FIN, FrameType } from "../../src/protocol/frame.ts";
import { Egress } from "../../src/stream/egress.ts";
import { RelayQueue } from "../../src/stream/relay-queue.ts";
import { Line } from "../support/line.ts";
import { TestClock } from "../support/test-clock.ts";
import { encodeData } from "../support/data-body.ts";

const HEADER_BYTES = 20;

function data(stream: number, offset: number, bytes: Uint8Array, fin = false): Uint8Array {
  const body = encodeData({ offset, bytes, ctlTx: fin ? 3 : null });
  const flags = fin ? FLAG_FIN : 0;
  return encodeFrame({ type: FrameType.data, flags, route: 4, epoch: 2, stream, body });
}

const pattern = (offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (offset + i) * 7);

describe("[ST10] a relay's queue", () => {
  test("hands on every byte of each stream in order, also in smaller frames", () => {
    const line = new Line({ bytesPerMs: 100, latencyMs: 20 });
    const queue = new RelayQueue(line.egress);
    const lengths = [16_384, 1, 9_000, 0, 16_384, 300];
    for (const stream of [1, 3]) {
      let offset = 0;
      for (const [index, length] of lengths.entries()) {
        queue.push(data(stream, offset, pattern(offset, length), index === lengths.length - 1));
        offset += length;
      }
    }
    expect(queue.bytes).toBeGreaterThan(0);
    line.clock.advance(20_000);
    expect(queue.bytes).toBe(0);
    expect(line.arrived.length).toBeGreaterThan(2 * lengths.length);
    for (const stream of [1, 3]) {
      let offset = 0;
      let ended = false;
      for (const { message } of line.arrived) {
        const got = decodeFrame(message);
        if (got?.stream !== stream) continue;
        expect([ended, got.route, got.epoch]).toEqual([false, 4, 2]);
        ended = (got.flags & FLAG_FIN) !== 0;
        const part = decodeData(got.body, ended);
        expect(part.offset).toBe(offset);
        expect(part.bytes).toEqual(pattern(offset, part.bytes.length));
        expect(part.ctlTx).toBe(ended ? 3 : null);
        offset += part.bytes.length;
      }
      expect([offset, ended]).toEqual([lengths.reduce((sum, length) => sum + length), true]);
    }
  });

  test("[ST11] cuts what a peer without `large` would not read, however fast its line", () => {
    const line = new Line({ bytesPerMs: 100_000, latencyMs: 0.2, features: ["hop"] });
    const queue = new RelayQueue(line.egress);
    const bytes = new Uint8Array(limits.DATA_BYTES_SMALL * 1.4);
    const count = 200;
    for (let n = 0; n < count; n++) queue.push(data(1, n * bytes.length, bytes));
    line.clock.advance(5_000);
    const lengths = line.arrived.map(({ message }) => message.length - HEADER_BYTES);
    expect(Math.max(...lengths)).toBe(limits.DATA_BYTES_SMALL);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(count * bytes.length);
  });

  test("says the last word of a route behind its bytes, and at once where nothing waits", () => {
    const line = new Line({ bytesPerMs: 100, latencyMs: 1 });
    const queue = new RelayQueue(line.egress);
    for (let n = 0; n < 20; n++) queue.push(data(1, n * 10_000, pattern(0, 10_000)));
    const detach = (route: number) => encodeFrame({ type: FrameType.detach, route, epoch: 2 });
    queue.end(4, detach(4));
    queue.end(5, detach(5));
    line.clock.advance(10_000);
    const ends = line.arrived.flatMap(({ message }, at) =>
      message[0] === FrameType.detach ? [[message[7], at]] : [],
    );
    const last = line.arrived.length - 1;
    expect(ends).toEqual([
      [5, expect.any(Number)],
      [4, last],
    ]);
    expect(ends[0]?.[1]).toBeLessThan(last);
  });

  test("keeps a copy of what waits, for a socket's buffer is used again", () => {
    const sent: Uint8Array[] = [];
    const sink = { send: (message: Uint8Array) => void sent.push(message), bufferedBytes: 1e9 };
    const egress = new Egress(sink, new TestClock());
    const queue = new RelayQueue(egress);
    const chunk = new Uint8Array(1_000);
    const message = data(1, 0, pattern(0, 100));
    chunk.set(message);
    queue.push(chunk.subarray(0, message.length));
    chunk.fill(255);
    sink.bufferedBytes = 0;
    egress.pump();
    expect(sent).toEqual([message]);
  });

  test("forgets streams that have nothing", () => {
    const clock = new TestClock();
    const egress = new Egress({ send: () => undefined, bufferedBytes: 0 }, clock);
    const queue = new RelayQueue(egress);
    for (let stream = 1; stream < 4_000; stream += 2) {
      queue.push(data(stream, 0, pattern(0, 10)));
      clock.advance(300);
    }
    expect(egress.known).toBeLessThan(200);
  });
});

test("a DATA frame that is cut means the same", () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 40),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.nat(299),
      fc.boolean(),
      (offset, bytes, at, fin) => {
        const message = data(9, offset, bytes, fin);
        const cut = cutData(message.slice(), at);
        if (cut === null) {
          expect(at).toBeGreaterThanOrEqual(bytes.length);
          return;
        }
        const [head, tail] = [decodeFrame(cut.head), decodeFrame(cut.tail)];
        if (head === null || tail === null) throw new Error("both are frames");
        expect([head.flags, tail.flags]).toEqual([0, fin ? FLAG_FIN : 0]);
        const [first, second] = [decodeData(head.body, false), decodeData(tail.body, fin)];
        expect([first.offset, second.offset]).toEqual([offset, offset + at]);
        expect([...first.bytes, ...second.bytes]).toEqual([...bytes]);
        expect(second.ctlTx).toBe(fin ? 3 : null);
      },
    ),
  );
});
