/** Random bytes and random frames on both WebSocket paths: the hub and its good links stay. */
import { connect } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { hubServer, type HubServer, type Wire } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";

let world: HubWorld;
let hub: HubServer;
let sessionId: string;
let unhandled: unknown[];
const catchUnhandled = (error: unknown): void => {
  unhandled.push(error);
};

beforeEach(async () => {
  unhandled = [];
  process.on("uncaughtException", catchUnhandled);
  process.on("unhandledRejection", catchUnhandled);
  world = new HubWorld();
  hub = await hubServer(world);
  sessionId = world.create().record.id;
});
afterEach(async () => {
  await hub.close();
  process.off("uncaughtException", catchUnhandled);
  process.off("unhandledRejection", catchUnhandled);
});

const types = fc.constantFrom(...Object.values(FrameType));
const jsonBody = fc
  .oneof(
    fc.json(),
    fc
      .record({ mode: fc.constant("new"), session: fc.string(), channelId: fc.string() })
      .map((v) => JSON.stringify(v)),
    fc.record({ epoch: fc.double(), challenge: fc.string() }).map((v) => JSON.stringify(v)),
  )
  .map((text) => new TextEncoder().encode(text));
const frame = fc
  .record({
    type: types,
    flags: fc.nat(3),
    epoch: fc.nat(0xffff),
    route: fc.oneof(fc.nat(4), fc.nat(0xffffffff)),
    stream: fc.nat(0xffffffff),
    body: fc.oneof(fc.uint8Array({ maxLength: 64 }), jsonBody),
  })
  .map((parts) => encodeFrame(parts) as Uint8Array);
const messages = fc.array(fc.oneof(frame, fc.uint8Array({ maxLength: 40 })), { maxLength: 12 });

/** The hub still serves: a client that knows the protocol is welcomed. */
async function serves(): Promise<void> {
  const good = await hub.client();
  good.helloAsClient();
  await good.hear(FrameType.welcome);
  good.socket.terminate();
  expect(unhandled).toEqual([]);
}

describe("random input", () => {
  const greet: Record<string, (wire: Wire) => Promise<void>> = {
    "a client before hello": () => Promise.resolve(),
    "a client after hello": async (wire) => {
      wire.helloAsClient();
      await wire.hear(FrameType.welcome);
    },
    "a driver before hello": () => Promise.resolve(),
    "a driver after hello": async (wire) => {
      await wire.asDriver(sessionId);
    },
  };
  test.for(Object.entries(greet))("[SB15] frames of %s", async ([name, start]) => {
    let closed = 0;
    await fc.assert(
      fc.asyncProperty(messages, async (sent) => {
        const wire = name.includes("client") ? await hub.client() : await hub.driver(sessionId);
        await start(wire);
        for (const message of sent) wire.raw(message);
        // An answer, or the end: either way all that was sent has been read.
        wire.say(FrameType.ping, new Uint8Array(8));
        await wire.hear(FrameType.pong).catch(() => null);
        if (wire.ended !== null) {
          closed += 1;
          expect([1000, 1009, 4400, 4402, 4403, 4409]).toContain(wire.ended.code);
        }
        wire.socket.terminate();
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(closed).toBeGreaterThan(5);
    await serves();
    await until(() => hub.switchboard.counts.clients === 0 && hub.switchboard.counts.drivers === 0);
  });

  test("[SB15] bytes that are no WebSocket, after a real upgrade", async () => {
    const upgrade =
      "GET /v1/client HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
      `Sec-WebSocket-Protocol: hsp.v1\r\nAuthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`;
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 2, maxLength: 200 }),
      // Unmasked, lying lengths, reserved bits, 2^63 bytes announced.
      fc
        .constantFrom(
          [0x82, 0x05, 1, 2, 3, 4, 5],
          [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
          [0xf2, 0x80, 0, 0, 0, 0],
          [0x83, 0x80, 0, 0, 0, 0],
          [0x09, 0x80, 0, 0, 0, 0],
          [0x80, 0x80, 0, 0, 0, 0],
          [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        )
        .map((list) => Uint8Array.from(list)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (noise) => {
        const socket = connect({ port: hub.port, host: "127.0.0.1" });
        socket.on("error", () => undefined);
        socket.end(Buffer.concat([Buffer.from(upgrade), noise]));
        socket.resume();
        await new Promise((resolve) => socket.once("close", resolve));
      }),
      { numRuns: 80, seed: 7 },
    );
    await serves();
  });
});
