/** A driver that comes to rest before its memory is kept, and goes on as if nothing had been. */
import { beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { silentLogger } from "../../src/base/log.ts";
import { ChannelTable } from "../../src/driver/channel-table.ts";
import { openHubLink } from "../../src/driver/hub-link.ts";
import { Jobs } from "../../src/driver/jobs.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { Attached, parseControl } from "../../src/protocol/control.ts";
import { CheckpointReady, REST_MS, REST_WAIT_MS } from "../../src/protocol/rest.ts";
import { decodeFrame, encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { decodeVector, encodeVector, joinAttach, splitAttach } from "../../src/protocol/resume.ts";
import { DriverRequest } from "../../src/protocol/services.ts";
import { Channel } from "../../src/stream/channel.ts";
import { Egress } from "../../src/stream/egress.ts";
import type { LinkEnd } from "../../src/stream/redial.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { settled, TestClock } from "../support/test-clock.ts";

const WINDOW = 1_000;
const LINE = "a line of output\n";
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A driver with one command, its client, and the hub between them, which is the test. */
class Room {
  readonly clock = new TestClock();
  /** The streams that the client opened, as the driver has them. */
  readonly running: Stream[] = [];
  readonly table: ChannelTable;
  readonly client: Channel;
  readonly answers: CheckpointReady[] = [];
  readonly ends: LinkEnd[] = [];
  heard = "";
  given = "";
  /** The client's consumer holds up its chunks while this is set. */
  busy: Promise<void> | null = null;
  #near = MemorySocket.pair()[0];
  #far = MemorySocket.pair()[0];
  #epoch = 0;

  constructor() {
    const { clock } = this;
    const openService = (_request: unknown, stream: Stream): void => {
      this.running.push(stream);
      const take = (bytes: Uint8Array): void =>
        void (this.given += new TextDecoder().decode(bytes));
      stream.listen({ onBytes: take });
      stream.accept({}, WINDOW);
    };
    this.table = new ChannelTable({ clock, log: silentLogger, openService });
    const onOpen = (_request: unknown, stream: Stream): void => stream.reset("REFUSED", "no");
    this.client = new Channel({ side: "client", requests: DriverRequest, clock, onOpen });
  }

  get ended(): LinkEnd | undefined {
    return this.ends.at(-1);
  }

  /** A link, and the client attached on it. */
  async dial(): Promise<void> {
    this.table.hush(false);
    this.#epoch += 1;
    [this.#near, this.#far] = MemorySocket.pair();
    openHubLink(this.#near, {
      clock: this.clock,
      log: silentLogger,
      hello: {
        v: 1,
        role: "driver",
        session: "ses_1",
        impl: "holdfast-driver/1",
        features: ["resume", "checkpoint"],
        lastEpoch: this.#epoch === 1 ? null : this.#epoch - 1,
        instance: { pid: 1, startTicks: "1", bootId: "b", startedAt: 1 },
        reason: "start",
        clock: { wallMs: 1, monoMs: 1 },
      },
      channels: this.table,
      jobs: new Jobs(this.clock, () => false),
      onWelcome: () => undefined,
      onEnd: (end) => this.ends.push(end),
    });
    const egress = new Egress(this.#far, this.clock);
    this.#far.onFrame((message) => {
      const frame = decodeFrame(message);
      if (frame?.type === FrameType.attached) {
        const { json, vector } = splitAttach(frame.body);
        const { opened, seen } = parseControl(Attached, json);
        const peer = { opened, seen, entries: decodeVector(vector) };
        this.client.bind({ route: 1, epoch: this.#epoch, egress }, peer);
      } else if (frame?.type === FrameType.checkpointReady) {
        this.answers.push(parseControl(CheckpointReady, frame.body));
      } else if (frame !== null && frame.route === 1) this.client.receive(frame);
    });
    this.#far.onClose(() => this.client.unbind());
    this.say(FrameType.welcome, {
      ...{ linkId: "lnk_1", hubId: "hub_1", features: ["resume", "checkpoint"], pingMs: 60_000 },
      ...{ deadMs: 120_000, frameBytesMax: 65_600, epoch: this.#epoch, challenge: "c" },
    });
    const { entries, ...mine } = this.client.state();
    const mode = this.#epoch === 1 ? "new" : "resume";
    const attach = { mode, session: "ses_1", channelId: "chn_1", attachSeq: this.#epoch };
    const features = ["open-crc"];
    const head = encodeJson({ ...attach, ...mine, leaseMs: 60_000, features });
    const body = joinAttach(head, encodeVector(entries));
    this.#far.send(encodeFrame({ type: FrameType.attach, route: 1, epoch: this.#epoch, body }));
    await this.move();
  }

  say(type: FrameType, body: object, epoch = this.#epoch): void {
    this.#far.send(encodeFrame({ type, epoch, body: encodeJson(body) }));
  }

  async prepare(id: string, deadlineMs = 5_000, epoch = this.#epoch): Promise<void> {
    this.say(FrameType.prepareCheckpoint, { id, deadlineMs }, epoch);
    await this.move();
  }

  /** Moves frames until none is left; a link that ended has none. */
  async move(): Promise<void> {
    for (;;) {
      await settled();
      const moved = [this.#near.deliver(), this.#far.deliver()];
      if (!moved.includes(true)) return;
    }
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.clock.advance(Math.min(50, left));
      await this.move();
    }
  }

  async command(): Promise<{ readonly inside: Stream; readonly outside: Stream }> {
    const outside = this.client.open(
      { kind: "exec", argv: ["x"], rxMax: WINDOW },
      {
        onBytes: async (bytes) => {
          this.heard += new TextDecoder().decode(bytes);
          await this.busy;
        },
      },
    );
    await this.move();
    const inside = this.running.at(-1);
    if (inside === undefined) throw new Error("the command did not start");
    return { inside, outside };
  }
}

let room: Room;
beforeEach(async () => {
  room = new Room();
  await room.dial();
});

describe("[ST12] a driver that is asked to rest", () => {
  test("answers once its client has all that was written, and ends the link with 4001", async () => {
    const { inside } = await room.command();
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1");
    expect(room.heard).toBe(LINE);
    expect(room.answers).toEqual([
      { id: "chk_1", digest: room.table.digest(), streams: 0, bytes: 0, most: [] },
    ]);
    const { code } = CloseCodes.checkpoint;
    expect(room.ended).toMatchObject({ code, retryAfterMs: REST_MS });
  });

  test("lets nothing be written until it dials again, and then loses and doubles nothing", async () => {
    const { inside } = await room.command();
    room.busy = new Promise(() => undefined);
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1", 300);
    let goesOn = false;
    expect(inside.write(bytesOf(LINE))).toBe(false);
    void inside.whenSent().then(() => (goesOn = true));
    await room.pass(20_000);
    expect([room.answers.length, goesOn]).toEqual([1, false]);
    await room.dial();
    expect(goesOn).toBe(true);
    room.busy = null;
    expect(inside.write(bytesOf(LINE))).toBe(true);
  });

  test("takes no key that comes then: the client has it still, and it is taken once", async () => {
    const { inside, outside } = await room.command();
    room.busy = new Promise(() => undefined);
    inside.write(bytesOf(LINE));
    await room.move();
    await room.prepare("chk_1", 300);
    outside.write(bytesOf("key"));
    outside.ctl({ type: "signal", signal: "INT" });
    await room.move();
    expect([room.given, outside.keptBytes]).toEqual(["", 3]);
    await room.pass(300);
    expect(room.ended?.code).toBe(CloseCodes.checkpoint.code);
    room.busy = null;
    await room.dial();
    expect(room.given).toBe("key");
  });

  test("begins nothing that is opened then: it begins once, after the rest", async () => {
    const { inside } = await room.command();
    room.busy = new Promise(() => undefined);
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1", 300);
    room.client.open({ kind: "exec", argv: ["y"], rxMax: WINDOW }, {});
    await room.pass(300);
    expect(room.running).toHaveLength(1);
    await room.dial();
    expect(room.running).toHaveLength(2);
  });

  test("says at its deadline which streams keep how much, and rests all the same", async () => {
    const { inside } = await room.command();
    let goOn = (): void => undefined;
    room.busy = new Promise((resolve) => (goOn = resolve));
    for (let n = 0; n < 3; n++) inside.write(bytesOf(LINE));
    await room.prepare("chk_1", 1_000);
    await room.pass(900);
    expect(room.answers).toEqual([]);
    await room.pass(100);
    const bytes = 3 * LINE.length;
    const most = [{ channelId: "chn_1", stream: inside.id, bytes }];
    expect(room.answers).toMatchObject([{ id: "chk_1", streams: 1, bytes, most }]);
    expect(room.ended?.code).toBe(CloseCodes.checkpoint.code);
    room.busy = null;
    goOn();
    await room.dial();
    await room.pass(3 * limits.PROBE_AFTER_MS);
    expect([room.heard, inside.quiet]).toEqual([LINE.repeat(3), true]);
  });

  test("waits for no longer than it is meant to, whatever it is asked", async () => {
    const { inside } = await room.command();
    room.busy = new Promise(() => undefined);
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1", 3_600_000);
    await room.pass(REST_WAIT_MS);
    expect(room.answers).toHaveLength(1);
  });

  test("answers the newest question, and no other", async () => {
    const { inside } = await room.command();
    room.busy = new Promise(() => undefined);
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1", 300);
    await room.prepare("chk_2", 600);
    await room.pass(2_000);
    expect(room.answers.map(({ id }) => id)).toEqual(["chk_2"]);
  });

  test("is asked in vain in the name of an earlier epoch", async () => {
    await room.dial();
    const { inside } = await room.command();
    await room.prepare("chk_1", 300, 1);
    await room.pass(2_000);
    expect([room.answers, room.ended]).toEqual([[], undefined]);
    expect(inside.write(bytesOf(LINE))).toBe(true);
  });

  test("does not wait for a client that is away", async () => {
    const { inside } = await room.command();
    inside.write(bytesOf(LINE));
    room.table.releaseAll();
    await room.prepare("chk_1");
    expect(room.answers).toMatchObject([{ id: "chk_1", streams: 0 }]);
  });

  test("says the same of where its streams are for as long as it rests", async () => {
    const { inside } = await room.command();
    const before = room.table.digest();
    inside.write(bytesOf(LINE));
    await room.prepare("chk_1");
    const [told] = room.answers;
    await room.pass(5_000);
    expect([told?.digest === before, room.table.digest()]).toEqual([false, told?.digest]);
  });
});
