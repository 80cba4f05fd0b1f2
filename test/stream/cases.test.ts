/** Cases of docs/CASES.md that no other test is about: cuts at every frame, ends, stuck readers. */
import { expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import type { OpenRequest } from "../../src/protocol/services.ts";
import type { Stream, StreamEnd } from "../../src/stream/stream.ts";
import { Meeting, WINDOW } from "../support/meeting.ts";
import { settled } from "../support/test-clock.ts";

const exec: OpenRequest = { kind: "exec", argv: ["x"], rxMax: WINDOW };
const pattern = (offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((offset + i) * 2654435761) >>> 24);

interface Heard {
  readonly bytes: number[];
  readonly said: string[];
}

/** Notes everything that comes, in its order, and answers with the same and an exit. */
function playDriver(heard: Heard[]): (stream: Stream) => void {
  return (stream) => {
    const one: Heard = { bytes: [], said: [] };
    heard.push(one);
    stream.listen({
      onBytes: (bytes) => {
        one.bytes.push(...bytes);
        stream.write(bytes);
      },
      onCtl: (ctl) => void one.said.push(ctl.type === "signal" ? ctl.signal : ctl.type),
      onEnd: () => {
        one.said.push("end");
        stream.ctl({ type: "exit", code: 4, signal: null });
        stream.end();
      },
    });
    stream.accept({}, WINDOW);
  };
}

/** One command from its OPEN to its last CREDIT; the link is cut after so many frames. */
async function play(cutAfter: number): Promise<{ frames: number; outcome: unknown }> {
  const heard: Heard[] = [];
  const meeting = new Meeting(playDriver(heard));
  const back: Heard = { bytes: [], said: [] };
  let frames = 0;
  const step = async (): Promise<boolean> => {
    const moved = meeting.toDriver.deliver(1) || meeting.toClient.deliver(1);
    if (!moved) return false;
    frames += 1;
    await settled();
    if (frames === cutAfter) {
      meeting.cut();
      meeting.meet();
    }
    return true;
  };
  const stream = meeting.client.open(exec, {
    onBytes: (bytes) => void back.bytes.push(...bytes),
    onCtl: (ctl) => void back.said.push(ctl.type),
    onEnd: () => void back.said.push("end"),
    onClosed: (end) => void back.said.push(end.kind),
  });
  await step();
  stream.write(pattern(0, 700));
  stream.ctl({ type: "signal", signal: "INT" });
  await step();
  stream.write(pattern(700, 1_500));
  stream.ctl({ type: "resize", cols: 90, rows: 30 });
  stream.end();
  while (await step());
  return { frames, outcome: { heard, back } };
}

test("a link cut at any frame changes nothing of what the two ends see", async () => {
  const { frames, outcome } = await play(0);
  expect(outcome).toEqual({
    heard: [{ bytes: [...pattern(0, 2_200)], said: ["INT", "resize", "end"] }],
    back: { bytes: [...pattern(0, 2_200)], said: ["exit", "end", "finished"] },
  });
  expect(frames).toBeGreaterThan(12);
  for (let cutAfter = 1; cutAfter <= frames; cutAfter++) {
    expect((await play(cutAfter)).outcome, `cut after frame ${cutAfter}`).toEqual(outcome);
  }
});

test("a channel without a stream resumes, and is used after it", async () => {
  const heard: Heard[] = [];
  const meeting = new Meeting(playDriver(heard));
  for (let cut = 0; cut < 3; cut++) {
    meeting.cut();
    meeting.meet();
    await meeting.quiet();
  }
  meeting.client.open(exec, {}).write(pattern(0, 10));
  await meeting.quiet();
  expect(heard).toEqual([{ bytes: [...pattern(0, 10)], said: [] }]);
});

test("as many streams as a channel may have resume at once", async () => {
  const heard: Heard[] = [];
  const meeting = new Meeting(playDriver(heard));
  const streams = Array.from({ length: limits.STREAMS_PER_CHANNEL_MAX }, () =>
    meeting.client.open(exec, {}),
  );
  await meeting.quiet();
  for (const stream of streams) stream.write(pattern(0, 3));
  meeting.cut();
  meeting.meet();
  await meeting.quiet();
  expect(heard).toHaveLength(limits.STREAMS_PER_CHANNEL_MAX);
  expect(heard.every(({ bytes }) => bytes.length === 3)).toBe(true);
});

test("an end without a byte, an end that is lost and one that comes twice are one end", async () => {
  const heard: Heard[] = [];
  const meeting = new Meeting(playDriver(heard));
  const ends: StreamEnd[] = [];
  const stream = meeting.client.open(exec, { onClosed: (end) => ends.push(end) });
  await meeting.quiet();
  stream.end();
  const [fin] = meeting.toDriver.sent.splice(0);
  expect(fin?.[0]).toBe(FrameType.data);
  meeting.clock.advance(2 * limits.PROBE_AFTER_MS);
  await meeting.quiet();
  expect(heard[0]?.said).toEqual(["end"]);
  if (fin !== undefined) meeting.toDriver.send(fin);
  await meeting.quiet();
  expect([heard[0]?.said, ends]).toEqual([["end"], [{ kind: "finished" }]]);
});

test("resets that cross each other, bytes and an end leave one end at each side", async () => {
  const driverEnds: StreamEnd[] = [];
  const accepted: Stream[] = [];
  const meeting = new Meeting((stream) => {
    accepted.push(stream);
    stream.listen({ onClosed: (end) => driverEnds.push(end) });
    stream.accept({}, WINDOW);
  });
  const ends: StreamEnd[] = [];
  const stream = meeting.client.open(exec, { onClosed: (end) => ends.push(end) });
  await meeting.quiet();
  stream.write(pattern(0, 100));
  stream.end();
  stream.reset("CANCELLED", "enough");
  accepted[0]?.write(pattern(0, 100));
  accepted[0]?.reset("IO", "broken");
  await meeting.quiet();
  expect(ends).toMatchObject([{ kind: "reset", by: "self", reset: { code: "CANCELLED" } }]);
  expect(driverEnds).toMatchObject([{ kind: "reset", by: "self", reset: { code: "IO" } }]);
  expect([meeting.client.size, meeting.driver.size]).toEqual([0, 0]);
});

test("a reader that is stuck for ever holds up its own stream and no other", async () => {
  const heard: Heard[] = [];
  const play = playDriver(heard);
  let first = true;
  const meeting = new Meeting((stream) => {
    if (!first) play(stream);
    else {
      first = false;
      stream.listen({ onBytes: () => new Promise(() => undefined) });
      stream.accept({}, WINDOW);
    }
  });
  const [stuck, free] = [meeting.client.open(exec, {}), meeting.client.open(exec, {})];
  await meeting.quiet();
  stuck.write(pattern(0, 50 * WINDOW));
  free.write(pattern(0, 50 * WINDOW));
  await meeting.quiet();
  expect(heard[0]?.bytes).toHaveLength(50 * WINDOW);
  // The window of the stuck one, and the other's, which may have grown.
  expect(meeting.driver.heldBytes).toBeLessThanOrEqual(WINDOW + free.windowBytes);
});

test("two sides that both only write end in bounded memory, and go on when one reads", async () => {
  let release = (): void => undefined;
  const until = new Promise<void>((resolve) => (release = resolve));
  let taken = 0;
  const meeting = new Meeting((stream) => {
    stream.listen({
      onBytes: async (bytes) => {
        await until;
        taken += bytes.length;
      },
    });
    stream.accept({}, WINDOW);
    stream.write(pattern(0, 20 * WINDOW));
  });
  const stream = meeting.client.open(exec, { onBytes: () => new Promise(() => undefined) });
  stream.write(pattern(0, 20 * WINDOW));
  await meeting.quiet();
  expect(taken).toBe(0);
  release();
  await meeting.quiet();
  expect(taken).toBe(20 * WINDOW);
});

test("[TE2] of sizes only the newest waits, of a key that is held down one, of signals each", async () => {
  const heard: Heard[] = [];
  const meeting = new Meeting(playDriver(heard));
  const stream = meeting.client.open(exec, {});
  await meeting.quiet();
  meeting.cut();
  for (let cols = 1; cols <= 500; cols++) stream.ctl({ type: "resize", cols, rows: 1 });
  for (let at = 0; at < 500; at++) stream.ctl({ type: "urgent", key: 3, at });
  for (const signal of ["INT", "INT", "TERM"]) stream.ctl({ type: "signal", signal });
  meeting.meet();
  await meeting.quiet();
  expect(heard[0]?.said).toEqual(["resize", "urgent", "INT", "INT", "TERM"]);
});
