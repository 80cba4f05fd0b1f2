/**
 * Of thousands that come at once few are proved together, more for as long as the event loop is on
 * time, and the rest in their order.
 */
import { expect, test } from "vitest";
import {
  LOOK_MS,
  PROOFS_AT_FIRST,
  PROOFS_AT_ONCE,
  PROOFS_IN_CROWD,
  PROOFS_IN_QUIET,
  ProofQueue,
  QUIET_MS,
  SHARE,
} from "../../src/probes/proof-queue.ts";
import { settled, TestClock } from "../support/test-clock.ts";

const CROWD = 200;
/** The room has grown to its most by then. */
const GROWN_MS = 50 * LOOK_MS;

/** So many come; each ends when the test says so. */
function crowded(count = CROWD) {
  const clock = new TestClock();
  const wanted = new Set<string>();
  const doors = { crowded: false };
  const isWanted = (sessionId: string): boolean => wanted.has(sessionId);
  const queue = new ProofQueue(clock, isWanted, () => doors.crowded);
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const aborts: AbortController[] = [];
  const come = async (n: number): Promise<string> => {
    const abort = new AbortController();
    aborts[n] = abort;
    const work = async (): Promise<string> => {
      begun.push(n);
      await new Promise<void>((resolve, reject) => {
        ends[n] = (error) => (error === undefined ? resolve() : reject(error));
      });
      return `proof ${n}`;
    };
    return queue.inTurn(`session ${n}`, work, abort.signal);
  };
  const all = Array.from({ length: count }, (_, n) => come(n));
  return { clock, wanted, doors, begun, ends, aborts, all, come };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test("[SM67] few begin, and as many follow as the loop bears, first come first", async () => {
  const { clock, begun } = crowded();
  await settled();
  expect(begun).toEqual(upTo(PROOFS_AT_FIRST));
  await clock.advanceAsync(LOOK_MS);
  expect(begun.length).toBeGreaterThan(PROOFS_AT_FIRST);
  await clock.advanceAsync(GROWN_MS);
  expect(begun).toEqual(upTo(PROOFS_AT_ONCE));
});

test("[SM67] few go on while the loop is late, and more once no driver comes any more", async () => {
  const { clock, begun, ends, come } = crowded();
  await clock.advanceAsync(GROWN_MS);
  const lateLooks = async (looks: number, comes: boolean): Promise<void> => {
    for (let look = 0; look < looks; look++) {
      if (comes) void come(1_000 + look);
      clock.freeze(2 * LOOK_MS);
      await clock.advanceAsync(0);
    }
  };
  await lateLooks(10, true);
  const over = PROOFS_AT_ONCE - PROOFS_AT_FIRST;
  for (let n = 0; n < over; n++) ends[n]?.();
  await settled();
  expect(begun).toHaveLength(PROOFS_AT_ONCE);
  ends[over]?.();
  await settled();
  expect(begun).toEqual(upTo(PROOFS_AT_ONCE + 1));
  await lateLooks(QUIET_MS / LOOK_MS + 20, false);
  expect(begun).toEqual(upTo(PROOFS_AT_ONCE + 1 + PROOFS_IN_QUIET - PROOFS_AT_FIRST));
});

test("[SM67] one goes on while the loop is late and drivers wait at the doors: links come first", async () => {
  const { clock, doors, begun, ends } = crowded();
  const lateLooks = async (looks: number): Promise<void> => {
    for (let look = 0; look < looks; look++) {
      clock.freeze(2 * LOOK_MS);
      await clock.advanceAsync(0);
    }
  };
  await settled();
  doors.crowded = true;
  await lateLooks(10);
  const over = PROOFS_AT_FIRST - PROOFS_IN_CROWD;
  for (let n = 0; n < over; n++) ends[n]?.();
  await lateLooks(10);
  expect(begun).toHaveLength(PROOFS_AT_FIRST);
  ends[over]?.();
  await settled();
  expect(begun).toHaveLength(PROOFS_AT_FIRST + 1);
  doors.crowded = false;
  await lateLooks(1);
  expect(begun.length).toBeGreaterThan(PROOFS_AT_FIRST + 1);
});

test("[SM67] the next begins as one ends, well or not", async () => {
  const { clock, begun, ends, all } = crowded();
  await clock.advanceAsync(GROWN_MS);
  ends[5]?.();
  ends[3]?.(new Error("the actor failed"));
  await settled();
  expect(begun).toEqual(upTo(PROOFS_AT_ONCE + 2));
  expect(await all[5]).toBe("proof 5");
  await expect(all[3]).rejects.toThrow("the actor failed");
});

test("[SM67] who is not wanted any more leaves the queue, and keeps nobody's turn", async () => {
  const { clock, begun, ends, aborts, all, come } = crowded(PROOFS_AT_FIRST + 2);
  aborts[PROOFS_AT_FIRST]?.abort(new Error("its driver left"));
  await expect(all[PROOFS_AT_FIRST]).rejects.toThrow("its driver left");
  for (let n = 0; n < PROOFS_AT_FIRST; n++) ends[n]?.();
  await settled();
  expect(begun).toEqual([...upTo(PROOFS_AT_FIRST), PROOFS_AT_FIRST + 1]);
  for (const n of begun) ends[n]?.();
  await Promise.allSettled(all);
  await clock.advanceAsync(GROWN_MS);
  expect(clock.pendingTimers).toBe(0);
  for (let n = 0; n < CROWD; n++) void come(1_000 + n);
  await settled();
  expect(begun.filter((n) => n >= 1_000)).toHaveLength(PROOFS_AT_FIRST);
});

test("[SM72] who is waited for goes first, also when he is asked for after he came", async () => {
  const { clock, wanted, begun, ends } = crowded();
  await clock.advanceAsync(GROWN_MS);
  wanted.add("session 150").add("session 190");
  for (let n = 0; n < 2; n++) ends[n]?.();
  await settled();
  expect(begun.slice(PROOFS_AT_ONCE)).toEqual([150, 190]);
  ends[150]?.();
  await settled();
  expect(begun.slice(PROOFS_AT_ONCE)).toEqual([150, 190, PROOFS_AT_ONCE]);
});

test("[SM72] who came first gets a share while others are waited for all the time", async () => {
  const { clock, wanted, begun, ends, come } = crowded();
  await clock.advanceAsync(GROWN_MS);
  for (let n = 0; n < CROWD; n++) {
    wanted.add(`session ${1_000 + n}`);
    void come(1_000 + n);
  }
  for (let n = 0; n < PROOFS_AT_ONCE; n++) ends[n]?.();
  await settled();
  const unwanted = begun.slice(PROOFS_AT_ONCE).filter((n) => n < 1_000);
  const share = PROOFS_AT_ONCE / SHARE;
  expect(unwanted).toEqual(upTo(PROOFS_AT_ONCE + share).slice(PROOFS_AT_ONCE));
});
