/**
 * The handshake of every version that ever was, as bytes that are never changed: what is written
 * today must still go on with them. A new feature adds a file; it edits none.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../src/base/crc32.ts";
import { silentLogger } from "../../src/base/log.ts";
import { ChannelTable } from "../../src/driver/channel-table.ts";
import { openHubLink } from "../../src/driver/hub-link.ts";
import { Jobs } from "../../src/driver/jobs.ts";
import { decodePing, encodeJson, encodePing } from "../../src/protocol/bodies.ts";
import {
  Attach,
  Attached,
  DriverHello,
  EpochConfirm,
  Hello,
  parseControl,
  Welcome,
} from "../../src/protocol/control.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../src/protocol/frame.ts";
import { decodeVector, splitAttach } from "../../src/protocol/resume.ts";
import {
  CHANNEL_FEATURES,
  commonChannelFeatures,
  commonFeatures,
  DRIVER_FEATURES,
  FEATURES,
} from "../../src/protocol/version.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { TestClock } from "../support/test-clock.ts";
import { encodeData } from "../support/data-body.ts";

interface Handshake {
  readonly features: string[];
  /** Beside those, on a driver's link; none in files from before there were any. */
  readonly driverFeatures?: string[];
  readonly channelFeatures: string[];
  readonly helloOfClient: string;
  readonly helloOfDriver: string;
  readonly welcomeOfClient: string;
  readonly welcomeOfDriver: string;
  readonly epochConfirm: string;
  readonly attach: string;
  readonly attached: string;
}

const folder = join(import.meta.dirname, "handshakes");
const versions = readdirSync(folder).map((file) => {
  const text = readFileSync(join(folder, file), "utf8");
  return [file.replace(".json", ""), JSON.parse(text) as Handshake] as const;
});

function frameOf(hex: string): Frame {
  const frame = decodeFrame(Buffer.from(hex, "hex"));
  if (frame === null) throw new Error("a handshake is of known frames");
  return frame;
}

const OPEN = encodeJson({ kind: "exec", argv: ["true"], rxMax: 1_000 });

/** A driver of today on a link with a hub and a client of then. */
function driverWith(then: Handshake) {
  const clock = new TestClock();
  const [near, far] = MemorySocket.pair();
  const accept = (stream: { accept(ok: object, bytes: number): void }) => stream.accept({}, 1e6);
  const openService = (_request: unknown, stream: Parameters<typeof accept>[0]) => accept(stream);
  openHubLink(near, {
    clock,
    log: silentLogger,
    hello: parseControl(DriverHello, frameOf(then.helloOfDriver).body),
    channels: new ChannelTable({ clock, log: silentLogger, openService }),
    jobs: new Jobs(clock, () => false),
    onWelcome: () => undefined,
    onEnd: (end) => expect(end).toBeUndefined(),
  });
  const said: Frame[] = [];
  far.onFrame((message) => {
    const frame = decodeFrame(message.slice());
    if (frame !== null) said.push(frame);
  });
  const say = (message: Uint8Array): void => {
    far.send(message);
    far.deliver();
    near.deliver();
  };
  say(Buffer.from(then.welcomeOfDriver, "hex"));
  say(Buffer.from(then.attach, "hex"));
  const stream = { route: 1, epoch: 3, stream: 1 };
  say(encodeFrame({ type: FrameType.open, ...stream, body: OPEN }));
  return { clock, say, said, stream, near };
}

test("there is a file for each feature that there is", () => {
  expect(versions.length).toBeGreaterThan(1);
  const [links, channels] = [
    versions.map(([, { features }]) => features),
    versions.map(([, { channelFeatures }]) => channelFeatures),
  ];
  expect(links).toContainEqual([...FEATURES]);
  const drivers = versions.map(([, { driverFeatures }]) => driverFeatures);
  expect(drivers).toContainEqual([...DRIVER_FEATURES]);
  expect(channels).toContainEqual([...CHANNEL_FEATURES]);
});

describe.each(versions)("[ST11] the handshake of %s", (_version, then) => {
  test("is understood by a hub, and only what both can is in force", () => {
    const ofDriver = [...then.features, ...(then.driverFeatures ?? [])];
    for (const [hello, expected] of [
      [then.helloOfClient, then.features],
      [then.helloOfDriver, ofDriver],
    ] as const) {
      const { features } = parseControl(Hello, frameOf(hello).body);
      expect(commonFeatures(features)).toEqual(expected);
    }
    for (const [welcome, expected] of [
      [then.welcomeOfClient, then.features],
      [then.welcomeOfDriver, ofDriver],
    ] as const) {
      expect(parseControl(Welcome, frameOf(welcome).body).features).toEqual(expected);
    }
    expect(parseControl(EpochConfirm, frameOf(then.epochConfirm).body).epoch).toBe(3);
    for (const [hex, schema] of [
      [then.attach, Attach],
      [then.attached, Attached],
    ] as const) {
      const { json, vector } = splitAttach(frameOf(hex).body);
      const { features } = parseControl(schema, json);
      expect(commonChannelFeatures(features)).toEqual(then.channelFeatures);
      expect(decodeVector(vector)).toEqual([]);
    }
  });

  test("is answered by a driver in the same words", () => {
    const { said } = driverWith(then);
    const attached = said.find(({ type }) => type === FrameType.attached);
    const { json } = splitAttach(attached?.body ?? new Uint8Array());
    expect(parseControl(Attached, json).features).toEqual(then.channelFeatures);
    expect(said.some(({ type }) => type === FrameType.openOk)).toBe(true);
  });

  test("has acknowledgements of the link where both know them, and nowhere else", () => {
    const { clock, say, said, stream } = driverWith(then);
    const body = encodeData({ offset: 0, bytes: new Uint8Array(60_000), ctlTx: null });
    say(encodeFrame({ type: FrameType.data, ...stream, body }));
    clock.advance(10);
    say(new Uint8Array(encodeFrame({ type: FrameType.ping, body: new Uint8Array(8) })));
    const acknowledged = said.some(({ type }) => type === FrameType.linkAck);
    expect(acknowledged).toBe(then.features.includes("hop"));
  });

  test("[ST13] has answers of the driver's own lateness, whatever the hub says of itself", () => {
    const { say, said } = driverWith(then);
    say(encodeFrame({ type: FrameType.ping, body: encodePing({ n: 5, loopLagMs: 9_000 }) }));
    const pong = said.findLast(({ type }) => type === FrameType.pong);
    expect(decodePing(pong?.body ?? new Uint8Array())).toEqual({ n: 5, loopLagMs: 0 });
  });

  test("has a CRC over what both sum up", () => {
    const { say, said, stream } = driverWith(then);
    const bytes = Uint8Array.from({ length: 50 }, (_, i) => i);
    say(
      encodeFrame({
        type: FrameType.data,
        ...stream,
        body: encodeData({ offset: 0, bytes, ctlTx: null }),
      }),
    );
    const again = { ...parseControl(Attach, splitAttach(frameOf(then.attach).body).json) };
    const head = encodeJson({ ...again, mode: "resume", attachSeq: 2, opened: 1 });
    const body = new Uint8Array(2 + head.length + 2);
    new DataView(body.buffer).setUint16(0, head.length);
    body.set(head, 2);
    say(encodeFrame({ type: FrameType.attach, route: 2, epoch: 3, body }));
    const attached = said.findLast(({ type }) => type === FrameType.attached);
    const [entry] = decodeVector(splitAttach(attached?.body ?? new Uint8Array()).vector);
    const start = then.channelFeatures.includes("open-crc") ? crc32(OPEN, 0) : 0;
    expect([entry?.rx, entry?.crc]).toEqual([50, crc32(bytes, start)]);
  });
});
