import { beforeEach, describe, expect, test } from "vitest";
import { createBackoff } from "../../src/base/backoff.ts";
import { limits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { CloseCodes } from "../../src/protocol/close-codes.ts";
import { REST_MS } from "../../src/protocol/rest.ts";
import { Redial, type AttemptEvents } from "../../src/stream/redial.ts";
import { TestClock } from "../support/test-clock.ts";

interface Try {
  readonly reason: string;
  readonly atMs: number;
  readonly events: AttemptEvents;
  abandoned: boolean;
}

let clock: TestClock;
let tries: Try[];
let redial: Redial;

beforeEach(() => {
  clock = new TestClock();
  tries = [];
  redial = new Redial({
    clock,
    backoff: createBackoff({
      minMs: limits.REDIAL_MIN_MS,
      maxMs: limits.REDIAL_MAX_MS,
      random: seededRandom("redial"),
    }),
    connect: (reason, events) => {
      const attempt: Try = { reason, atMs: clock.mono(), events, abandoned: false };
      tries.push(attempt);
      return { abandon: () => (attempt.abandoned = true) };
    },
  });
});

function last(): Try {
  const attempt = tries.at(-1);
  if (attempt === undefined) throw new Error("nothing was dialled");
  return attempt;
}

const lost = { code: 1006, reason: "lost" };

describe("redial", () => {
  test("never gives up, waits at most 5 s, and asks for one link at a time", () => {
    redial.start();
    for (let failure = 0; failure < 200; failure++) {
      const before = tries.length;
      last().events.ended(lost);
      expect(redial.phase.name).toBe("waiting");
      clock.advance(limits.REDIAL_MAX_MS);
      expect(tries).toHaveLength(before + 1);
    }
    const waits = tries.slice(1).map((attempt, i) => attempt.atMs - (tries[i]?.atMs ?? 0));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(limits.REDIAL_MIN_MS);
    expect(clock.pendingTimers).toBe(1);
  });

  test("a dial that hangs is abandoned after 10 s and tried again", () => {
    redial.start();
    clock.advance(10_000);
    expect(tries[0]?.abandoned).toBe(true);
    clock.advance(5_000);
    expect(tries.length).toBeGreaterThan(1);
    tries[0]?.events.live();
    expect(redial.phase.name).not.toBe("live");
  });

  test("the back-off starts small again only after a link that lived 10 s", () => {
    redial.start();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      last().events.live();
      clock.advance(limits.REDIAL_RESET_AFTER_MS - 1);
      last().events.ended(lost);
      const [endedAtMs, before] = [clock.mono(), tries.length];
      while (tries.length === before) clock.advance(100);
      waits.push(last().atMs - endedAtMs);
    }
    expect(Math.max(...waits)).toBeGreaterThan(1_000);
    last().events.live();
    clock.advance(limits.REDIAL_RESET_AFTER_MS);
    const before = tries.length;
    last().events.ended(lost);
    clock.advance(limits.REDIAL_MIN_MS);
    expect(tries).toHaveLength(before + 1);
  });

  test("a nudge drops a link that was dialled a second ago, and dials in the same turn", () => {
    redial.start();
    last().events.live();
    clock.advance(1_000);
    redial.nudge("nudge");
    expect(tries[0]?.abandoned).toBe(true);
    expect(last().reason).toBe("nudge");
    expect(redial.phase.name).toBe("dialling");
  });

  test("[SM4] a nudge that meets a dial under way, or the link it has just become, ends neither", () => {
    redial.start();
    clock.advance(999);
    redial.nudge("nudge");
    last().events.live();
    redial.nudge("nudge");
    expect([tries.length, tries[0]?.abandoned, redial.phase.name]).toEqual([1, false, "live"]);
  });

  test("a nudge ends a dial that hangs, and hastens the next one where it fails", () => {
    redial.start();
    clock.advance(1_000);
    redial.nudge("nudge");
    expect(tries.map(({ abandoned }) => abandoned)).toEqual([true, false]);
    for (let failed = 0; failed < 12; failed++) {
      last().events.ended(lost);
      clock.advance(5_000);
    }
    last().events.ended(lost);
    while (redial.phase.name === "waiting") clock.advance(1);
    const before = tries.length;
    redial.nudge("nudge");
    last().events.ended(lost);
    clock.advance(limits.REDIAL_MIN_MS);
    expect(tries).toHaveLength(before + 1);
  });

  test("what was dialled before a machine was kept and restored is dialled again", () => {
    redial.start();
    last().events.live();
    clock.jumpWall(60_000);
    redial.nudge("jump");
    expect(tries.map(({ abandoned }) => abandoned)).toEqual([true, false]);
    clock.jumpWall(-3_600_000);
    redial.nudge("jump");
    expect(tries).toHaveLength(3);
  });

  test("a hundred nudges within a second are one dial", () => {
    redial.start();
    last().events.live();
    clock.advance(1_000);
    for (let i = 0; i < 100; i++) {
      redial.nudge("nudge");
      clock.advance(9);
    }
    expect(tries).toHaveLength(2);
    clock.advance(200);
    redial.nudge("nudge");
    expect(tries).toHaveLength(3);
  });

  test("a nudge ends a long wait, also when an earlier one was a moment ago", () => {
    redial.start();
    last().events.ended({ code: CloseCodes.fenced.code, reason: "fenced" });
    clock.advance(limits.REDIAL_LATER_MS - 30_000);
    expect(tries).toHaveLength(1);
    redial.nudge("nudge");
    expect(tries).toHaveLength(2);
    last().events.ended({ code: CloseCodes.fenced.code, reason: "fenced" });
    redial.nudge("nudge");
    clock.advance(999);
    expect(tries).toHaveLength(2);
    clock.advance(1);
    expect(tries).toHaveLength(3);
  });

  test("close codes decide: stop ends it for good, retry-later waits a minute", () => {
    redial.start();
    last().events.ended({ code: CloseCodes.fenced.code, reason: "" });
    clock.advance(limits.REDIAL_LATER_MS - 1);
    expect(tries).toHaveLength(1);
    clock.advance(1);
    expect(tries).toHaveLength(2);
    last().events.ended({ code: CloseCodes.sessionUnknown.code, reason: "no such session" });
    expect(redial.phase).toMatchObject({ name: "stopped", end: { reason: "no such session" } });
    redial.nudge("nudge");
    clock.advance(600_000);
    expect(tries).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test("[SB21] one that was told when to come comes then, and not after a minute", () => {
    redial.start();
    const busy = { code: CloseCodes.rateLimited.code, reason: "busy", retryAfterMs: 350 };
    last().events.ended(busy);
    clock.advance(349);
    expect(tries).toHaveLength(1);
    clock.advance(1);
    expect(tries).toHaveLength(2);
  });

  test("[SB14] a hub that goes away is followed at once, and then with patience", () => {
    redial.start();
    for (let failed = 0; failed < 12; failed++) {
      last().events.ended(lost);
      clock.advance(5_000);
    }
    last().events.live();
    clock.advance(1_000);
    const before = tries.length;
    last().events.ended({ code: CloseCodes.goingAway.code, reason: "the hub is going down" });
    clock.advance(limits.REDIAL_MIN_MS);
    expect(tries).toHaveLength(before + 1);
  });

  test("the peer's wish to wait longer is honoured", () => {
    redial.start();
    last().events.ended({ ...lost, retryAfterMs: 20_000 });
    clock.advance(19_999);
    expect(tries).toHaveLength(1);
    clock.advance(1);
    expect(tries).toHaveLength(2);
  });

  test("[ST12] one that rests for a checkpoint dials after its time, or as soon as it is nudged", () => {
    redial.start();
    const { code, name } = CloseCodes.checkpoint;
    const rest = { code, reason: name, why: name, retryAfterMs: REST_MS };
    last().events.ended(rest);
    clock.advance(REST_MS - 1);
    expect(tries).toHaveLength(1);
    clock.advance(1);
    expect(tries.map(({ reason }) => reason)).toEqual(["start", "checkpoint"]);
    last().events.ended(rest);
    redial.nudge("jump");
    expect(tries.map(({ reason }) => reason)).toEqual(["start", "checkpoint", "jump"]);
  });

  test("late words of an abandoned try change nothing", () => {
    redial.start();
    const [first] = tries;
    last().events.live();
    clock.advance(1_000);
    redial.nudge("jump");
    first?.events.ended({ code: CloseCodes.forbidden.code, reason: "late" });
    expect(redial.phase.name).toBe("dialling");
  });

  test("a connect that fails in the same turn is a normal failure", () => {
    let dials = 0;
    const sync = new Redial({
      clock,
      backoff: createBackoff({ minMs: 100, maxMs: 5_000, random: seededRandom("sync") }),
      connect: (_reason, events) => {
        dials += 1;
        events.ended(lost);
        return { abandon: () => undefined };
      },
    });
    sync.start();
    clock.advance(60_000);
    expect(dials).toBeGreaterThan(10);
    expect(sync.phase.name).toBe("waiting");
  });
});
