/** Content-Length framing: messages come whole, however the bytes are cut. */
import { expect, test } from "vitest";
import { encodeMessage, MessageDecoder } from "../../src/protocol/message-frames.ts";

const texts = ['{"id":1}', '{"text":"été 🦉"}', `"${"x".repeat(70_000)}"`];
const stream = Buffer.concat(texts.map(encodeMessage));

test.for([1, 2, 3, 7, 64, 4_096, 1_000_000])(
  "[LS1] messages come whole and in order in pieces of %i bytes",
  (size) => {
    const decoder = new MessageDecoder();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      found.push(...decoder.push(stream.subarray(at, at + size)));
    }
    expect(found).toEqual(texts);
  },
);

test("[LS1] other headers are passed over, in any order and case", () => {
  const bytes = "Content-Type: x; charset=utf-8\r\ncontent-length:  2\r\n\r\n{}";
  expect(new MessageDecoder().push(Buffer.from(bytes))).toEqual(["{}"]);
});

test.for([
  ["a log line", "Starting server\nlistening\r\n\r\n"],
  ["no length", "Content-Type: x\r\n\r\n{}"],
  ["no number", "Content-Length: two\r\n\r\n{}"],
  ["nothing", "Content-Length: 0\r\n\r\n"],
  ["more than anybody sends", "Content-Length: 999999999\r\n\r\n"],
  ["headers without an end", "x".repeat(5_000)],
] as const)("[LS1] %s is no message, and said so", ([, text]) => {
  expect(() => new MessageDecoder().push(Buffer.from(text))).toThrow(
    /no message begins with|the headers have no end/,
  );
});
