/** What is told as kept is there after a fail-over to a copy that was waited for. */
import { afterEach, expect, test } from "vitest";
import { Relay } from "../../bench/history/relay.ts";
import { StorePair } from "../../bench/history/store-pair.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";

const EVERY_MS = 10;
const pause = (ms: number) => new Promise<void>((next) => void systemClock.setTimeout(next, ms));

describeWhere([needs.postgres], "a PostgreSQL and its copy", () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** Facts of one session, one after the other, told while the copy lags and takes over. */
  const toldAndLost = async (synchronous: boolean): Promise<[told: number, lost: number]> => {
    const pair = await StorePair.start(synchronous);
    closing.push(() => pair.stop());
    const line = await new Relay(() => ({ port: pair.primary.port })).listen();
    closing.push(() => line.close());
    const url = `postgres://holdfast@127.0.0.1:${line.port}/postgres`;
    const given = { url, inc: "me", clock: systemClock, log: silentLogger };
    const store = await PostgresStore.open(given);
    closing.push(() => store.close());
    await pair.follow();
    const made = store.create(record(1), fact("session.created"));
    if (made === null) throw new Error("it was not made");
    await made.event;
    let [now, isOver] = [made.record, false];
    const told: number[] = [];
    const writing = (async () => {
      for (let n = 1; !isOver; n++) {
        try {
          const next = store.append(now, fact("epoch.issued", { epochIssued: n }, n));
          now = next.record;
          void Promise.resolve(next.event).then(
            ({ at }) => told.push(at),
            () => undefined,
          );
        } catch {
          // It takes none while nobody answers.
        }
        await pause(EVERY_MS);
      }
    })();
    await pause(300);
    await pair.failOver(1_000, 300);
    isOver = true;
    await writing;
    await Promise.allSettled([store.settled("ses_1")]);
    const rows = await pair.primary.query("SELECT at FROM fact WHERE kind = 'epoch.issued'");
    const kept = new Set(rows.map(({ at }) => Number(at)));
    return [told.length, told.filter((at) => !kept.has(at)).length];
  };

  test("[CL23] one that is waited for has each fact that was told", async () => {
    const [told, lost] = await toldAndLost(true);
    expect(told).toBeGreaterThan(10);
    expect(lost).toBe(0);
  }, 60_000);

  test("[CL23] one that is not waited for lacks what was told while it lagged", async () => {
    const [told, lost] = await toldAndLost(false);
    expect(lost).toBeGreaterThan(10);
    expect(lost).toBeLessThan(told);
  }, 60_000);
});
