/**
 * What the links of an idle session keep: in bytes of the heap after a collection, which are the
 * same on every machine. Each bound has little room; who needs more says why.
 */
import type { IncomingMessage } from "node:http";
import { afterAll, expect, test } from "vitest";
import { heldHere } from "../../bench/held.ts";
import { median } from "../../bench/statistics.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { SessionActivity } from "../../src/hub/activity/session-activity.ts";
import { EVERYBODY } from "../../src/hub/auth/guest.ts";
import { ClientLink } from "../../src/hub/switchboard/client-link.ts";
import { DriverLink } from "../../src/hub/switchboard/driver-link.ts";
import { WaitingBytes } from "../../src/hub/switchboard/waiting-bytes.ts";
import type { FrameSocket } from "../../src/transport/frame-socket.ts";
import { hubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { TestClock } from "../support/test-clock.ts";

const PAIRS = 1_000;
/** Of one lot the heap also has what the process makes meanwhile, or a table that grew. */
const LOTS = 5;
const KIB_OF_PAIR = 1_024 / PAIRS;

let server: Awaited<ReturnType<typeof hubServer>> | null = null;
afterAll(async () => server?.close());

const ignored = (): void => undefined;
const nowhere: FrameSocket = {
  bufferedBytes: 0,
  send: ignored,
  close: ignored,
  terminate: ignored,
  onFrame: ignored,
  onClose: ignored,
  onDrain: ignored,
};

test("[PF6] the links of a driver and of a client that say nothing keep 5.5 KiB", async () => {
  const clock = new TestClock();
  const waiting = new WaitingBytes();
  const base = { clock, random: seededRandom("idle"), log: silentLogger, waiting };
  const activity = new SessionActivity(clock);
  const kept: unknown[] = [];
  const addPair = (n: number): void => {
    const link = { ...base, socket: nowhere, features: ["hop"] };
    const session = `ses_${n}`;
    const hears = { onSuspect: ignored, onClose: ignored, onJobs: ignored };
    const driver = new DriverLink({ ...link, ...hears, epoch: 1, session });
    const find = () => ({ sessionId: session, driver, activity, state: () => "connected" });
    kept.push(driver, new ClientLink({ ...link, guest: EVERYBODY, find, onClose: ignored }));
  };
  const held: number[] = [];
  for (let lot = 0; lot <= LOTS; lot++) {
    for (let n = 0; n < PAIRS; n++) addPair(n);
    held.push((await heldHere()).heapMib);
  }
  const kibEach = median(held.slice(1).map((mib, lot) => mib - (held[lot] ?? 0))) * KIB_OF_PAIR;
  expect(kept).toHaveLength(2 * PAIRS * (LOTS + 1));
  expect(kibEach).toBeGreaterThan(1);
  expect(kibEach).toBeLessThan(5.5);
});

test("[PF6] of a session the newest record is kept, and none of before", async () => {
  const world = new HubWorld();
  const made = world.create();
  const first = new WeakRef(made.record);
  world.driversDial();
  await world.clock.advanceAsync(2_000);
  expect(made.record.detail).toBe("connected.healthy");
  await heldHere();
  expect(first.deref()).toBeUndefined();
});

test("[PF6] what a link was asked for with is gone once it is open", async () => {
  const world = new HubWorld();
  server = await hubServer(world);
  const asked: WeakRef<IncomingMessage>[] = [];
  server.app.server.prependListener("upgrade", (request) => asked.push(new WeakRef(request)));
  const wires = [await server.client(), await server.client()];
  await heldHere();
  expect(wires.map(({ ended }) => ended)).toEqual([null, null]);
  expect(asked.map((request) => request.deref())).toEqual([undefined, undefined]);
});
