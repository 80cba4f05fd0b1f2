/** The end of a hub whose PostgreSQL says nothing any more: it ends all the same. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { Cluster } from "../../../src/hub/cluster/cluster.ts";
import type { ClusterSeat } from "../../../src/hub/cluster/open-cluster.ts";
import { TestClock } from "../../support/test-clock.ts";

const silence = (): Promise<void> => new Promise(() => undefined);
const done = (): Promise<void> => Promise.resolve();

function clusterOn(close: () => Promise<void>) {
  const clock = new TestClock();
  const members = { mayAct: () => false, stop: () => undefined };
  const seat = { members, peers: { close: done }, roll: { close }, store: { close } };
  const household = { has: () => false, owned: () => [], adopt: () => undefined };
  const cluster = new Cluster({
    seat: seat as unknown as ClusterSeat,
    household: { ...household, let: () => () => undefined, isCrowded: () => false },
    clock,
    log: silentLogger,
  });
  return { clock, cluster };
}

test("[CL10] connections whose end is not heard are waited for two seconds, and no longer", async () => {
  const { clock, cluster } = clusterOn(silence);
  let isOver = false;
  void cluster.leave().then(() => (isOver = true));
  await clock.advanceAsync(1_999);
  expect(isOver).toBe(false);
  await clock.advanceAsync(1);
  expect(isOver).toBe(true);
});

test("[CL10] those that end at once are not waited for", async () => {
  const { clock, cluster } = clusterOn(done);
  await cluster.leave();
  expect([clock.mono() - new TestClock().mono(), clock.pendingTimers]).toEqual([0, 0]);
});
