/** What sandboxes cost, counted from facts: over pauses, restarts, leftovers and removals. */
import { describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { costOf } from "../../src/hub/cost/cost-book.ts";
import { Janitor } from "../../src/hub/janitor.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { costAt } from "../../src/store/cost.ts";
import { discardSandbox, upgradeRecord } from "../../src/store/facts.ts";
import { HubWorld } from "../support/hub-world.ts";

const MINUTE_MS = 60_000;

function secondsOf(world: HubWorld, session: Session) {
  return costOf(session.record, world.clock.now()).sandboxSeconds;
}

function janitorOf(world: HubWorld): Janitor {
  const { platform: provider, store, clock } = world;
  return new Janitor({
    hubId: "hub_test",
    provider,
    store,
    sessions: () => world.sessions.all,
    clock,
    log: silentLogger,
    everyMs: 15_000,
    youngMs: 120_000,
    cost: world.sessions.cost,
  });
}

describe("the cost of a session", () => {
  test("[CO1] in use and suspended are counted apart, and add up to the life of the sandbox", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const [born] = [...world.platform.sandboxes.values()].map(({ createdAt }) => createdAt);
    await world.clock.advanceAsync(MINUTE_MS);
    session.operate("operator.paused");
    await world.clock.advanceAsync(2 * MINUTE_MS);
    const { owned, suspended } = secondsOf(world, session);
    expect(suspended).toBeCloseTo(120, 0);
    expect((owned + suspended) * 1_000).toBe(world.clock.now() - (born ?? 0));
  });

  test("[CO2] three restarts lose nothing, also not the time in which no hub ran", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const [born] = [...world.platform.sandboxes.values()].map(({ createdAt }) => createdAt);
    for (const downMs of [7_000, 1_000, 30_000]) {
      await world.clock.advanceAsync(MINUTE_MS);
      await world.restart(downMs);
    }
    await world.clock.advanceAsync(MINUTE_MS);
    const found = world.sessions.find(session.record.id);
    const { owned } = secondsOf(world, found);
    expect(owned * 1_000).toBe(world.clock.now() - (born ?? 0));
    expect(world.sessions.cost.view().sandboxSeconds.owned).toBe(owned);
  });

  test("[CO1] a sandbox that was given up costs until it is known to be gone", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const janitor = janitorOf(world);
    const old = session.record.sandboxId ?? "";
    const { destroy } = world.platform;
    world.platform.destroy = () => Promise.resolve(false);
    session.ledger.note("sandbox.discarded", "given up", {}, discardSandbox(session.record));
    janitor.start();
    await world.clock.advanceAsync(10 * MINUTE_MS);
    expect(world.sessions.cost.view().now.orphaned).toBe(1);
    world.platform.destroy = destroy.bind(world.platform);
    await world.clock.advanceAsync(15_000);
    expect(world.platform.sandboxes.has(old)).toBe(false);
    await world.clock.advanceAsync(10 * MINUTE_MS);
    const { sandboxSeconds, cleaned } = costOf(session.record, world.clock.now());
    expect([sandboxSeconds.orphaned, cleaned]).toEqual([615, 1]);
    expect(world.sessions.cost.view().now.orphaned).toBe(0);
    janitor.stop();
  });

  test("[CO1] quarantine is counted for as long as it lasts", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const kept = { sandboxName: "old", sandboxId: "box-0", until: 0, why: "unsaved work" };
    session.ledger.note("sandbox.quarantined", "kept", {}, { quarantine: [kept] });
    await world.clock.advanceAsync(MINUTE_MS);
    session.ledger.note("sandbox.deleted", "gone", {}, { quarantine: [] });
    await world.clock.advanceAsync(MINUTE_MS);
    const { sandboxSeconds, cleaned } = costOf(session.record, world.clock.now());
    expect([sandboxSeconds.quarantined, cleaned]).toEqual([60, 1]);
  });

  test("[CO1] a sandbox that is gone costs nothing more, and neither does a clock set back", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const before = costAt(session.record, world.clock.now());
    expect(costAt(session.record, world.clock.now() - MINUTE_MS).ownedMs).toBeLessThanOrEqual(
      before.ownedMs,
    );
    world.platform.sandboxes.clear();
    for (const link of world.links) session.detach(link, "gone with its sandbox");
    for (let n = 0; n < 12; n++) await world.clock.advanceAsync(10_000);
    expect(session.record.fault?.code).toBe("SandboxGone");
    const atEnd = secondsOf(world, session).owned;
    await world.clock.advanceAsync(MINUTE_MS);
    expect(secondsOf(world, session).owned).toBe(atEnd);
  });

  test("[CO1] a record from before there was a count begins with none", () => {
    const { cost, ...old } = upgradeRecord({ updatedAt: 5_000 });
    expect(cost).toMatchObject({ at: 5_000, ownedMs: 0 });
    expect(old.litter).toEqual([]);
  });
});

describe("the cost of a hub", () => {
  test("[CO3] ended sessions, strays and restarts: the sum stays", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    await world.clock.advanceAsync(MINUTE_MS);
    session.operate("operator.removed");
    await world.clock.advanceAsync(10_000);
    const owned = world.sessions.cost.view().sandboxSeconds.owned;
    expect(owned).toBeGreaterThan(60);
    const labels = { "holdfast/hub": "hub_test", "holdfast/session": session.record.id };
    world.platform.make({ name: "late", env: {}, labels }, "started");
    const first = janitorOf(world);
    first.start();
    await world.clock.advanceAsync(15_000);
    expect(world.sessions.cost.view().now.orphaned).toBe(1);
    await world.clock.advanceAsync(30_000);
    first.stop();
    const before = world.sessions.cost.view();
    expect(before).toMatchObject({ cleaned: 1, now: { orphaned: 0 } });
    expect(before.sandboxSeconds).toMatchObject({ owned, orphaned: 30 });
    for (let n = 0; n < 3; n++) {
      await world.restart(10_000);
      expect(world.sessions.cost.view()).toEqual(before);
    }
  });

  test("[CO3] a control sandbox counts while it is there, and after it was left over", async () => {
    const world = new HubWorld();
    const janitor = janitorOf(world);
    janitor.start();
    const labels = { "holdfast/hub": "hub_test", "holdfast/control": "yes" };
    world.platform.make({ name: "control", env: {}, labels }, "started");
    await world.clock.advanceAsync(MINUTE_MS);
    expect(world.sessions.cost.view()).toMatchObject({
      sandboxSeconds: { control: 60 },
      now: { control: 1 },
    });
    await world.clock.advanceAsync(20 * MINUTE_MS);
    const { sandboxSeconds, now } = world.sessions.cost.view();
    expect(now.control).toBe(0);
    expect(sandboxSeconds.control).toBeGreaterThan(600);
    world.sessions.cost.close({ kind: "control", forMs: 12_000 });
    expect(world.sessions.cost.view().sandboxSeconds.control).toBe(sandboxSeconds.control + 12);
    janitor.stop();
  });
});
