import { expect, test } from "vitest";
import { PendingEvents } from "../../src/transport/pending-events.ts";

test("keeps early messages in order, as copies, for the listener that comes", () => {
  const events = new PendingEvents();
  const chunk = new Uint8Array(1_000);
  for (let i = 0; i < 3; i++) {
    chunk[i] = i + 1;
    events.frame(chunk.subarray(i, i + 1));
  }
  chunk.fill(0);
  const got: number[] = [];
  events.onFrame((message) => got.push(message[0] ?? -1));
  events.frame(Uint8Array.of(4));
  expect(got).toEqual([1, 2, 3, 4]);
});

test("tells the end once, also to a listener that comes late, and no frame after it", () => {
  const events = new PendingEvents();
  events.end({ code: 4000, reason: "first" });
  events.end({ code: 4400, reason: "second" });
  const ends: number[] = [];
  const frames: Uint8Array[] = [];
  events.onClose((end) => ends.push(end.code));
  events.onFrame((message) => frames.push(message));
  events.frame(Uint8Array.of(1));
  events.drained();
  expect(ends).toEqual([4000]);
  expect(frames).toEqual([]);
});
