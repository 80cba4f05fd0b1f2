/**
 * Of thousands that come at once few are proved together, more for as long as the event loop is on
 * time, and the rest in their order.
 */
import { expect, test } from "vitest";
import {
  LOOK_MS,
  PROOFS_AT_FIRST,
  PROOFS_AT_ONCE,
  ProofQueue,
} from "../../src/probes/proof-queue.ts";
import { settled, TestClock } from "../support/test-clock.ts";

const CROWD = 200;
/** The room has grown to its most by then. */
const GROWN_MS = 50 * LOOK_MS;

/** So many come; each ends when the test says so. */
function crowded(count = CROWD) {
  const clock = new TestClock();
  const queue = new ProofQueue(clock);
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
    return queue.inTurn(work, abort.signal);
  };
  const all = Array.from({ length: count }, (_, n) => come(n));
  return { clock, begun, ends, aborts, all, come };
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

test("[SM67] no more follow while the loop is late, and fewer than there were", async () => {
  const { clock, begun, ends } = crowded();
  await clock.advanceAsync(GROWN_MS);
  for (let looks = 0; looks < 10; looks++) {
    clock.freeze(2 * LOOK_MS);
    await clock.advanceAsync(0);
  }
  expect(begun).toHaveLength(PROOFS_AT_ONCE);
  const over = PROOFS_AT_ONCE - PROOFS_AT_FIRST;
  for (let n = 0; n < over; n++) ends[n]?.();
  await settled();
  expect(begun).toHaveLength(PROOFS_AT_ONCE);
  ends[over]?.();
  await settled();
  expect(begun).toEqual(upTo(PROOFS_AT_ONCE + 1));
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
