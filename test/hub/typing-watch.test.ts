/** Which frames of a client are a person's, and which are not. */
import { expect, test } from "vitest";
import { TypingWatch } from "../../src/hub/activity/typing-watch.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { FLAG_FIN, FrameType, type Frame } from "../../src/protocol/frame.ts";
import { encodeData } from "../support/data-body.ts";

function watch(isResumed = false) {
  let bytes = 0;
  const typing = new TypingWatch(
    {
      typed: (count) => {
        bytes += count;
      },
      left: () => undefined,
    },
    isResumed,
  );
  const send = (type: FrameType, stream: number, body: Uint8Array, flags = 0): void => {
    const frame: Frame = { type, flags, epoch: 1, route: 1, stream, body };
    typing.sent(frame);
  };
  return {
    open: (stream: number, kind: string) =>
      send(FrameType.open, stream, encodeJson({ kind, rxMax: 1 })),
    data: (stream: number, text: string) =>
      send(
        FrameType.data,
        stream,
        encodeData({ offset: 0, ctlTx: null, bytes: Buffer.from(text, "latin1") }),
      ),
    last: (stream: number, text: string) =>
      send(
        FrameType.data,
        stream,
        encodeData({ offset: 0, ctlTx: 0, bytes: Buffer.from(text) }),
        FLAG_FIN,
      ),
    reset: (stream: number) =>
      send(FrameType.reset, stream, encodeJson({ code: "CANCELLED", message: "" })),
    get bytes() {
      return bytes;
    },
    get known() {
      return typing.known;
    },
  };
}

test("[AY5] keys and stdin count by their bytes, files and ports do not", () => {
  const client = watch();
  client.open(1, "terminal");
  client.open(3, "exec");
  client.open(5, "tcp");
  client.data(1, "ls\r");
  client.data(3, "input");
  client.data(5, "GET / HTTP/1.1");
  client.data(7, "of a stream that never opened");
  expect(client.bytes).toBe(3 + 5);
});

test("[AY5] what a terminal answers by itself is no input, what a person presses is", () => {
  const client = watch();
  client.open(1, "terminal");
  for (const report of ["[12;40R", "[?1;2c", "[>0;276;0c", "[I", "[O", "[0n", "[1;1R[?62c"]) {
    client.data(1, report.replaceAll("[", "\u001b["));
  }
  expect(client.bytes).toBe(0);
  for (const key of [
    "\u001b",
    "\u001b[A",
    "\u001b[3~",
    "\u001bOP",
    "\u001b[200~paste\u001b[201~",
  ]) {
    client.data(1, key);
  }
  expect(client.bytes).toBe(1 + 3 + 4 + 3 + 17);
});

test("a thousand streams that ended leave nothing behind, and their last bytes count", () => {
  const client = watch();
  for (let stream = 1; stream < 4_000; stream += 4) {
    client.open(stream, "exec");
    client.last(stream, "x");
    client.open(stream + 2, "tcp");
    if (stream % 8 === 1) client.last(stream + 2, "bytes");
    else client.reset(stream + 2);
  }
  expect([client.bytes, client.known]).toEqual([1_000, 0]);
});

test("[AY5] an end of input without bytes is no input", () => {
  const client = watch();
  client.open(1, "terminal");
  client.data(1, "");
  expect(client.bytes).toBe(0);
});

test("[AY5] on a channel that is resumed, what was opened before counts, files that open do not", () => {
  const client = watch(true);
  client.data(1, "ls\r");
  client.open(5, "files");
  client.data(5, "bytes of a file");
  expect(client.bytes).toBe(3);
});
