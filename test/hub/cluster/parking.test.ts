/** Whoever wants a session of a hub that does not answer waits for the verdict, not for nothing. */
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { Cluster } from "../../../src/hub/cluster/cluster.ts";
import type { ClusterSeat } from "../../../src/hub/cluster/open-cluster.ts";
import { Membership } from "../../../src/hub/cluster/membership.ts";
import { receivePeer } from "../../../src/hub/cluster/peer-greeting.ts";
import type { HubRow } from "../../../src/hub/cluster/roll-book.ts";
import { TestClock } from "../../support/test-clock.ts";

const ROW = { version: "1", started: 0, beat: 1, linked: true, state: "live" } as const;
const SESSION = "ses_1";
const PEER_KEY = new Uint8Array(32);

/** Takes connections and says nothing, as a hub that stands still; closed, as one that is gone. */
let mute: Server;
let clock: TestClock;
let rows: HubRow[];
let members: Membership;
let cluster: Cluster;
let adopted: string[];
/** The other hub lives, whether it can be reached or not. */
let isBeating: boolean;
let owner: string | null;
/** How often the store was asked where a session is, by what it was called. */
let looks: Record<string, number>;

beforeEach(async () => {
  mute = createServer((socket) => void socket.on("error", () => undefined));
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  const advertise = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
  clock = new TestClock();
  adopted = [];
  isBeating = false;
  owner = "inc_b";
  looks = {};
  rows = [{ ...ROW, inc: "inc_b", name: "b", advertise }];
  members = new Membership({
    self: { inc: "inc_a", name: "a", advertise: "", version: "1", started: 0 },
    book: {
      register: () => Promise.resolve(),
      beat: () => {
        if (isBeating) rows = rows.map((row) => ({ ...row, beat: row.beat + 1 }));
        return Promise.resolve(rows);
      },
      declareDead: () => Promise.resolve(true),
      enter: () => Promise.resolve(),
    },
    refuses: () => Promise.resolve(false),
    clock,
    log: silentLogger,
    onDeclaredDead: () => undefined,
    onDead: () => undefined,
  });
  await members.start();
  const store = {
    whereabouts: (asked: string) => {
      looks[asked] = (looks[asked] ?? 0) + 1;
      return Promise.resolve({ id: SESSION, name: "one", owner, fence: 1 });
    },
    claim: () => Promise.resolve({ id: SESSION }),
  };
  const seat = { members, store, peerKey: PEER_KEY };
  cluster = new Cluster({
    seat: seat as unknown as ClusterSeat,
    household: {
      has: () => false,
      owned: () => [],
      adopt: ({ id }) => void adopted.push(id),
      let: () => () => undefined,
      isCrowded: () => false,
    },
    clock,
    log: silentLogger,
  });
});
afterEach(() => {
  members.stop();
  mute.close();
});

/** Steps the hub's clock, and lets real sockets be heard meanwhile. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await clock.advanceAsync(50);
    await new Promise((next) => systemClock.setTimeout(() => next(undefined), 1));
  }
}

test.each([
  ["refuses", true],
  ["says nothing", false],
])("[CL9] a driver of a hub that %s has its session here with the verdict", async (_, isGone) => {
  if (isGone) await new Promise((resolve) => mute.close(resolve));
  let way: unknown = "waits";
  void cluster.reach(SESSION, true).then((found) => (way = found));
  await pass(3_900);
  expect([way, adopted]).toEqual(["waits", []]);
  await pass(150);
  await expect.poll(() => way).toBeNull();
  expect(adopted).toEqual([SESSION]);
});

test("[CL9] who was joined to a hub that stands still is let go with the verdict", async () => {
  mute.on("connection", (socket) => void receivePeer(socket, PEER_KEY, "inc_b"));
  isBeating = true;
  const way = await cluster.reach(SESSION, false);
  let isOpen = true;
  way?.peer.once("close", () => (isOpen = false));
  await pass(10_000);
  expect([way?.to, isOpen, cluster.numbers.splicesOpen]).toEqual(["b", true, 1]);
  isBeating = false;
  await pass(3_900);
  expect(isOpen).toBe(true);
  await pass(700);
  await expect.poll(() => isOpen).toBe(false);
  expect(cluster.numbers.splicesOpen).toBe(0);
});

test("[CL9] one that beats and cannot be reached is named when the time is over", async () => {
  await new Promise((resolve) => mute.close(resolve));
  isBeating = true;
  const said = /the hub b, which has the session, cannot be reached at 127\./;
  const refused = expect(cluster.reach(SESSION, true)).rejects.toThrow(said);
  await pass(6_600);
  await refused;
  expect(adopted).toEqual([]);
});

test("[CL9] of many that wait for one hub that cannot be reached one tries for all", async () => {
  let dials = 0;
  mute.on("connection", (socket) => {
    dials += 1;
    socket.destroy();
  });
  isBeating = true;
  const waiting = [cluster.reach(SESSION, true)];
  await pass(100);
  for (let n = 0; n < 50; n++) waiting.push(cluster.reach(SESSION, true));
  const refused = Promise.allSettled(waiting);
  await pass(2_000);
  expect(dials).toBeGreaterThan(4);
  expect(dials).toBeLessThan(12);
  mute.removeAllListeners("connection");
  mute.on("connection", (socket) => void receivePeer(socket, PEER_KEY, "inc_b"));
  await pass(600);
  const ways = await refused;
  expect(ways.filter(({ status }) => status === "fulfilled")).toHaveLength(51);
  for (const way of ways) if (way.status === "fulfilled") way.value?.peer.destroy();
});

test("[CL9] a thousand drivers that wait look once a second each, a client as one alone", async () => {
  await new Promise((resolve) => mute.close(resolve));
  isBeating = true;
  const waiting = Array.from({ length: 1_000 }, () => cluster.reach(SESSION, true));
  waiting.push(cluster.reach("one", false));
  const all = Promise.allSettled(waiting);
  await pass(1_500);
  expect(cluster.numbers.parked).toBe(1_001);
  looks = {};
  await pass(2_000);
  expect((looks[SESSION] ?? 0) / 1_000).toBeCloseTo(2, 0);
  expect(looks["one"]).toBeGreaterThan(5);
  owner = null;
  await pass(4_200);
  const drivers = (await all).slice(0, 1_000);
  expect(drivers.filter(({ status }) => status === "fulfilled")).toHaveLength(1_000);
});

test.each([
  ["another hub's", "inc_b", /has the hub b at 127\./],
  ["nobody's", null, /has no hub yet/],
  ["this hub's, which does not know of it yet", "inc_a", /has this hub in a moment/],
])("[CL9] a session that is %s is not told to be missing", async (_, inc, said) => {
  owner = inc;
  const { error } = (await cluster.explain(SESSION)) ?? {};
  expect(error?.code).toBe("SessionMoved");
  expect(error?.message).toMatch(said);
});
