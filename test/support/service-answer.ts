/** What a service of the driver says to one request, over a line in memory, from OPEN to END. */
import { systemClock } from "../../src/base/clock.ts";
import { decodeFrame } from "../../src/protocol/frame.ts";
import { DriverRequest, OpenRequest } from "../../src/protocol/services.ts";
import { Channel, NEW_CHANNEL } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { MemorySocket } from "./memory-socket.ts";

export async function serviceAnswer(
  request: OpenRequest,
  serve: (request: OpenRequest, stream: Stream) => void,
): Promise<string> {
  const [toDriver, toClient] = MemorySocket.pair();
  const clock = systemClock;
  const client = new Channel({
    side: "client",
    requests: DriverRequest,
    clock,
    onOpen: () => undefined,
  });
  const driver = new Channel({ side: "driver", requests: OpenRequest, clock, onOpen: serve });
  for (const [socket, channel] of [
    [toDriver, client],
    [toClient, driver],
  ] as const) {
    channel.bind({ route: 1, epoch: 1, egress: new Egress(socket, clock) }, NEW_CHANNEL);
    socket.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame !== null) channel.receive(frame);
    });
  }
  let said = "";
  let ended = false;
  client.open(request, {
    onBytes: (bytes) => void (said += new TextDecoder().decode(bytes)),
    onEnd: () => (ended = true),
  });
  while (!ended) {
    toDriver.deliver();
    toClient.deliver();
    await new Promise(setImmediate);
  }
  client.unbind();
  driver.unbind();
  return said;
}
