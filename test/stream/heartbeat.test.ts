import { beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { decodePing, encodePing } from "../../src/protocol/bodies.ts";
import { createHeartbeat, type ClockJump, type Heartbeat } from "../../src/stream/heartbeat.ts";
import { TestClock } from "../support/test-clock.ts";

let clock: TestClock;
let heartbeat: Heartbeat;
let pings: Uint8Array[];
let told: string[];
let jumps: ClockJump[];

beforeEach(() => {
  clock = new TestClock();
  pings = [];
  told = [];
  jumps = [];
  heartbeat = createHeartbeat({
    clock,
    pingMs: 1_000,
    suspectMs: 3_000,
    deadMs: 6_000,
    send: (body) => pings.push(body),
    onSuspect: (silentMs) => told.push(`suspect ${silentMs}`),
    onAlive: () => told.push("alive"),
    onDead: (silentMs) => told.push(`dead ${silentMs}`),
    onJump: (jump) => jumps.push(jump),
  });
});

/** The peer answers every ping at once. */
function answerAll(): void {
  for (const body of pings.splice(0)) heartbeat.ponged(body);
}

describe("heartbeat", () => {
  test("pings at once and then every second", () => {
    expect(pings).toHaveLength(1);
    clock.advance(2_999);
    expect(pings.map((body) => decodePing(body).n)).toEqual([1, 2, 3]);
  });

  test("a peer that answers stays alive for ever", () => {
    let answered = 0;
    for (let second = 0; second < 600; second++) {
      answered += pings.length;
      answerAll();
      clock.advance(1_000);
    }
    expect(told).toEqual([]);
    expect(answered).toBe(600);
    expect(heartbeat.lastPong?.roundTripMs).toBe(0);
  });

  test("suspects a silent peer after exactly 3 s, buries it after exactly 6 s, once", () => {
    clock.advance(2_999);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(["suspect 3000"]);
    clock.advance(2_999);
    expect(heartbeat.state).toBe("suspect");
    clock.advance(1);
    expect(told).toEqual(["suspect 3000", "dead 6000"]);
    clock.advance(60_000);
    expect(told).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test("[SB13] as a hub asks a driver, one that stands still is suspected only past a stall", () => {
    heartbeat.stop();
    /** Silence after which it was suspected, by how long it stood still, from any moment on. */
    const suspectedFor = (stillMs: number): readonly string[] => {
      const said: string[] = [];
      for (let phase = 0; phase < limits.DRIVER_PING_MS; phase += 50) {
        let still = false;
        const asked: Uint8Array[] = [];
        const answer = (): void => {
          if (!still) for (const body of asked.splice(0)) beat.ponged(body);
        };
        const beat = createHeartbeat({
          clock,
          pingMs: limits.DRIVER_PING_MS,
          suspectMs: limits.DRIVER_SUSPECT_MS,
          deadMs: limits.DRIVER_DEAD_MS,
          send: (body) => {
            asked.push(body);
            clock.setTimeout(answer, 1);
          },
          onSuspect: (silentMs) => said.push(`after ${silentMs}`),
          onDead: () => expect.unreachable(),
        });
        clock.advance(10 * limits.DRIVER_PING_MS + phase);
        still = true;
        clock.advance(stillMs);
        still = false;
        answer();
        clock.advance(limits.DRIVER_SUSPECT_MS);
        beat.stop();
      }
      return said;
    };
    expect(suspectedFor(limits.STALL_MS - 1)).toEqual([]);
    expect(new Set(suspectedFor(limits.DRIVER_SUSPECT_MS))).toEqual(new Set(["after 3000"]));
  });

  test("a suspected peer that speaks is alive again", () => {
    clock.advance(4_000);
    heartbeat.received();
    expect(told).toEqual(["suspect 3000", "alive"]);
    clock.advance(3_000);
    expect(told).toEqual(["suspect 3000", "alive", "suspect 3000"]);
  });

  test("after a freeze of its own process it does not judge but asks", () => {
    answerAll();
    clock.advance(900);
    clock.freeze(60_000);
    clock.advance(0);
    expect(told).toEqual([]);
    expect(pings.length).toBeGreaterThan(0);
    expect(jumps).toHaveLength(1);
    expect(jumps[0]?.lateMs).toBeGreaterThan(59_000);
    clock.advance(5_999);
    expect(told).toEqual(["suspect 3000"]);
    clock.advance(1);
    expect(told.at(-1)).toBe("dead 6000");
  });

  test("a short stall is no jump, and the next ping tells how late it was", () => {
    clock.advance(1_000);
    answerAll();
    clock.freeze(1_900);
    clock.advance(0);
    expect(jumps).toEqual([]);
    const lags = pings.map((body) => decodePing(body).loopLagMs);
    expect(Math.max(...lags)).toBe(1_400);
  });

  test("wall time that jumps alone is a jump, in both directions", () => {
    clock.jumpWall(2_001);
    clock.advance(500);
    clock.jumpWall(-2_001);
    clock.advance(500);
    clock.jumpWall(1_999);
    clock.advance(500);
    expect(jumps.map((jump) => jump.skewMs)).toEqual([2_001, -2_001]);
  });

  test("only a pong that answers a ping of this heartbeat counts", () => {
    const [first] = pings;
    if (first === undefined) throw new Error("no ping was sent");
    clock.advance(40);
    expect(heartbeat.ponged(first)).toMatchObject({ roundTripMs: 40 });
    expect(heartbeat.ponged(first)).toBeNull();
    expect(heartbeat.ponged(new Uint8Array(8).fill(9))).toBeNull();
  });

  describe("of a side that is asked", () => {
    /** The other side asks every second, and is heard. */
    const askedFor = (seconds: number): void => {
      for (let n = 0; n < seconds; n++) {
        clock.advance(1_000);
        heartbeat.received();
      }
    };
    beforeEach(() => {
      heartbeat.stop();
      pings = [];
      heartbeat = createHeartbeat({
        clock,
        pingMs: 1_000,
        isAsked: true,
        suspectMs: 3_000,
        deadMs: 6_000,
        send: (body) => pings.push(body),
        onSuspect: (silentMs) => told.push(`suspect ${silentMs}`),
        onDead: (silentMs) => told.push(`dead ${silentMs}`),
      });
    });

    test("[ST13] asks once, and then not while it hears the other", () => {
      askedFor(600);
      expect(pings).toHaveLength(1);
      expect(told).toEqual([]);
    });

    test("[ST13] asks when it suspects the other, and judges as early as who asks", () => {
      askedFor(5);
      clock.advance(2_999);
      expect(pings).toHaveLength(1);
      clock.advance(1);
      expect(pings).toHaveLength(2);
      expect(told).toEqual(["suspect 3000"]);
      clock.advance(3_000);
      expect(told).toEqual(["suspect 3000", "dead 6000"]);
    });

    test("[ST13] tells in its answers that its loop was late, and then that it is no longer", () => {
      const asked = encodePing({ n: 7, loopLagMs: 9_000 });
      askedFor(2);
      clock.freeze(1_900);
      clock.advance(0);
      heartbeat.received();
      const told = [heartbeat.answer(asked), heartbeat.answer(asked)].map(decodePing);
      expect(told).toEqual([
        { n: 7, loopLagMs: 900 },
        { n: 7, loopLagMs: 0 },
      ]);
      expect(pings).toHaveLength(1);
    });

    test("[ST13] asks once it stood still itself: nobody may be there any more", () => {
      askedFor(2);
      clock.freeze(60_000);
      clock.advance(0);
      expect(pings).toHaveLength(2);
    });
  });

  test("a stopped heartbeat says nothing more", () => {
    heartbeat.stop();
    const sent = pings.length;
    clock.advance(60_000);
    expect(told).toEqual([]);
    expect(pings).toHaveLength(sent);
    expect(clock.pendingTimers).toBe(0);
  });
});
