import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeCredit,
  decodeData,
  decodePing,
  encodeCredit,
  encodePing,
} from "../../src/protocol/bodies.ts";
import { Hello, parseControl } from "../../src/protocol/control.ts";
import {
  decodeFrame,
  encodeFrame,
  FLAG_FIN,
  FrameType,
  rewriteRoute,
} from "../../src/protocol/frame.ts";
import { ProtocolError } from "../../src/protocol/protocol-error.ts";
import { encodeData } from "../support/data-body.ts";

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const ctlCount = fc.option(fc.integer({ min: 0, max: 0xffffffff }));
const type = fc.constantFrom(...Object.values(FrameType));

describe("frames", () => {
  test("say back what was put in, at any place of a larger buffer", () => {
    fc.assert(
      fc.property(
        type,
        u16,
        u32,
        u32,
        fc.uint8Array(),
        u16,
        (kind, epoch, route, stream, body, at) => {
          const encoded = encodeFrame({ type: kind, epoch, route, stream, body });
          const padded = new Uint8Array(encoded.length + (at % 64) + 3);
          padded.set(encoded, at % 64);
          const view = padded.subarray(at % 64, (at % 64) + encoded.length);
          const frame = decodeFrame(view);
          expect(frame).toMatchObject({ type: kind, epoch, route, flags: 0 });
          expect(frame?.stream).toBe((kind & 0x7f) >= 0x20 ? stream : 0);
          expect(Buffer.from(frame?.body ?? []).equals(Buffer.from(body))).toBe(true);
        },
      ),
    );
  });

  test("garbage is a ProtocolError, a skipped type, or a frame; never another error", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const frame = decodeFrame(bytes);
          if (frame === null) expect((bytes[0] ?? 0) & 0x80).toBe(0x80);
        } catch (error) {
          refused += 1;
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  test("an unknown type is skipped only when it is marked ignorable", () => {
    expect(decodeFrame(Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0))).toBeNull();
    expect(() => decodeFrame(Uint8Array.of(0x7f, 0, 0, 0, 0, 0, 0, 0))).toThrow(/unknown frame/);
  });

  test("flags that have no meaning yet are refused", () => {
    const fin = encodeFrame({ type: FrameType.data, flags: FLAG_FIN, body: encodeData(nothing) });
    expect(decodeFrame(fin)?.flags).toBe(FLAG_FIN);
    expect(() => decodeFrame(encodeFrame({ type: FrameType.open, flags: FLAG_FIN }))).toThrow(
      ProtocolError,
    );
    expect(() => decodeFrame(encodeFrame({ type: FrameType.data, flags: 2 }))).toThrow(
      ProtocolError,
    );
  });

  test("a relay changes the route and nothing else", () => {
    fc.assert(
      fc.property(u32, u32, fc.uint8Array(), (from, to, body) => {
        const frame = { type: FrameType.data, epoch: 7, stream: 3, body };
        const message = encodeFrame({ ...frame, route: from });
        rewriteRoute(message, to);
        expect(message).toEqual(encodeFrame({ ...frame, route: to }));
      }),
    );
  });
});

const nothing = { ctlTx: null, offset: 0, bytes: new Uint8Array(0) };

describe("bodies", () => {
  test("offsets survive up to 2^53 - 1", () => {
    fc.assert(
      fc.property(offset, fc.uint8Array(), ctlCount, (at, bytes, ctlTx) => {
        const data = decodeData(encodeData({ offset: at, bytes, ctlTx }), ctlTx !== null);
        expect([data.offset, data.ctlTx]).toEqual([at, ctlTx]);
        expect([...data.bytes]).toEqual([...bytes]);
      }),
    );
    expect(() => decodeData(Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0), false)).toThrow(/2\^53/);
  });

  test("credit that acknowledges more than it received is refused", () => {
    const good = { rx: 10, ack: 10, max: 20, ctlRx: 3 };
    expect(decodeCredit(encodeCredit(good))).toEqual(good);
    const wrong = encodeCredit({ ...good, rx: 9 });
    expect(() => decodeCredit(wrong)).toThrow(ProtocolError);
  });

  test("a ping carries its number and the sender's lateness", () => {
    expect(decodePing(encodePing({ n: 0xffffffff, loopLagMs: 12.4 }))).toEqual({
      n: 0xffffffff,
      loopLagMs: 12,
    });
  });

  test("a wrong hello names its first wrong key", () => {
    const body = new TextEncoder().encode(JSON.stringify({ v: 1, role: "cat" }));
    expect(() => parseControl(Hello, body)).toThrow(ProtocolError);
    expect(() => parseControl(Hello, Uint8Array.of(0xff, 0xfe))).toThrow(/not JSON/);
    expect(() => parseControl(Hello, new TextEncoder().encode("[]"))).toThrow(/not a JSON object/);
  });
});
