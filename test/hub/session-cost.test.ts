/**
 * What a session costs, in counts that no machine changes: calls, facts, timers, frames, copies.
 * Each bound is what was counted when it was written, with little room; who needs more says why.
 */
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { limits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { SessionActivity } from "../../src/hub/activity/session-activity.ts";
import { EVERYBODY } from "../../src/hub/auth/guest.ts";
import { ClientLink } from "../../src/hub/switchboard/client-link.ts";
import { DriverLink } from "../../src/hub/switchboard/driver-link.ts";
import { WaitingBytes } from "../../src/hub/switchboard/waiting-bytes.ts";
import { encodeJson } from "../../src/protocol/bodies.ts";
import { encodeFrame, FrameType } from "../../src/protocol/frame.ts";
import { joinAttach } from "../../src/protocol/resume.ts";
import { createHeartbeat, type Heartbeat } from "../../src/stream/heartbeat.ts";
import { encodeData } from "../support/data-body.ts";
import { HubWorld } from "../support/hub-world.ts";
import { MemorySocket } from "../support/memory-socket.ts";
import { TestClock } from "../support/test-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of a DATA frame. */
const HEADER_BYTES = 20;

async function connectedWorld() {
  const world = new HubWorld();
  world.driversDial();
  const session = world.create();
  await world.clock.advanceAsync(2_000);
  expect(session.record.detail).toBe("connected.healthy");
  return world;
}

const factsOf = (world: HubWorld): number => world.store.events({ after: 0, limit: 1_000 }).length;

test("[PF1] a session is created and proven with 14 platform calls and 19 facts", async () => {
  const world = await connectedWorld();
  expect(world.platform.calls.length).toBeLessThanOrEqual(14);
  expect(factsOf(world)).toBeLessThanOrEqual(19);
});

test("[PF2] idle, it makes 1,000 calls an hour, writes nothing and has one timer", async () => {
  const world = await connectedWorld();
  const { clock, platform } = world;
  const facts = factsOf(world);
  platform.calls.length = 0;
  let timers = 0;
  const arm = clock.setTimeout.bind(clock);
  clock.setTimeout = (fn, ms) => {
    timers += 1;
    return arm(fn, ms);
  };
  await clock.advanceAsync(HOUR_MS);
  expect(platform.calls.length).toBeGreaterThan(500);
  expect(platform.calls.length).toBeLessThanOrEqual(1_000);
  expect(factsOf(world)).toBe(facts);
  expect(clock.pendingTimers).toBe(1);
  expect(timers).toBeLessThanOrEqual(1_300);
});

test("[PF3] an idle link carries 40 questions and answers a minute over one timer a side", () => {
  const clock = new TestClock();
  let frames = 0;
  const sides = new Map<"hub" | "driver", Heartbeat>();
  const side = (name: "hub" | "driver", other: "hub" | "driver", isAsked: boolean): Heartbeat =>
    createHeartbeat({
      clock,
      isAsked,
      pingMs: limits.DRIVER_PING_MS,
      suspectMs: limits.DRIVER_SUSPECT_MS,
      deadMs: limits.DRIVER_DEAD_MS,
      send: (body) => {
        frames += 2;
        const asked = new Uint8Array(body);
        clock.setTimeout(() => {
          sides.get(other)?.received();
          sides.get(name)?.ponged(asked);
        }, 1);
      },
      onDead: () => expect.unreachable(),
    });
  sides.set("hub", side("hub", "driver", false));
  sides.set("driver", side("driver", "hub", true));
  clock.advance(100);
  frames = 0;
  clock.advance(MINUTE_MS);
  expect(frames).toBeGreaterThan(70);
  expect(frames).toBeLessThanOrEqual(2 * 40 + 2);
  expect(clock.pendingTimers).toBeLessThanOrEqual(2 + 2);
});

/** Counts bytes that are copied into other memory until it is asked for the sum. */
function countCopies(): () => number {
  let bytes = 0;
  const { set, slice } = Uint8Array.prototype;
  const concat = Buffer.concat.bind(Buffer);
  Uint8Array.prototype.set = function (from, at) {
    bytes += from.length;
    set.call(this, from, at);
  };
  Uint8Array.prototype.slice = function (from, to) {
    const part = slice.call(this, from, to);
    bytes += part.length;
    return part;
  };
  Buffer.concat = (list, length) => {
    const whole = concat(list, length);
    bytes += whole.length;
    return whole;
  };
  const stop = (): number => {
    Object.assign(Uint8Array.prototype, { set, slice });
    Buffer.concat = concat;
    return bytes;
  };
  onTestFinished(() => void stop());
  return stop;
}

test("[PF4] data passes the hub without a copy, or with one where a frame is cut", () => {
  const clock = new TestClock();
  const [driverEnd, driverAtHub] = MemorySocket.pair();
  const [clientEnd, clientAtHub] = MemorySocket.pair();
  const waiting = new WaitingBytes();
  const base = { clock, random: seededRandom("copies"), log: silentLogger, waiting, features: [] };
  const ignored = (): void => undefined;
  const driver = new DriverLink({
    ...base,
    socket: driverAtHub,
    epoch: 1,
    session: "ses_1",
    onSuspect: ignored,
    onClose: ignored,
    onJobs: ignored,
  });
  const activity = new SessionActivity(clock);
  const find = () => ({ sessionId: "ses_1", driver, activity, state: () => "connected" });
  new ClientLink({ ...base, guest: EVERYBODY, socket: clientAtHub, find, onClose: ignored });
  const head = encodeJson({ mode: "new", session: "demo", channelId: "chn_1" });
  const body = joinAttach(head, new Uint8Array());
  clientEnd.send(encodeFrame({ type: FrameType.attach, body }));
  clientEnd.deliver();

  const handedOn: number[] = [];
  clientAtHub.send = (message) => void handedOn.push(message.length - HEADER_BYTES);
  let offset = 0;
  for (const [size, sizes, copiedMax] of [
    [limits.DATA_BYTES_FIRST, [limits.DATA_BYTES_FIRST], 0],
    [limits.DATA_BYTES_SMALL, Array(4).fill(limits.DATA_BYTES_FIRST), 3 * limits.DATA_BYTES_FIRST],
  ] as const) {
    const data = encodeData({ offset, bytes: new Uint8Array(size), ctlTx: null });
    offset += size;
    const frame = { type: FrameType.data, epoch: 1, route: 1, stream: 1, body: data };
    driverEnd.send(encodeFrame(frame));
    const copiedBytes = countCopies();
    driverEnd.deliver();
    expect(handedOn.splice(0)).toEqual(sizes);
    expect(copiedBytes()).toBeLessThanOrEqual(copiedMax + 4 * HEADER_BYTES);
  }
});
