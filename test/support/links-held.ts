/**
 * A process of its own that makes links of drivers and clients that say nothing, a lot at a time,
 * and prints how many KiB of heap a pair of them keeps. What else is in a heap, as in that of many
 * tests, comes and goes meanwhile.
 */
import { heldHere } from "../../bench/held.ts";
import { median } from "../../bench/statistics.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { SessionActivity } from "../../src/hub/activity/session-activity.ts";
import { EVERYBODY } from "../../src/hub/auth/guest.ts";
import { ClientLink } from "../../src/hub/switchboard/client-link.ts";
import { DriverLink } from "../../src/hub/switchboard/driver-link.ts";
import { WaitingBytes } from "../../src/hub/switchboard/waiting-bytes.ts";
import { FEATURES } from "../../src/protocol/version.ts";
import type { FrameSocket } from "../../src/transport/frame-socket.ts";
import { TestClock } from "./test-clock.ts";

const PAIRS = 1_000;
/** Of one lot the heap also has what the process makes meanwhile, or a table that grew. */
const LOTS = 5;
const KIB_OF_PAIR = 1_024 / PAIRS;

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

const clock = new TestClock();
const waiting = new WaitingBytes();
const base = { clock, random: seededRandom("idle"), log: silentLogger, waiting };
const activity = new SessionActivity(clock);
const kept: unknown[] = [];

function addPair(n: number): void {
  const link = { ...base, socket: nowhere, features: FEATURES };
  const session = `ses_${n}`;
  const hears = { onSuspect: ignored, onClose: ignored, onJobs: ignored };
  const driver = new DriverLink({ ...link, ...hears, epoch: 1, session });
  const find = () => ({ sessionId: session, driver, activity, state: () => "connected" });
  kept.push(driver, new ClientLink({ ...link, guest: EVERYBODY, find, onClose: ignored }));
}

const held: number[] = [];
for (let lot = 0; lot <= LOTS; lot++) {
  for (let n = 0; n < PAIRS; n++) addPair(n);
  held.push((await heldHere()).heapMib);
}
const grown = held.slice(1).map((mib, lot) => mib - (held[lot] ?? 0));
process.stdout.write(JSON.stringify({ links: kept.length, kibEach: median(grown) * KIB_OF_PAIR }));
process.exit();
