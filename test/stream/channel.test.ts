import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { decodeResync, encodeCredit, encodeJson } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FLAG_FIN, FrameType } from "../../src/protocol/frame.ts";
import { ProtocolError } from "../../src/protocol/protocol-error.ts";
import { DriverRequest, OpenRequest } from "../../src/protocol/services.ts";
import { Channel, NEW_CHANNEL } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import type { Stream, StreamEnd, StreamEvents } from "../../src/stream/stream.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { settled, TestClock } from "../support/test-clock.ts";
import { encodeData } from "../support/data-body.ts";

const WINDOW = 1_000;
const EPOCH = 70_000;
const exec: OpenRequest = { kind: "exec", argv: ["x"], rxMax: WINDOW };

interface Pair {
  readonly client: Channel;
  readonly driver: Channel;
  readonly toDriver: MemorySocket;
  readonly toClient: MemorySocket;
  readonly accepted: Stream[];
}

/** A client and a driver channel over a line that the test moves. */
function pair(onOpen?: (stream: Stream) => void): Pair {
  const [toDriver, toClient] = MemorySocket.pair();
  const accepted: Stream[] = [];
  const clock = new TestClock();
  const egresses = [new Egress(toDriver, clock), new Egress(toClient, clock)] as const;
  const client = new Channel({
    side: "client",
    requests: DriverRequest,
    clock,
    onOpen: (_request, stream) => stream.reset("REFUSED", "no"),
  });
  const driver = new Channel({
    side: "driver",
    requests: OpenRequest,
    clock,
    onOpen: (_request, stream) => {
      accepted.push(stream);
      if (onOpen !== undefined) onOpen(stream);
      else stream.accept({}, WINDOW);
    },
  });
  client.bind({ route: 5, epoch: EPOCH, egress: egresses[0] }, NEW_CHANNEL);
  driver.bind({ route: 5, epoch: EPOCH, egress: egresses[1] }, NEW_CHANNEL);
  const receive = (channel: Channel) => (message: Uint8Array) => {
    const frame = decodeFrame(message);
    if (frame !== null) channel.receive(frame);
  };
  toDriver.onDrain(() => egresses[0].pump());
  toClient.onDrain(() => egresses[1].pump());
  toDriver.onFrame(receive(client));
  toClient.onFrame(receive(driver));
  return { client, driver, toDriver, toClient, accepted };
}

/** Moves frames and promises until nothing moves. */
async function quiet({ toDriver, toClient }: Pair): Promise<void> {
  for (;;) {
    await settled();
    const moved = [toDriver.deliver(), toClient.deliver()];
    if (!moved.includes(true)) return;
  }
}

/** Bytes that differ at every offset, so that a loss or a repeat cannot cancel out. */
function pattern(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((offset + i) * 2654435761) >>> 24);
}

function echo(stream: Stream): void {
  stream.listen({
    onBytes: (bytes) => (stream.write(bytes.slice()) ? undefined : stream.whenSent()),
    onEnd: () => stream.end(),
  });
  stream.accept({}, WINDOW);
}

describe("a channel", () => {
  test("brings every byte back once and in order, whatever the line and the reader do", async () => {
    let runs = 0;
    let crossings = 0;
    const script = fc.record({
      writes: fc.array(fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 3_000 })), { maxLength: 24 }),
      steps: fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })), { maxLength: 60 }),
      slow: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({ writes: lengths, steps, slow }) => {
        const writes = [...lengths];
        const line = pair(echo);
        const received: number[] = [];
        const held: (() => void)[] = [];
        let ended = 0;
        let end: StreamEnd | null = null;
        const stream = line.client.open(exec, {
          onBytes: (bytes) => {
            // The next chunk never comes while this one is being taken.
            expect(held).toHaveLength(0);
            received.push(...bytes);
            if (slow) return new Promise<void>((resolve) => held.push(resolve));
          },
          onEnd: () => (ended += 1),
          onClosed: (how) => (end = how),
        });
        let sent = 0;
        const writeNext = (): void => {
          const length = writes.shift() ?? 0;
          stream.write(pattern(sent, length));
          sent += length;
        };
        for (const [out, back] of steps) {
          writeNext();
          line.toDriver.deliver(out);
          line.toClient.deliver(back);
          held.shift()?.();
          await settled();
        }
        while (writes.length > 0) writeNext();
        stream.end();
        for (let turn = 0; end === null && turn < 10_000; turn++) {
          held.shift()?.();
          await quiet(line);
        }
        await quiet(line);
        expect(Buffer.from(received).equals(Buffer.from(pattern(0, sent)))).toBe(true);
        expect(ended).toBe(1);
        expect(end).toEqual({ kind: "finished" });
        expect([line.client.size, line.driver.size]).toEqual([0, 0]);
        runs += 1;
        if (sent > WINDOW) crossings += 1;
      }),
      { numRuns: 200 },
    );
    expect(runs).toBe(200);
    expect(crossings).toBeGreaterThan(50);
  });

  test("a cut line gives a prefix, and every stream ends with the reason", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 20 }), fc.nat({ max: 5_000 }), async (steps, length) => {
        const line = pair(echo);
        const received: number[] = [];
        const ends: StreamEnd[] = [];
        const events: StreamEvents = {
          onBytes: (bytes) => void received.push(...bytes),
          onClosed: (how) => ends.push(how),
        };
        const stream = line.client.open(exec, events);
        stream.write(pattern(0, length));
        for (let step = 0; step < steps; step++) {
          line.toDriver.deliver(1);
          line.toClient.deliver(1);
          await settled();
        }
        line.client.close({ code: "DRIVER_GONE", message: "cut" });
        const reset = { code: "DRIVER_GONE", message: "cut" };
        expect(ends).toEqual([{ kind: "reset", by: "peer", reset }]);
        expect(received).toEqual([...pattern(0, received.length)]);
        expect(stream.write(pattern(0, 10))).toBe(true);
        await stream.whenSent();
        expect(line.client.size).toBe(0);
      }),
    );
  });

  test("never sends beyond the grant, and the source waits", async () => {
    const line = pair((stream) => {
      stream.listen({ onBytes: () => new Promise(() => undefined) });
      stream.accept({}, WINDOW);
    });
    const stream = line.client.open(exec, {});
    let sent = false;
    expect(stream.write(pattern(0, 5_000))).toBe(false);
    void stream.whenSent().then(() => (sent = true));
    await quiet(line);
    expect(sent).toBe(false);
    expect(line.accepted[0]?.closed).toBe(false);
    stream.end({ discard: true });
    await settled();
    expect(sent).toBe(true);
  });

  test("control frames do not wait behind data that the line cannot take", () => {
    const line = pair();
    const stream = line.client.open({ ...exec, rxMax: 0 }, {});
    line.toDriver.deliver();
    line.toClient.deliver();
    const bulk = 600;
    for (let i = 0; i < bulk; i++) line.toDriver.send(new Uint8Array(300));
    const before = line.toDriver.sent.length;
    stream.write(pattern(0, 500));
    stream.ctl({ type: "signal", signal: "INT" });
    const types = line.toDriver.sent.slice(before).map((message) => message[0]);
    expect(types).toEqual([FrameType.ctl]);
  });

  test("gives streams turns instead of letting the first one fill the line", async () => {
    const line = pair((stream) => stream.accept({}, limits.STREAM_WINDOW_BYTES));
    const streams = [1, 2, 3].map(() => line.client.open(exec, {}));
    await quiet(line);
    for (const stream of streams) stream.write(new Uint8Array(200_000));
    const order: number[] = [];
    for (let i = 0; i < 9; i++) {
      const [message] = line.toDriver.sent;
      if (message !== undefined) order.push(decodeFrame(message)?.stream ?? 0);
      line.toDriver.deliver(1);
    }
    await quiet(line);
    // The first stream had the empty line for itself; from the second pump on they alternate.
    expect(new Set(order.slice(-3)).size).toBeGreaterThan(1);
  });

  test("an end that comes before the accept is not lost", async () => {
    let listened: Stream | null = null;
    let ended = false;
    const line = pair((stream) => (listened = stream));
    const stream = line.client.open(exec, {});
    stream.end();
    await quiet(line);
    const opened = listened as Stream | null;
    opened?.listen({ onEnd: () => (ended = true) });
    expect(ended).toBe(false);
    opened?.accept({}, WINDOW);
    expect(ended).toBe(true);
  });

  test("a consumer that fails resets its stream and leaves the others alone", async () => {
    const line = pair(echo);
    const ends: StreamEnd[] = [];
    const bad = line.client.open(exec, {
      onBytes: () => Promise.reject(new Error("disk full")),
      onClosed: (end) => ends.push(end),
    });
    const good = line.client.open(exec, {});
    bad.write(pattern(0, 10));
    await quiet(line);
    expect(ends).toMatchObject([{ by: "self", reset: { code: "IO", message: "disk full" } }]);
    expect(line.accepted[0]?.closed).toBe(true);
    expect(good.closed).toBe(false);
  });
});

describe("a channel meets a peer that breaks the rules", () => {
  const frame = (type: FrameType, stream: number, body: Uint8Array, flags = 0) => {
    const decoded = decodeFrame(encodeFrame({ type, flags, epoch: EPOCH, route: 5, stream, body }));
    if (decoded === null) throw new Error("not a frame");
    return decoded;
  };
  const open = (id: number) => frame(FrameType.open, id, encodeJson(exec));

  function opened(): { line: Pair; ends: StreamEnd[] } {
    const ends: StreamEnd[] = [];
    const line = pair((stream) => {
      stream.listen({ onClosed: (end) => ends.push(end) });
      stream.accept({}, WINDOW);
    });
    line.driver.receive(open(1));
    return { line, ends };
  }

  test("more than was granted and bytes after the end each reset the stream", () => {
    const bad: [string, DataSpec][] = [
      ["CREDIT_VIOLATION", { offset: 0, length: WINDOW + 1, fin: false }],
      ["CREDIT_VIOLATION", { offset: 500, length: WINDOW, fin: false }],
    ];
    for (const [code, data] of bad) {
      const { line, ends } = opened();
      line.driver.receive(dataFrame(data));
      expect(ends).toMatchObject([{ by: "self", reset: { code } }]);
    }
    const { line, ends } = opened();
    line.driver.receive(dataFrame({ offset: 0, length: 5, fin: true }));
    line.driver.receive(dataFrame({ offset: 5, length: 1, fin: false }));
    expect(ends).toMatchObject([{ by: "self", reset: { code: "PROTOCOL" } }]);
  });

  interface DataSpec {
    readonly offset: number;
    readonly length: number;
    readonly fin: boolean;
  }
  const dataFrame = ({ offset, length, fin }: DataSpec) =>
    frame(
      FrameType.data,
      1,
      encodeData({ offset, bytes: pattern(offset, length), ctlTx: fin ? 0 : null }),
      fin ? FLAG_FIN : 0,
    );

  test("bytes that come twice are trimmed", () => {
    const received: number[] = [];
    const line = pair((stream) => {
      stream.listen({ onBytes: (bytes) => void received.push(...bytes) });
      stream.accept({}, WINDOW);
    });
    line.driver.receive(open(1));
    for (const [offset, length] of [
      [0, 10],
      [0, 10],
      [5, 10],
      [2, 3],
      [15, 1],
    ] as const) {
      line.driver.receive(dataFrame({ offset, length, fin: false }));
    }
    expect(received).toEqual([...pattern(0, 16)]);
  });

  test("bytes before which others are missing are asked for again, once for each position", () => {
    const { line, ends } = opened();
    const before = line.toClient.sent.length;
    for (const offset of [3, 4, 5])
      line.driver.receive(dataFrame({ offset, length: 1, fin: false }));
    line.driver.receive(dataFrame({ offset: 0, length: 1, fin: false }));
    line.driver.receive(dataFrame({ offset: 4, length: 1, fin: false }));
    const asked = line.toClient.sent.slice(before).map((message) => decodeFrame(message));
    expect(asked.map((one) => [one?.type, decodeResync(one?.body ?? new Uint8Array(0))])).toEqual([
      [FrameType.resync, { rx: 0, ctlRx: 0 }],
      [FrameType.resync, { rx: 1, ctlRx: 0 }],
    ]);
    expect(ends).toEqual([]);
  });

  test("an old credit changes nothing, and one for what was never sent ends the stream", () => {
    const credit = (rx: number, ack: number, max: number, ctlRx = 0) =>
      frame(FrameType.credit, 1, encodeCredit({ rx, ack, max, ctlRx }));
    const old = opened();
    old.line.driver.receive(credit(0, 0, WINDOW - 1));
    expect(old.ends).toEqual([]);
    for (const wrong of [credit(1, 0, 5_000), credit(0, 0, WINDOW, 1)]) {
      const { line, ends } = opened();
      line.driver.receive(wrong);
      expect(ends).toMatchObject([{ by: "self", reset: { code: "ROLLED_BACK" } }]);
    }
  });

  test("an id of the wrong side and 0 end the link; a used one is answered as before", () => {
    const { line } = opened();
    for (const id of [0, 2]) {
      expect(() => line.driver.receive(open(id))).toThrow(ProtocolError);
    }
    line.driver.receive(open(1));
    expect([line.accepted.length, line.toClient.sent.at(-1)?.[0]]).toEqual([1, FrameType.openOk]);
    line.driver.receive(open(7));
    // 3 and 5 may have been lost on the way and come late; 1 was there.
    line.driver.receive(open(5));
    line.driver.receive(open(5));
    expect([line.accepted.length, line.toClient.sent.at(-1)?.[0]]).toEqual([3, FrameType.openOk]);
  });

  test("a request that this version does not know is refused alone", () => {
    const { line } = opened();
    line.driver.receive(frame(FrameType.open, 3, encodeJson({ kind: "teleport", rxMax: 1 })));
    const last = line.toClient.sent.at(-1);
    expect(last?.[0]).toBe(FrameType.reset);
    expect(line.driver.size).toBe(1);
  });

  test("frames of another epoch and of unknown streams are dropped and counted", () => {
    const { line, ends } = opened();
    const stale = encodeFrame({ type: FrameType.reset, epoch: EPOCH - 1, route: 5, stream: 1 });
    const decoded = decodeFrame(stale);
    if (decoded !== null) line.driver.receive(decoded);
    expect(line.driver.strayFrames).toBe(1);
    line.driver.receive(
      frame(FrameType.data, 99, encodeData({ offset: 7, bytes: pattern(0, 3), ctlTx: null })),
    );
    expect(ends).toEqual([]);
  });

  test("too many streams are refused with LIMIT", () => {
    const line = pair();
    for (let i = 0; i < limits.STREAMS_PER_CHANNEL_MAX + 1; i++) {
      line.driver.receive(open(1 + 2 * i));
    }
    expect(line.driver.size).toBe(limits.STREAMS_PER_CHANNEL_MAX);
    expect(line.toClient.sent.at(-1)?.[0]).toBe(FrameType.reset);
  });

  test("of streams that are over as many are remembered as the channel was told", () => {
    const [clock, onOpen] = [new TestClock(), () => undefined];
    const requests = DriverRequest;
    const channel = new Channel({ side: "client", requests, clock, onOpen, tombstonesMax: 2 });
    const codes = [1, 3, 5].map((id) => {
      channel.open(exec, { onBytes: () => undefined }).reset("CANCELLED", "over");
      return () => channel.resetOf(id)?.code;
    });
    expect(codes.map((code) => code())).toEqual([undefined, "CANCELLED", "CANCELLED"]);
  });
});
