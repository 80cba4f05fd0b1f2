import { decodeFrame } from "../../src/protocol/frame.ts";
import { Channel, NEW_CHANNEL, type ChannelState } from "../../src/stream/channel.ts";
import { DriverRequest, OpenRequest } from "../../src/protocol/services.ts";
import { Egress } from "../../src/stream/egress.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { MemorySocket } from "./memory-socket.ts";
import { settled, TestClock } from "./test-clock.ts";

export const WINDOW = 1_000;

/** A client and a driver that meet again and again over new links. */
export class Meeting {
  readonly clock = new TestClock();
  readonly accepted: Stream[] = [];
  readonly client: Channel;
  readonly driver: Channel;
  toDriver: MemorySocket = MemorySocket.pair()[0];
  toClient: MemorySocket = MemorySocket.pair()[0];
  #epoch = 0;

  constructor(
    onOpen: (stream: Stream, request: OpenRequest) => void = echo,
    onPeerOpen: (stream: Stream) => void = (stream) => stream.reset("REFUSED", "no"),
  ) {
    this.client = new Channel({
      side: "client",
      requests: DriverRequest,
      clock: this.clock,
      onOpen: (_request, stream) => onPeerOpen(stream),
    });
    this.driver = new Channel({
      side: "driver",
      requests: OpenRequest,
      clock: this.clock,
      onOpen: (request, stream) => {
        this.accepted.push(stream);
        onOpen(stream, request);
      },
    });
    this.meet();
  }

  cut(): void {
    this.toDriver.terminate();
    this.client.unbind();
    this.driver.unbind();
  }

  /** Both tell how far they are, as ATTACH and ATTACHED do. */
  meet(lie: (state: ChannelState) => ChannelState = (state) => state): void {
    this.#epoch += 1;
    const first = this.#epoch === 1;
    const asked = first ? NEW_CHANNEL : lie(this.client.state());
    const answered = first ? NEW_CHANNEL : this.driver.state();
    [this.toDriver, this.toClient] = MemorySocket.pair();
    const join = (socket: MemorySocket, channel: Channel): Egress => {
      const egress = new Egress(socket, this.clock);
      socket.onDrain(() => egress.pump());
      socket.onFrame((message) => {
        const frame = decodeFrame(message);
        if (frame !== null) channel.receive(frame);
      });
      return egress;
    };
    const link = { route: this.#epoch, epoch: this.#epoch };
    const [out, back] = [join(this.toDriver, this.client), join(this.toClient, this.driver)];
    this.driver.bind({ ...link, egress: back }, asked);
    this.client.bind({ ...link, egress: out }, answered);
  }

  async quiet(): Promise<void> {
    for (;;) {
      await settled();
      const moved = [this.toDriver.deliver(), this.toClient.deliver()];
      if (!moved.includes(true)) return;
    }
  }
}

/** Gives back what it is given, and no faster. */
export function echo(stream: Stream): void {
  stream.listen({
    onBytes: (bytes) => (stream.write(bytes.slice()) ? undefined : stream.whenSent()),
    onEnd: () => stream.end(),
  });
  stream.accept({}, WINDOW);
}
