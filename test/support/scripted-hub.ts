/** A hub of a script: the client dials it over memory, and the test says each of its frames. */
import { seededRandom } from "../../src/base/random.ts";
import { connectHub, type HubConnection, type HubError } from "../../src/client/index.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { decodeFrame, encodeFrame, FrameType, type Frame } from "../../src/protocol/frame.ts";
import { splitAttach } from "../../src/protocol/resume.ts";
import { MemorySocket } from "./memory-socket.ts";
import { settled, TestClock } from "./test-clock.ts";

export const EPOCH = 4;
export const ROUTE = 9;

export class ScriptedHub {
  readonly clock = new TestClock();
  /** Each dial is a new pair of sockets; `mine` and `hub` are always the newest. */
  mine: MemorySocket;
  hub: MemorySocket;
  readonly heard: Frame[] = [];
  /** What the next dials meet instead of a socket. */
  refuseWith: HubError | null = null;
  dials = 0;

  constructor() {
    [this.mine, this.hub] = MemorySocket.pair();
  }

  /** Delivers both ways until nothing moves. */
  async quiet(): Promise<void> {
    for (;;) {
      await settled();
      const moved = [this.mine.deliver(), this.hub.deliver()];
      if (!moved.includes(true)) return;
    }
  }

  say(type: FrameType, body: unknown, rest: { route?: number; stream?: number } = {}): void {
    const bytes = body instanceof Uint8Array ? body : encodeJson(body);
    this.hub.send(encodeFrame({ type, epoch: EPOCH, ...rest, body: bytes }));
  }

  connect(): Promise<HubConnection> {
    return connectHub({
      open: () => this.#open(),
      clock: this.clock,
      random: seededRandom("client"),
    });
  }

  async connected(): Promise<HubConnection> {
    const connecting = this.connect();
    await this.quiet();
    await this.welcome();
    return connecting;
  }

  async welcome(): Promise<void> {
    this.say(FrameType.welcome, {
      linkId: "lnk_1",
      hubId: "hub_1",
      features: [],
      pingMs: 5_000,
      deadMs: 15_000,
      frameBytesMax: 65_600,
    });
    await this.quiet();
  }

  async attached() {
    const connection = await this.connected();
    const attaching = connection.attach("demo");
    await this.quiet();
    await this.letIn();
    return { connection, channel: await attaching };
  }

  /** The head of the newest ATTACH. */
  lastAttach(): { mode: string; channelId: string; attachSeq: number } {
    const { json } = splitAttach(this.lastOf(FrameType.attach).body);
    return JSON.parse(new TextDecoder().decode(json)) as ReturnType<ScriptedHub["lastAttach"]>;
  }

  /** Answers the newest ATTACH. */
  async letIn(rest: object = {}): Promise<void> {
    const { channelId, attachSeq } = this.lastAttach();
    const attached = { channelId, attachSeq, session: "ses_1", epoch: EPOCH, ...rest };
    this.say(FrameType.attached, attached, { route: ROUTE });
    await this.quiet();
  }

  lastOf(type: FrameType): Frame {
    const frame = this.heard.findLast((one) => one.type === type);
    if (frame === undefined) throw new Error(`no frame of type ${type} was sent`);
    return frame;
  }

  #open(): Promise<MemorySocket> {
    this.dials += 1;
    if (this.refuseWith !== null) return Promise.reject(this.refuseWith);
    if (this.dials > 1) [this.mine, this.hub] = MemorySocket.pair();
    this.hub.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame !== null) this.heard.push(frame);
    });
    return Promise.resolve(this.mine);
  }
}
