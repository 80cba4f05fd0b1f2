import { expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { Leg } from "../../src/hub/switchboard/leg.ts";
import { WaitingBytes } from "../../src/hub/switchboard/waiting-bytes.ts";
import { decodePing, encodePing } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { TestClock } from "../support/test-clock.ts";

/** What the hub knows of a peer of these features that answers its first ping with `loopLagMs`. */
function lagHeard(features: readonly string[], loopLagMs: number): number {
  const [socket, far] = MemorySocket.pair();
  far.onFrame((message) => {
    const ping = decodeFrame(message);
    if (ping?.type !== FrameType.ping) return;
    const body = encodePing({ n: decodePing(ping.body).n, loopLagMs });
    far.send(encodeFrame({ type: FrameType.pong, body }));
  });
  const leg = new Leg({
    ...{ socket, features, clock: new TestClock(), random: systemRandom, log: silentLogger },
    ...{ pingMs: 1_500, suspectMs: 3_000, deadMs: 6_000, waiting: new WaitingBytes() },
    onFrame: () => expect.unreachable(),
    onClose: () => undefined,
  });
  socket.deliver();
  far.deliver();
  expect(leg.srttMs).toBe(0);
  leg.terminate("over");
  return leg.peerLoopLagMs;
}

test("[ST13] an answer tells how late the peer's loop was, of a peer that names `late`", () => {
  expect(lagHeard(["late"], 4_000)).toBe(4_000);
});

test("[ST11] a peer of before sends back what the hub said of itself: that is not its own", () => {
  expect(lagHeard([], 4_000)).toBe(0);
});
