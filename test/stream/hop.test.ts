/** What is interactive passes bulk: classes by behaviour, and little in the buffers of a line. */
import { describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { decodeLinkAck, encodeLinkAck } from "../../src/protocol/bodies.ts";
import { encodeFrame, FrameType, takeU32 } from "../../src/protocol/frame.ts";
import { ProtocolError } from "../../src/protocol/protocol-error.ts";
import { FEATURES } from "../../src/protocol/version.ts";
import { Egress, type DataSource } from "../../src/stream/egress.ts";
import { createHeartbeat } from "../../src/stream/heartbeat.ts";
import { HopReceipts } from "../../src/stream/hop-receipts.ts";
import { HOP_WINDOW_BYTES_MIN, HopWindow } from "../../src/stream/hop-window.ts";
import { Line } from "../support/line.ts";
import { encodeData } from "../support/data-body.ts";
import { TestClock } from "../support/test-clock.ts";

const KEY_BYTES = 40;
const KEY_EVERY_MS = 50;
const HEADER_BYTES = 20;

function frame(stream: number, length: number, type: FrameType = FrameType.data): Uint8Array {
  const body = encodeData({ offset: 0, bytes: new Uint8Array(length), ctlTx: null });
  return encodeFrame({ type, route: 1, epoch: 1, stream, body });
}

/** Always has more to send, in frames of at most `lengthMax`. */
class Flood implements DataSource {
  readonly #stream: number;
  readonly #lengthMax: number;

  constructor(stream: number, lengthMax = Infinity) {
    this.#stream = stream;
    this.#lengthMax = lengthMax;
  }

  nextFrame(bytesMax: number): Uint8Array {
    return frame(this.#stream, Math.min(bytesMax, this.#lengthMax));
  }
}

class Keys implements DataSource {
  waiting = 0;

  nextFrame(): Uint8Array | null {
    if (this.waiting === 0) return null;
    this.waiting -= 1;
    return frame(99, KEY_BYTES);
  }
}

/** Types for three seconds beside a flood: the longest wait one way, and how full the line is. */
function typeBesideFlood(line: Line): { readonly worstMs: number; readonly used: number } {
  const { clock, egress } = line;
  const keys = new Keys();
  const typedAtMs: number[] = [];
  egress.ready(new Flood(1), 1);
  clock.advance(1_000);
  line.arrived.length = 0;
  const beganAtMs = clock.mono();
  for (let typed = 0; typed < 60; typed++) {
    typedAtMs.push(clock.mono());
    keys.waiting += 1;
    egress.ready(keys, 1);
    clock.advance(KEY_EVERY_MS);
  }
  const tookMs = clock.mono() - beganAtMs;
  const bytes = line.arrived.reduce((sum, { message }) => sum + message.length, 0);
  clock.advance(1_000);
  const keysArrived = line.arrived.filter(({ message }) => takeU32(message, 8) === 99);
  const delays = keysArrived.map(({ atMs }, index) => atMs - (typedAtMs[index] ?? 0));
  expect(delays).toHaveLength(typedAtMs.length);
  delays.sort((a, b) => a - b);
  const worstMs = delays.at(-1) ?? Infinity;
  return { worstMs, used: bytes / (tookMs * line.bytesPerMs) };
}

describe("[ST10] a keystroke beside a saturating stream", () => {
  const lines = [
    { bytesPerMs: 250, latencyMs: 20, boundMs: 120 },
    { bytesPerMs: 2_000, latencyMs: 20, boundMs: 60 },
    { bytesPerMs: 2_000, latencyMs: 75, boundMs: 150 },
    { bytesPerMs: 10_000, latencyMs: 5, boundMs: 50 },
    { bytesPerMs: 40_000, latencyMs: 0.2, boundMs: 12 },
  ];
  for (const { boundMs, ...shape } of lines) {
    const { bytesPerMs, latencyMs } = shape;
    test(`waits little at ${bytesPerMs} B/ms and ${latencyMs} ms, and the line stays full`, () => {
      const { worstMs, used } = typeBesideFlood(new Line(shape));
      expect(worstMs).toBeLessThan(boundMs);
      expect(used).toBeGreaterThan(0.9);
    });
  }

  test.each([700, 3_000, 5_000, 7_000, 16_000, 60_000])(
    "a page whose timers are held back for a minute takes frames of %i bytes as fast as ever",
    (length) => {
      const shape = { bytesPerMs: 2_000, latencyMs: 5 };
      const line = new Line({ ...shape, timersEveryMs: 60_000 });
      line.egress.ready(new Flood(1, length), 1);
      line.clock.advance(20_000);
      const bytes = line.arrived.reduce((sum, { message }) => sum + message.length, 0);
      expect(bytes / (20_000 * line.bytesPerMs)).toBeGreaterThan(0.9);
    },
  );

  test("the line that got slower, or longer, is measured anew", () => {
    const line = new Line({ bytesPerMs: 10_000, latencyMs: 5 });
    line.egress.ready(new Flood(1), 1);
    line.clock.advance(5_000);
    line.bytesPerMs = 500;
    line.latencyMs = 60;
    line.clock.advance(30_000);
    const { worstMs, used } = typeBesideFlood(line);
    expect(worstMs).toBeLessThan(200);
    expect(used).toBeGreaterThan(0.85);
  });
});

test("[ST10] a heartbeat that hears pongs alone is never late in ten minutes of a full line", () => {
  const line = new Line({ bytesPerMs: 250, latencyMs: 20 });
  const { clock, egress } = line;
  const alarms: string[] = [];
  const slowestMs: number[] = [];
  const heartbeat = createHeartbeat({
    clock,
    pingMs: limits.DRIVER_PING_MS,
    suspectMs: limits.DRIVER_SUSPECT_MS,
    deadMs: limits.DRIVER_DEAD_MS,
    send: (body) => egress.control(encodeFrame({ type: FrameType.ping, body })),
    onSuspect: () => alarms.push("suspect"),
    onDead: () => alarms.push("dead"),
  });
  egress.ready(new Flood(1), 1);
  let floodBytes = 0;
  for (let second = 0; second < 600; second++) {
    clock.advance(1_000);
    for (const { message } of line.arrived.splice(0)) {
      if (message[0] !== FrameType.ping) floodBytes += message.length;
      else slowestMs.push(heartbeat.ponged(message.subarray(8))?.roundTripMs ?? Infinity);
    }
  }
  heartbeat.stop();
  expect(alarms).toEqual([]);
  expect(slowestMs.length).toBeGreaterThan(590_000 / limits.DRIVER_PING_MS);
  // Answers are looked at once a second here.
  expect(Math.max(...slowestMs)).toBeLessThan(1_200);
  expect(floodBytes / (600_000 * line.bytesPerMs)).toBeGreaterThan(0.9);
});

describe("turns", () => {
  const bytesOf = (line: Line, stream: number): number =>
    line.arrived
      .filter(({ message }) => takeU32(message, 8) === stream)
      .reduce((sum, { message }) => sum + message.length - HEADER_BYTES, 0);

  test("[ST10] flows of bulk share by bytes, whatever the size of their frames", () => {
    const line = new Line({ bytesPerMs: 2_000, latencyMs: 10 });
    line.egress.ready(new Flood(1, 1_000), 1);
    line.egress.ready(new Flood(3), 1);
    line.clock.advance(10_000);
    expect(bytesOf(line, 1) / bytesOf(line, 3)).toBeCloseTo(1, 0);
    expect(bytesOf(line, 1)).toBeGreaterThan(5_000_000);
  });

  test("[ST10] a client with many streams gets no more than one with a single stream", () => {
    const line = new Line({ bytesPerMs: 2_000, latencyMs: 10 });
    for (let stream = 1; stream <= 19; stream += 2) line.egress.ready(new Flood(stream), 7);
    line.egress.ready(new Flood(101), 8);
    line.clock.advance(10_000);
    const single = bytesOf(line, 101);
    expect(single).toBeGreaterThan(0.45 * 20_000_000);
  });

  test("a flow that floods is bulk until it was quiet", () => {
    const line = new Line({ bytesPerMs: 250, latencyMs: 10 });
    const flood = new Flood(1);
    line.egress.ready(flood, 1);
    line.clock.advance(5_000);
    const keys = new Keys();
    keys.waiting = 5_000;
    const sentAtMs = line.clock.mono();
    line.egress.ready(keys, 1);
    line.clock.advance(20_000);
    const shares = line.arrived.filter(({ message }) => takeU32(message, 8) === 99);
    // 300 kB of "keys" are no typing: they take as long as their fair half of the line lets them.
    expect((shares.at(-1)?.atMs ?? 0) - sentAtMs).toBeGreaterThan(1_800);
  });
});

describe("a hop window", () => {
  test("[ST10] never has more on the way than the window and one frame", () => {
    const clock = new TestClock();
    const hop = new HopWindow(clock, limits.DATA_BYTES_MAX);
    while (hop.flightBytes < hop.bytesMax) hop.sent(16_404);
    expect(hop.flightBytes).toBeLessThan(64 * 1024 + 16_404);
    clock.advance(40);
    expect(hop.acked(hop.flightBytes)).toBe(true);
    expect(hop.flightBytes).toBe(0);
  });

  test("refuses an acknowledgement of what was never sent, and takes an old one twice", () => {
    const line = new Line({ bytesPerMs: 1_000, latencyMs: 1 });
    line.egress.ready(new Flood(1), 1);
    line.clock.advance(1_000);
    line.egress.hopAcked(1);
    expect(() => line.egress.hopAcked(1e12)).toThrow(ProtocolError);
  });

  test("tells of one frame at once, of little soon, and of keystrokes not at all", () => {
    const clock = new TestClock();
    const told: number[] = [];
    const receipts = new HopReceipts(clock, unheard(clock), FEATURES, (body) => {
      told.push(decodeLinkAck(body).total);
    });
    const key = frame(1, KEY_BYTES);
    for (let n = 0; n < 20; n++) receipts.received(key);
    clock.advance(1_000);
    expect(told).toEqual([]);
    const whole = frame(1, 16_384);
    receipts.received(whole);
    const keys = 20 * key.length;
    expect(told).toEqual([keys + whole.length]);
    receipts.received(frame(1, 5_000));
    expect(told).toHaveLength(1);
    clock.advance(2);
    expect(told.at(-1)).toBe(keys + whole.length + 5_000 + HEADER_BYTES);
    receipts.received(frame(1, 100_000, FrameType.credit));
    clock.advance(10);
    expect(told).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test("tells as often as it was asked to, and at once when it is asked for more", () => {
    const clock = new TestClock();
    const told: number[] = [];
    const receipts = new HopReceipts(clock, unheard(clock), FEATURES, (body) => {
      told.push(decodeLinkAck(body).total);
    });
    const whole = frame(1, 16_384);
    receipts.acked(encodeLinkAck({ total: 0, every: 4 * whole.length }));
    for (let n = 0; n < 8; n++) receipts.received(whole);
    expect(told).toEqual([4 * whole.length, 8 * whole.length]);
    receipts.received(whole);
    expect(told).toHaveLength(2);
    // A sender that does not say, as older ones do not, wants to hear of each frame.
    receipts.acked(encodeLinkAck({ total: 0, every: 0 }));
    expect(told).toEqual([4 * whole.length, 8 * whole.length, 9 * whole.length]);
    receipts.stop();
  });

  test("a fast line is not acknowledged with each frame", () => {
    const line = new Line({ bytesPerMs: 100_000, latencyMs: 0.2 });
    line.egress.ready(new Flood(1), 1);
    line.clock.advance(1_000);
    line.arrived.length = 0;
    line.acks = 0;
    line.clock.advance(1_000);
    const bytes = line.arrived.reduce((sum, { message }) => sum + message.length, 0);
    expect(bytes).toBeGreaterThan(80_000_000);
    expect(bytes / line.acks).toBeGreaterThan(1.5 * limits.DATA_BYTES_SMALL);
  });

  test.for([
    [FEATURES, limits.DATA_BYTES_MAX],
    [["hop"], limits.DATA_BYTES_SMALL],
  ] as const)(
    "[ST11] a peer with %s has frames of %i bytes on a fast line",
    ([features, dataBytes]) => {
      const line = new Line({ bytesPerMs: 400_000, latencyMs: 0.2, features });
      line.egress.ready(new Flood(1), 1);
      line.clock.advance(500);
      const most = Math.max(...line.arrived.map(({ message }) => message.length));
      expect(most).toBe(HEADER_BYTES + dataBytes);
    },
  );

  test("a look at the empty line asks for each frame, and then for less again", () => {
    const line = new Line({ bytesPerMs: 2_000, latencyMs: 5 });
    line.egress.ready(new Flood(1), 1);
    const asked: number[] = [];
    for (let ms = 0; ms < 20_000; ms++) {
      line.clock.advance(1);
      asked.push(line.egress.ackEvery);
    }
    const changes = asked.filter((every, ms) => every !== asked[ms - 1]);
    expect(asked.slice(2_000)).toContain(HOP_WINDOW_BYTES_MIN);
    expect(asked.at(-1)).toBeGreaterThan(2 * HOP_WINDOW_BYTES_MIN);
    expect(changes.length).toBeLessThan(20);
  });
});

/** A side that sends no DATA. */
function unheard(clock: TestClock): Egress {
  return new Egress({ send: () => undefined, bufferedBytes: 0 }, clock);
}
