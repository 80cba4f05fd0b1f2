/** Of thousands that come at once so many are proved together, and the rest in their order. */
import { expect, test } from "vitest";
import { PROOFS_AT_ONCE, ProofQueue } from "../../src/probes/proof-queue.ts";
import { settled } from "../support/test-clock.ts";

const MORE = 40;

/** So many more come than are proved at once; each ends when the test says so. */
function crowded() {
  const queue = new ProofQueue();
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
  const all = Array.from({ length: PROOFS_AT_ONCE + MORE }, (_, n) => come(n));
  return { begun, ends, aborts, all, come };
}

test("[SM67] so many are proved at once, the next as one ends, well or not, first come first", async () => {
  const { begun, ends, all } = crowded();
  await settled();
  expect(begun).toEqual(Array.from({ length: PROOFS_AT_ONCE }, (_, n) => n));
  ends[5]?.();
  ends[3]?.(new Error("the actor failed"));
  await settled();
  expect(begun.slice(PROOFS_AT_ONCE)).toEqual([PROOFS_AT_ONCE, PROOFS_AT_ONCE + 1]);
  expect(await all[5]).toBe("proof 5");
  await expect(all[3]).rejects.toThrow("the actor failed");
});

test("[SM67] who is not wanted any more leaves the queue, and keeps nobody's turn", async () => {
  const { begun, ends, aborts, all, come } = crowded();
  aborts[PROOFS_AT_ONCE]?.abort(new Error("its driver left"));
  await expect(all[PROOFS_AT_ONCE]).rejects.toThrow("its driver left");
  for (let n = 0; n < PROOFS_AT_ONCE; n++) ends[n]?.();
  await settled();
  expect(begun).toHaveLength(PROOFS_AT_ONCE + MORE - 1);
  expect(begun).not.toContain(PROOFS_AT_ONCE);
  for (const n of begun) ends[n]?.();
  await Promise.allSettled(all);
  for (let n = 0; n < PROOFS_AT_ONCE + 1; n++) void come(1_000 + n);
  await settled();
  expect(begun.filter((n) => n >= 1_000)).toHaveLength(PROOFS_AT_ONCE);
});
