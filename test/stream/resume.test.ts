/** A channel over links that break: what both ends keep, tell each other, and never splice. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../src/base/crc32.ts";
import { limits } from "../../src/base/limits.ts";
import { openErrors } from "../../src/driver/services/exec-errors.ts";
import { decodeFrame } from "../../src/protocol/frame.ts";
import type { ResumeEntry } from "../../src/protocol/resume.ts";
import type { OpenRequest, Reset } from "../../src/protocol/services.ts";
import type { ChannelState } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import { SendSide } from "../../src/stream/send-side.ts";
import type { Stream, StreamEnd } from "../../src/stream/stream.ts";
import { nativeCrc32 } from "../../src/transport/native-crc32.ts";
import { echo, Meeting, WINDOW } from "../support/meeting.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { settled } from "../support/test-clock.ts";

const exec: OpenRequest = { kind: "exec", argv: ["x"], rxMax: WINDOW };

function pattern(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((offset + i) * 2654435761) >>> 24);
}

/** A stream that takes nothing, so that everything stays unacknowledged. */
function mute(stream: Stream): void {
  stream.listen({ onBytes: () => new Promise(() => undefined) });
  stream.accept({}, WINDOW);
}

describe("a channel over links that break", () => {
  test("[ST1] brings every byte back once and in order, whatever is cut and when", async () => {
    let cuts = 0;
    const script = fc.record({
      writes: fc.array(fc.nat({ max: 2_000 }), { minLength: 1, maxLength: 12 }),
      steps: fc.array(
        fc.record({ out: fc.nat({ max: 3 }), back: fc.nat({ max: 3 }), cut: fc.boolean() }),
        { minLength: 8, maxLength: 40 },
      ),
      streams: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({ writes, steps, streams }) => {
        const meeting = new Meeting();
        const lanes = Array.from({ length: streams }, () => {
          const received: number[] = [];
          const ends: StreamEnd[] = [];
          const stream = meeting.client.open(exec, {
            onBytes: (bytes) => void received.push(...bytes),
            onClosed: (end) => ends.push(end),
          });
          return { received, ends, stream, sent: 0 };
        });
        const left = [...writes];
        const write = (): void => {
          const length = left.shift() ?? 0;
          for (const lane of lanes) {
            lane.stream.write(pattern(lane.sent, length));
            lane.sent += length;
          }
        };
        for (const { out, back, cut } of steps) {
          write();
          meeting.toDriver.deliver(out);
          meeting.toClient.deliver(back);
          await settled();
          if (!cut) continue;
          cuts += 1;
          meeting.cut();
          write();
          meeting.meet();
        }
        while (left.length > 0) write();
        for (const { stream } of lanes) stream.end();
        await meeting.quiet();
        for (const { received, ends, sent } of lanes) {
          expect(Buffer.from(received).equals(Buffer.from(pattern(0, sent)))).toBe(true);
          expect(ends).toEqual([{ kind: "finished" }]);
        }
        expect(meeting.accepted).toHaveLength(streams);
        await meeting.quiet();
        meeting.cut();
        meeting.meet();
        await meeting.quiet();
        expect([meeting.client.size, meeting.driver.size]).toEqual([0, 0]);
        expect([meeting.client.heldBytes, meeting.driver.heldBytes]).toEqual([0, 0]);
      }),
      { numRuns: 80 },
    );
    expect(cuts).toBeGreaterThan(200);
  });

  test("[ST2] keeps no more than the window for a peer that is away, and the writer waits", async () => {
    const meeting = new Meeting(mute);
    const stream = meeting.client.open(exec, {});
    await meeting.quiet();
    meeting.cut();
    expect(stream.write(pattern(0, 500))).toBe(false);
    let sent = false;
    void stream.whenSent().then(() => (sent = true));
    await settled();
    expect(sent).toBe(false);
    meeting.meet();
    await meeting.quiet();
    expect(sent).toBe(true);
    expect(stream.write(pattern(500, 2 * WINDOW))).toBe(false);
    await meeting.quiet();
    expect(meeting.driver.heldBytes).toBe(WINDOW);
  });

  test("[ST3] an OPEN whose answer was lost starts nothing twice", async () => {
    const meeting = new Meeting();
    let opened = 0;
    meeting.client.open(exec, { onOpen: () => (opened += 1) });
    meeting.toDriver.deliver();
    meeting.cut();
    meeting.meet();
    await meeting.quiet();
    expect([meeting.accepted.length, opened]).toEqual([1, 1]);
  });

  test("[ST3] an end that came before the accept is not lost when the link changes", async () => {
    let ended = 0;
    const meeting = new Meeting(() => undefined);
    const stream = meeting.client.open(exec, {});
    stream.end();
    meeting.toDriver.deliver();
    meeting.cut();
    meeting.meet();
    await meeting.quiet();
    meeting.accepted[0]?.listen({ onEnd: () => (ended += 1) });
    meeting.accepted[0]?.accept({}, WINDOW);
    expect(ended).toBe(1);
  });

  test("[ST3] a stream that ended while the peer was away is told as it ended", async () => {
    const meeting = new Meeting();
    const ends: StreamEnd[] = [];
    const stream = meeting.client.open(exec, { onClosed: (end) => ends.push(end) });
    await meeting.quiet();
    meeting.cut();
    meeting.accepted[0]?.reset("IO", "disk on fire");
    meeting.meet();
    await meeting.quiet();
    expect(ends).toEqual([
      { kind: "reset", by: "peer", reset: { code: "IO", message: "disk on fire" } },
    ]);
    expect(stream.closed).toBe(true);
  });

  test("[ST4] a signal passes a window that is full, once, also across a cut", async () => {
    const heard: string[] = [];
    const meeting = new Meeting((stream) => {
      stream.listen({
        onBytes: () => new Promise(() => undefined),
        onCtl: (ctl) => heard.push(ctl.type === "signal" ? ctl.signal : ctl.type),
      });
      stream.accept({}, WINDOW);
    });
    const stream = meeting.client.open(exec, {});
    await meeting.quiet();
    stream.write(pattern(0, 5 * WINDOW));
    await meeting.quiet();
    stream.ctl({ type: "signal", signal: "INT" });
    meeting.toDriver.deliver();
    meeting.cut();
    for (const cols of [80, 90, 100]) stream.ctl({ type: "resize", cols, rows: 24 });
    stream.ctl({ type: "signal", signal: "TERM" });
    meeting.meet();
    // The same frames again, as a bad relay brings them.
    for (const message of [...meeting.toDriver.sent]) meeting.toDriver.send(message);
    await meeting.quiet();
    expect(heard).toEqual(["INT", "resize", "TERM"]);
  });

  test("[ST5] a lost frame on a living link is asked for after a while", async () => {
    const meeting = new Meeting();
    const received: number[] = [];
    const stream = meeting.client.open(exec, { onBytes: (bytes) => void received.push(...bytes) });
    await meeting.quiet();
    stream.write(pattern(0, 100));
    meeting.toDriver.sent.length = 0;
    stream.ctl({ type: "signal", signal: "INT" });
    meeting.toDriver.sent.length = 0;
    await meeting.quiet();
    expect(received).toEqual([]);
    // The first turn still hears what came before, the second finds silence.
    for (let turn = 0; turn < 2; turn++) {
      meeting.clock.advance(limits.PROBE_AFTER_MS);
      await meeting.quiet();
    }
    expect(received).toEqual([...pattern(0, 100)]);
  });
});

describe("a peer that is not where it was", () => {
  const entry = (state: ChannelState, change: Partial<ResumeEntry>): ChannelState => ({
    ...state,
    entries: state.entries.map((one) => ({ ...one, ...change })),
  });

  /** A driver that wrote 600 bytes, of which the client took 300; then its entry changes. */
  async function meetAs(change: (state: ChannelState) => ChannelState): Promise<StreamEnd[]> {
    const ends: StreamEnd[] = [];
    const meeting = new Meeting((stream) => {
      stream.listen({ onClosed: (end) => ends.push(end) });
      stream.accept({}, WINDOW);
    });
    let taken = 0;
    meeting.client.open(exec, {
      onBytes: (bytes) => {
        taken += bytes.length;
        return taken > 300 ? new Promise(() => undefined) : undefined;
      },
    });
    await meeting.quiet();
    for (const offset of [0, 300]) {
      meeting.accepted[0]?.write(pattern(offset, 300));
      await meeting.quiet();
    }
    meeting.cut();
    meeting.meet(change);
    await meeting.quiet();
    return ends;
  }

  const resetOf = (ends: StreamEnd[]): Reset["code"][] =>
    ends.map((end) => (end.kind === "reset" ? end.reset.code : "IO"));

  test("[ST6] goes on when positions, grant and bytes agree", async () => {
    expect(await meetAs((state) => state)).toEqual([]);
  });

  test("[ST6] that misses what it had taken is a gap, and is told", async () => {
    const older = crc32(pattern(0, 200), 0);
    const change = { rx: 200, ack: 200, crc: older };
    expect(resetOf(await meetAs((state) => entry(state, change)))).toEqual(["GAP"]);
  });

  test("[ST6] that has more than was sent, or takes a grant back, was rolled forward or back", async () => {
    for (const change of [{ rx: 601 }, { max: 900 }, { ctlRx: 1 }]) {
      expect(resetOf(await meetAs((state) => entry(state, change)))).toEqual(["ROLLED_BACK"]);
    }
  });

  test("[ST6] that has other bytes at the same place has diverged", async () => {
    const other = crc32(pattern(1, 600), 0);
    expect(resetOf(await meetAs((state) => entry(state, { crc: other })))).toEqual(["DIVERGED"]);
  });

  test("[ST6] that does not know a stream that it had answered is told apart from a lost OPEN", async () => {
    const meeting = new Meeting();
    const ends: StreamEnd[] = [];
    meeting.client.open(exec, { onClosed: (end) => ends.push(end) });
    await meeting.quiet();
    const restored = new Meeting();
    restored.cut();
    meeting.cut();
    const link = { route: 9, epoch: 9 };
    const [out, back] = MemorySocket.pair();
    restored.driver.bind(
      { ...link, egress: new Egress(back, meeting.clock) },
      meeting.client.state(),
    );
    meeting.client.bind(
      { ...link, egress: new Egress(out, meeting.clock) },
      restored.driver.state(),
    );
    out.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame !== null) meeting.client.receive(frame);
    });
    back.deliver();
    expect(resetOf(ends)).toEqual(["ROLLED_BACK"]);
    // What it opens next has no id that the client has seen in the future that is gone.
    expect(restored.accepted).toEqual([]);
  });

  test.each([
    [1, []],
    [3, ["DIVERGED", "DIVERGED"]],
  ])(
    "[ST6] that gave out an id again has another stream there, without a byte in it: %i",
    async (of, resets) => {
      const meet = async (errorsOf: number) => {
        const meeting = new Meeting(echo, (stream) => {
          stream.listen({});
          stream.accept({}, WINDOW);
        });
        for (let n = 0; n < 2; n++) meeting.client.open(exec, {});
        await meeting.quiet();
        const ends: StreamEnd[] = [];
        const stream = meeting.accepted.find(({ id }) => id === errorsOf);
        if (stream === undefined) throw new Error("both commands were taken");
        const onEnd = (end: StreamEnd): void => void ends.push(end);
        stream.listen({ onClosed: onEnd });
        const errors = openErrors(stream, meeting.driver, 0);
        return { meeting, ends, errors };
      };
      const seen = await meet(1);
      await seen.meeting.quiet();
      // In the past that comes back, the same id was of this command, and its OPEN was on its way.
      const restored = await meet(of);
      restored.meeting.cut();
      seen.meeting.cut();
      const driver = restored.meeting.driver;
      const link = {
        route: 9,
        epoch: 9,
        egress: new Egress(MemorySocket.pair()[0], restored.meeting.clock),
      };
      driver.bind(link, seen.meeting.client.state());
      const codes = resetOf(restored.ends);
      expect([...codes, ...(restored.errors.closed ? ["DIVERGED"] : [])]).toEqual(resets);
    },
  );
});

describe("what is kept for a peer", () => {
  test("[ST7] nothing is freed before the peer itself took it", () => {
    const side = new SendSide(WINDOW);
    side.push(pattern(0, 600));
    while (side.take() !== null);
    side.credit({ rx: 600, ack: 0, max: WINDOW });
    expect(side.keptBytes).toBe(600);
    side.credit({ rx: 600, ack: 400, max: WINDOW + 400 });
    expect(side.keptBytes).toBe(200);
    side.rewind({ rx: 450 });
    expect(side.take()).toEqual({ offset: 450, parts: [pattern(450, 150)], fin: false });
  });

  test("what is written at once goes out in one frame, wherever it lies in the log", () => {
    const side = new SendSide(1e9);
    const written = pattern(40_000, limits.DATA_BYTES_MAX);
    side.push(pattern(0, 40_000));
    expect(side.take()).toMatchObject({ offset: 0, fin: false });
    side.push(written);
    const segment = side.take(limits.DATA_BYTES_MAX);
    expect(segment).toMatchObject({ offset: 40_000, fin: false });
    expect(Buffer.concat(segment?.parts ?? [])).toEqual(Buffer.from(written));
    expect(side.take()).toBeNull();
  });

  test("[ST6] the CRC of any position that is kept is that of all bytes before it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (writes, ackShare, rxShare) => {
          const all = Buffer.concat(writes);
          const side = new SendSide(1e9, nativeCrc32());
          for (const bytes of writes) side.push(bytes);
          while (side.take() !== null);
          const rx = Math.floor(all.length * rxShare);
          const ack = Math.floor(rx * ackShare);
          expect(side.credit({ rx, ack, max: 1e9 })).toBe(true);
          const crc = crc32(all.subarray(0, rx), 0);
          expect(side.judge({ rx, max: 1e9, crc })).toBe("resumed");
          expect(side.judge({ rx, max: 1e9, crc: crc ^ 1 })).toBe("diverged");
        },
      ),
    );
  });
});
