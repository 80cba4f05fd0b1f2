/** Frames that no WebSocket library sends, on an admitted link: each ends that link alone. */
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { FrameType, encodeFrame } from "../../src/protocol/frame.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { hubServer, rawConnection, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

let hub: HubServer;
beforeEach(async () => {
  hub = await hubServer(new HubWorld());
});
afterEach(() => hub.close());

/** One frame with its mask, of which every bit can be said. */
function frame(
  first: number,
  payload: Uint8Array,
  lie: { length?: bigint; unmasked?: boolean } = {},
): Buffer {
  const length = lie.length ?? BigInt(payload.length);
  const mask = lie.unmasked === true ? 0 : 0x80;
  const head =
    length < 126n
      ? Buffer.from([first, mask | Number(length)])
      : Buffer.from([first, mask | 127, ...Buffer.alloc(8)]);
  if (length >= 126n) head.writeBigUInt64BE(length, 2);
  const key = mask === 0 ? Buffer.alloc(0) : Buffer.alloc(4);
  return Buffer.concat([head, key, payload]);
}

async function link(): Promise<{ socket: Socket; sent: () => Buffer; closed: Promise<void> }> {
  const raw = await rawConnection(hub.port);
  raw.socket.write(
    [
      "GET /v1/client HTTP/1.1",
      ...["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"],
      ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
      ...[`Authorization: Bearer ${ADMIN_TOKEN}`, "Sec-WebSocket-Protocol: hsp.v1", "\r\n"],
    ].join("\r\n"),
  );
  await until(() => raw.text().includes("\r\n\r\n"));
  expect(raw.text()).toContain("HTTP/1.1 101");
  const from = raw.text().indexOf("\r\n\r\n") + 4;
  const sent = (): Buffer => Buffer.from(raw.text().slice(from), "latin1");
  return { socket: raw.socket, sent, closed: raw.closed };
}

/** Code of the close frame that the hub sent last; null when it sent none. */
function closeCode(bytes: Buffer): number | null {
  let code: number | null = null;
  for (let at = 0; at + 2 <= bytes.length;) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const [length, head] = short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [short, 2];
    if (bytes[at] === 0x88) code = length >= 2 ? bytes.readUInt16BE(at + head) : 1005;
    at += head + length;
  }
  return code;
}

const text = (said: string): Uint8Array => new TextEncoder().encode(said);
const hello = encodeFrame({
  type: FrameType.hello,
  body: encodeJson({ v: 1, role: "client", impl: "raw", features: [] }),
});
const [BINARY, TEXT, CONTINUE, CLOSE, PING] = [0x82, 0x81, 0x80, 0x88, 0x89];
const small = new Uint8Array(4);

const attacks: Readonly<Record<string, readonly [frames: readonly Buffer[], code: number]>> = {
  "no mask": [[frame(BINARY, small, { unmasked: true })], 1002],
  "RSV1 without compression": [[frame(0xc2, small)], 1002],
  RSV2: [[frame(0xa2, small)], 1002],
  RSV3: [[frame(0x92, small)], 1002],
  "opcode 3": [[frame(0x83, small)], 1002],
  "opcode 7": [[frame(0x87, small)], 1002],
  "opcode 11": [[frame(0x8b, small)], 1002],
  "opcode 15": [[frame(0x8f, small)], 1002],
  "a ping in two fragments": [[frame(0x09, small), frame(CONTINUE, small)], 1002],
  "a ping of 126 bytes": [[frame(PING, new Uint8Array(126))], 1002],
  "a continuation of nothing": [[frame(CONTINUE, small)], 1002],
  "a new message inside one": [[frame(0x02, small), frame(BINARY, small)], 1002],
  "a length of 2^63 - 1": [[frame(BINARY, small, { length: 2n ** 63n - 1n })], 1009],
  "a length of 2^64 - 1": [[frame(BINARY, small, { length: 2n ** 64n - 1n })], 1009],
  "one byte more than a message may have": [
    [frame(BINARY, new Uint8Array(limits.WS_MESSAGE_BYTES_MAX + 1))],
    1009,
  ],
  "more fragments than a message may have": [
    [frame(0x02, small), ...Array.from({ length: 40 }, () => frame(0x00, small))],
    1008,
  ],
  "text that is no UTF-8": [[frame(TEXT, Uint8Array.of(0xc3, 0x28))], 1007],
  "half of a surrogate pair": [[frame(TEXT, Uint8Array.of(0xed, 0xa0, 0x80))], 1007],
  "text where bytes are spoken": [[frame(TEXT, text("{}"))], 1003],
  "a close with code 1005": [[frame(CLOSE, Uint8Array.of(3, 0xed))], 1002],
  "a close with code 999": [[frame(CLOSE, Uint8Array.of(3, 0xe7))], 1002],
  "a close with code 5000": [[frame(CLOSE, Uint8Array.of(0x13, 0x88))], 1002],
  "a close of one byte": [[frame(CLOSE, Uint8Array.of(3))], 1002],
  "a close whose reason is no UTF-8": [[frame(CLOSE, Uint8Array.of(3, 0xe8, 0xff))], 1007],
  "a message before the hello": [[frame(BINARY, new Uint8Array(8).fill(2))], 4400],
  "a hello of more than 16 KiB": [
    [
      frame(
        BINARY,
        encodeFrame({
          type: FrameType.hello,
          body: encodeJson({ v: 1, impl: "x".repeat(17_000) }),
        }),
      ),
    ],
    4400,
  ],
  "a second hello": [[frame(BINARY, hello), frame(BINARY, hello)], 4400],
  "a type that nobody knows": [
    [frame(BINARY, hello), frame(BINARY, Uint8Array.of(0x7f, 0, 0, 0, 0, 0, 0, 0))],
    4400,
  ],
};

describe("frames that no library sends", () => {
  test.for(Object.entries(attacks))("[AC21] %s", async ([, [frames, code]]) => {
    const { socket, sent, closed } = await link();
    socket.write(Buffer.concat(frames));
    await until(() => closeCode(sent()) !== null);
    expect(closeCode(sent())).toBe(code);
    // What comes behind an end is not read; the connection goes, whatever its peer does.
    socket.write(frame(BINARY, hello));
    socket.end();
    await closed;
    socket.destroy();
    await until(() => hub.switchboard.counts.clients === 0);
  });

  test("[AC21] a ping is answered, and a flood of them ends the link", async () => {
    const { socket, sent, closed } = await link();
    socket.write(frame(PING, text("one")));
    await until(() => sent().includes("one"));
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => frame(PING, small))));
    await closed;
    // Each answer has six bytes.
    expect(sent().length).toBeLessThan(1_500);
    socket.destroy();
  });

  test("[AC21] byte by byte is as good as at once", async () => {
    const { socket, sent } = await link();
    for (const byte of frame(BINARY, hello)) socket.write(Uint8Array.of(byte));
    await until(() => sent().length > 10);
    expect(closeCode(sent())).toBeNull();
    socket.destroy();
  });
});
