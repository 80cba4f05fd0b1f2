import { expect, test } from "vitest";
import { encodeProbe } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { ProbeChannel } from "../../src/hub/switchboard/probe-channel.ts";
import { TestClock } from "../support/test-clock.ts";

const ROUTE = 1;
const EPOCH = 7;

test("a day of probes leaves as much in the hub as a few of them", async () => {
  const sent: Uint8Array[] = [];
  const channel = new ProbeChannel({
    route: ROUTE,
    epoch: EPOCH,
    clock: new TestClock(),
    send: (message) => void sent.push(message),
  });
  const probes = 200;
  for (let n = 0; n < probes; n++) {
    const late = new AbortController();
    const answer = channel.inside(`nonce-${n}`, late.signal);
    late.abort();
    await expect(answer).rejects.toThrow("took too long");
  }
  /** What the hub still says of a stream that is over. */
  const saidOf = (stream: number): string => {
    const body = encodeProbe({ tx: 0, ctlTx: 0 });
    const type = FrameType.probe;
    const frame = decodeFrame(encodeFrame({ type, route: ROUTE, epoch: EPOCH, stream, body }));
    if (frame === null) throw new Error("no frame");
    channel.receive(frame);
    const told = decodeFrame(sent.at(-1) ?? new Uint8Array(0));
    return told === null ? "" : new TextDecoder().decode(told.body);
  };
  expect(saidOf(2 * probes - 1)).toContain("CANCELLED");
  expect(saidOf(1)).toContain("GONE");
});
