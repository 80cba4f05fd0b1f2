import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Activity } from "../../src/platform/api/activity.ts";
import { isSignedFileRequest, signatureOf } from "../../src/platform/api/file-signature.ts";

const plain = { headers: {} };
const skipping = { headers: { "x-daytona-skip-last-activity-update": "true" } };
const beginning = Date.parse("2026-01-01T00:00:00Z");
const second = 1000;

beforeEach(() => {
  vi.useFakeTimers({ now: beginning });
});

afterEach(() => {
  vi.useRealTimers();
});

function used(): { lastActivityAt: string; secondsIn: () => number } {
  const record = {
    lastActivityAt: new Date(0).toISOString(),
    secondsIn: () => (Date.parse(record.lastActivityAt) - beginning) / second,
  };
  return record;
}

test("of many requests one in 45 s is written down, for each sandbox", () => {
  const activity = new Activity();
  const record = used();
  const other = used();
  activity.request(record, plain);
  vi.advanceTimersByTime(44 * second);
  activity.request(record, plain);
  activity.request(other, plain);
  expect([record.secondsIn(), other.secondsIn()]).toEqual([0, 44]);
  vi.advanceTimersByTime(second);
  activity.request(record, plain);
  expect(record.secondsIn()).toBe(45);
});

test("who asks not to be counted is not, and silences nobody", () => {
  const activity = new Activity();
  const record = used();
  activity.request(record, skipping);
  expect(record.lastActivityAt).toBe(new Date(0).toISOString());
  activity.request(record, plain);
  expect(record.secondsIn()).toBe(0);
});

test("an open WebSocket counts every 50 s until it closes", () => {
  const activity = new Activity();
  const record = used();
  const socket = new PassThrough();
  activity.open(record, plain, socket);
  vi.advanceTimersByTime(170 * second);
  expect(record.secondsIn()).toBe(150);
  socket.emit("close");
  vi.advanceTimersByTime(500 * second);
  expect(record.secondsIn()).toBe(150);
  const quiet = used();
  activity.open(quiet, skipping, new PassThrough());
  vi.advanceTimersByTime(500 * second);
  expect(quiet.lastActivityAt).toBe(new Date(0).toISOString());
});

const box = { id: "box", signingKey: "key" };
const end = String(beginning / second + 60);
const address = (path: string, signature: string, more = ""): string =>
  `/toolbox/box/files/download?${new URLSearchParams({ path, expires: end, signature })}${more}`;

test("a signature opens one file in one direction until its end", () => {
  const good = address("/a b", signatureOf("key", "GET", "/a b", end));
  expect(isSignedFileRequest({ method: "GET", url: good }, box)).toBe(true);
  vi.advanceTimersByTime(60 * second);
  expect(isSignedFileRequest({ method: "GET", url: good }, box)).toBe(false);
});

test.each([
  ["another path", address("/b", signatureOf("key", "GET", "/a", end))],
  ["another key", address("/a", signatureOf("other", "GET", "/a", end))],
  ["another direction", address("/a", signatureOf("key", "POST", "/a", end))],
  ["a second path", address("/a", signatureOf("key", "GET", "/a", end), "&path=/etc/passwd")],
  [
    "another route",
    address("/a", signatureOf("key", "GET", "/a", end)).replace("files/download", "files"),
  ],
  [
    "a longer time",
    address("/a", signatureOf("key", "GET", "/a", end)).replace(end, "99999999999"),
  ],
  ["no signature", "/toolbox/box/files/download?path=/a&expires=0"],
])("a signature is refused with %s", (_title, url) => {
  expect(isSignedFileRequest({ method: "GET", url }, box)).toBe(false);
});
