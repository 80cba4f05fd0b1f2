/** One message of each kind as version 1 writes it; PROTOCOL.md shows these very bytes. */
import {
  encodeCredit,
  encodeCtl,
  encodeJson,
  encodeLinkAck,
  encodePing,
  encodeProbe,
  encodeResync,
} from "../../src/protocol/bodies.ts";
import { encodeFrame, FLAG_FIN, FrameType } from "../../src/protocol/frame.ts";
import { encodeVector, joinAttach } from "../../src/protocol/resume.ts";
import { encodeData } from "../support/data-body.ts";

const attachHead = {
  mode: "resume",
  session: "demo",
  channelId: "chn_1",
  attachSeq: 2,
  opened: 1,
  seen: 2,
  leaseMs: 60_000,
  features: ["open-crc"],
};
const attachedHead = {
  channelId: "chn_1",
  session: "ses_1",
  epoch: 7,
  attachSeq: 2,
  opened: 2,
  seen: 1,
  features: ["open-crc"],
};
const entry = {
  stream: 1,
  answered: true,
  rx: 300,
  ack: 200,
  max: 262_344,
  crc: 0x1234abcd,
  ctlRx: 1,
  tx: 5,
};
const onRoute = { epoch: 7, route: 3 };
const onStream = { ...onRoute, stream: 1 };
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const frames: Readonly<Record<string, Parameters<typeof encodeFrame>[0]>> = {
  "HELLO of a client": {
    type: FrameType.hello,
    body: encodeJson({
      v: 1,
      role: "client",
      impl: "holdfast-client/1",
      features: ["resume", "hop"],
    }),
  },
  PING: { type: FrameType.ping, body: encodePing({ n: 5, loopLagMs: 12 }) },
  LINK_ACK: { type: FrameType.linkAck, body: encodeLinkAck({ total: 70_000, every: 65_536 }) },
  ATTACH: {
    type: FrameType.attach,
    body: joinAttach(encodeJson(attachHead), encodeVector([entry])),
  },
  ATTACHED: {
    type: FrameType.attached,
    ...onRoute,
    body: joinAttach(encodeJson(attachedHead), encodeVector([])),
  },
  DETACH: {
    type: FrameType.detach,
    ...onRoute,
    body: encodeJson({ reason: "the client's link ended", keep: true }),
  },
  PREPARE_CHECKPOINT: {
    type: FrameType.prepareCheckpoint,
    epoch: 7,
    body: encodeJson({ id: "chk_1", deadlineMs: 5_000 }),
  },
  CHECKPOINT_READY: {
    type: FrameType.checkpointReady,
    epoch: 7,
    body: encodeJson({ id: "chk_1", digest: "1234abcd", streams: 0, bytes: 0, most: [] }),
  },
  OPEN: {
    type: FrameType.open,
    ...onStream,
    body: encodeJson({ kind: "exec", argv: ["true"], rxMax: 262_144 }),
  },
  OPEN_OK: { type: FrameType.openOk, ...onStream, body: encodeJson({ rxMax: 262_144, pid: 9 }) },
  DATA: {
    type: FrameType.data,
    ...onStream,
    body: encodeData({ offset: 300, bytes: text("hi"), ctlTx: null }),
  },
  "DATA that ends": {
    type: FrameType.data,
    flags: FLAG_FIN,
    ...onStream,
    body: encodeData({ offset: 302, bytes: text(""), ctlTx: 1 }),
  },
  CREDIT: {
    type: FrameType.credit,
    ...onStream,
    body: encodeCredit({ rx: 303, ack: 303, max: 262_446, ctlRx: 1 }),
  },
  CTL: {
    type: FrameType.ctl,
    ...onStream,
    body: encodeCtl(0, encodeJson({ type: "signal", signal: "INT" })),
  },
  RESET: {
    type: FrameType.reset,
    ...onStream,
    body: encodeJson({ code: "CANCELLED", message: "bye" }),
  },
  RESYNC: { type: FrameType.resync, ...onStream, body: encodeResync({ rx: 300, ctlRx: 1 }) },
  PROBE: { type: FrameType.probe, ...onStream, body: encodeProbe({ tx: 302, ctlTx: 1 }) },
};

/** Name and bytes, as hex. */
export const golden: readonly (readonly [string, string])[] = Object.entries(frames).map(
  ([name, frame]) => [name, hex(encodeFrame(frame))],
);
