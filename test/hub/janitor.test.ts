/** The janitor over a fake platform: what it deletes, when, and what it never touches. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger, type Logger } from "../../src/base/log.ts";
import { Janitor } from "../../src/hub/janitor.ts";
import type { Session } from "../../src/hub/session/session.ts";
import { answered } from "../support/fake-platform.ts";
import { HubWorld } from "../support/hub-world.ts";

const EVERY_MS = 15_000;
const YOUNG_MS = 120_000;
const HOUR_MS = 3_600_000;

let world: HubWorld;
let janitor: Janitor;
let warnings: string[];

beforeEach(() => {
  world = new HubWorld();
  warnings = [];
  const warn: Logger["warn"] = (_, text) => void warnings.push(text);
  const { platform: provider, store, clock } = world;
  janitor = new Janitor({
    hubId: "hub_test",
    provider,
    store,
    sessions: () => world.sessions.all,
    clock,
    log: { ...silentLogger, warn },
    everyMs: EVERY_MS,
    youngMs: YOUNG_MS,
    cost: world.sessions.cost,
  });
  janitor.start();
});

afterEach(() => janitor.stop());

/** A sandbox with this hub's label that speaks of a session, under a name that no session gives. */
function stray(session: string, hub = "hub_test", name = `stray-of-${session}`): string {
  const labels = { "holdfast/hub": hub, "holdfast/session": session };
  return world.platform.make({ name, env: {}, labels }, "started").id;
}

/** Try `number` of the session, which holds number 1. */
function numbered(session: Session, number: number): string {
  return stray(
    session.record.id,
    "hub_test",
    `holdfast-${session.record.id.replace("_", "-")}-${number}`,
  );
}

const there = (id: string): boolean => world.platform.sandboxes.has(id);

describe("platform to store", () => {
  test("[JA2] what a session gave up is deleted after two looks, not after one", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 0);
    await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), janitor.counts.seen.orphan]).toEqual([true, 1]);
    await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), janitor.counts.deleted]).toEqual([false, 1]);
    expect(session.record.state).toBe("connected");
  });

  test("[JA2] a look in between that does not list it starts the count anew", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 0);
    await world.clock.advanceAsync(EVERY_MS);
    const { list } = world.platform;
    world.platform.list = async (labels) => {
      const all = await list.call(world.platform, labels);
      return all.filter(({ sandboxId }) => sandboxId !== id);
    };
    await world.clock.advanceAsync(EVERY_MS);
    world.platform.list = list.bind(world.platform);
    await world.clock.advanceAsync(EVERY_MS);
    expect(there(id)).toBe(true);
    await world.clock.advanceAsync(EVERY_MS);
    expect(there(id)).toBe(false);
  });

  test("[JA1] leaves alone what another hub asked for, and sessions that this store never had", async () => {
    await world.connected();
    const kept = [stray("ses_unknown"), stray("ses_unknown", "hub_other", "other")];
    await world.clock.advanceAsync(HOUR_MS);
    expect(kept.map(there)).toEqual([true, true]);
  });

  test("[JA1] a store from a backup leaves alone what its session asked for later", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 2);
    await world.clock.advanceAsync(HOUR_MS);
    expect([there(id), janitor.counts.seen.foreign]).toEqual([true, 1]);
  });

  test("[JA10] what no record speaks of is told for as long as it is listed, and nothing else", async () => {
    const { session } = await world.connected();
    const unknown = stray("ses_unknown");
    stray("ses_unknown", "hub_other", "other");
    numbered(session, 0);
    const later = numbered(session, 2);
    await world.clock.advanceAsync(EVERY_MS);
    const told = (): string[] => janitor.strays.map(({ listed }) => listed.sandboxId);
    expect(told()).toEqual([unknown, later]);
    expect(janitor.strays.map(({ why }) => why)).toEqual([
      "the store has no record of its session",
      "it is newer than all that its session's record asked for",
    ]);
    world.platform.sandboxes.delete(unknown);
    await world.clock.advanceAsync(HOUR_MS);
    expect([told(), there(later)]).toEqual([[later], true]);
  });

  test("[JA3] never touches the sandbox of a session, nor one that it is asking for", async () => {
    const { session } = await world.connected();
    world.platform.create = (request) => {
      world.platform.make(request, "creating");
      return new Promise(() => undefined);
    };
    const asking = world.create({ name: "asking" });
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(world.platform.find(asking.record.sandboxName)).not.toBeNull();
    expect(world.platform.find(session.record.sandboxId ?? "")).not.toBeNull();
  });

  test("[JA4] what nobody gave up is left alone for as long as a create may take", async () => {
    const { session } = await world.connected();
    const id = stray(session.record.id);
    await world.clock.advanceAsync(YOUNG_MS);
    expect([there(id), janitor.counts.seen.young]).toEqual([true, 1]);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(there(id)).toBe(false);
  });

  test("[JA4] a session that was removed protects nothing", async () => {
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(10_000);
    const id = stray(session.record.id);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect([session.record.detail, there(id)]).toEqual(["ended.gone", false]);
  });

  test("[JA5] a quarantined sandbox is kept until its time, then deleted and forgotten", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 0);
    const sandboxName = world.platform.need(id).request.name;
    const until = world.clock.now() + HOUR_MS;
    const kept = { sandboxName, sandboxId: id, until, why: "it may hold unsaved work" };
    session.ledger.note("sandbox.quarantined", "kept", {}, { quarantine: [kept] });
    await world.clock.advanceAsync(HOUR_MS - 1_000);
    expect([there(id), janitor.counts.seen.quarantined]).toEqual([true, 1]);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect([there(id), session.record.quarantine]).toEqual([false, []]);
  });

  test("[JA6] a control sandbox that is older than ten minutes is deleted, no younger one", async () => {
    const labels = { "holdfast/hub": "hub_test", "holdfast/control": "yes" };
    const { id } = world.platform.make({ name: "control", env: {}, labels }, "started");
    await world.clock.advanceAsync(9 * 60_000);
    expect(there(id)).toBe(true);
    await world.clock.advanceAsync(2 * 60_000);
    expect(there(id)).toBe(false);
  });

  test("[JA2] a platform that fails or is busy is asked again, and nothing else stops", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 0);
    const { list } = world.platform;
    world.platform.list = () => Promise.reject(answered("list sandboxes", 500, ""));
    await world.clock.advanceAsync(EVERY_MS * 2);
    world.platform.list = list.bind(world.platform);
    const { destroy } = world.platform;
    world.platform.destroy = () => Promise.reject(answered("delete sandbox", 409, "busy"));
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(there(id)).toBe(true);
    world.platform.destroy = destroy.bind(world.platform);
    await world.clock.advanceAsync(EVERY_MS);
    expect(there(id)).toBe(false);
  });

  test("[JA8] a delete that succeeds and changes nothing is repeated, and told after an hour", async () => {
    const { session } = await world.connected();
    const id = numbered(session, 0);
    world.platform.destroy = () => {
      world.platform.calls.push("destroy");
      return Promise.resolve(false);
    };
    await world.clock.advanceAsync(HOUR_MS);
    expect([janitor.counts.stuck, warnings]).toEqual([0, []]);
    await world.clock.advanceAsync(EVERY_MS * 4);
    expect(janitor.counts.stuck).toBe(1);
    expect(warnings).toEqual([expect.stringContaining("may still cost money")]);
    expect(world.platform.count("destroy")).toBeGreaterThan(200);
    expect(there(id)).toBe(true);
    // The platform did it after all, by itself.
    world.platform.sandboxes.delete(id);
    await world.clock.advanceAsync(EVERY_MS);
    expect(janitor.counts.stuck).toBe(0);
  });

  test("[JA7] the id that has the name now is deleted, and never one that a session uses", async () => {
    const { session } = await world.connected();
    const asked: string[] = [];
    const { destroy } = world.platform;
    world.platform.destroy = (idOrName) => {
      asked.push(idOrName);
      return destroy.call(world.platform, idOrName);
    };
    const id = numbered(session, 0);
    const name = world.platform.need(id).request.name;
    const litter = [name, session.record.sandboxName];
    session.ledger.note("sandbox.discarded", "given up", {}, { litter });
    await world.clock.advanceAsync(EVERY_MS * 2);
    expect(asked).toEqual([id]);
    expect(session.record.litter).toEqual([session.record.sandboxName]);
    expect(session.record.state).toBe("connected");
  });
});

describe("store to platform", () => {
  test("[JA9] a session whose sandbox two looks miss proves itself and finds that it is gone", async () => {
    const { session, link } = await world.connected();
    world.platform.sandboxes.clear();
    await world.clock.advanceAsync(EVERY_MS);
    expect([session.record.state, janitor.counts.missing]).toEqual(["connected", 0]);
    await world.clock.advanceAsync(EVERY_MS * 2);
    expect(janitor.counts.missing).toBeLessThanOrEqual(1);
    expect(world.path(session)).toContain("connected.suspect");
    const told = world.store
      .events({ after: 0, session: session.record.id, limit: 1_000 })
      .filter(({ text }) => text.includes("does not list"));
    expect(told).toHaveLength(1);
    expect(link.challenges).toBeGreaterThan(1);
    // Its driver still answers here: that is contradicted, not believed.
    expect(session.record.detail).toBe("connected.degraded");
    expect(session.health().verdict.text).toContain("exec");
    session.detach(link, "gone with its sandbox");
    await world.clock.advanceAsync(100);
    expect(session.record.fault?.code).toBe("SandboxGone");
  });

  test("[JA9] a listing that forgets a healthy sandbox costs one proof and nothing else", async () => {
    const { session } = await world.connected();
    const { list } = world.platform;
    world.platform.list = () => Promise.resolve([]);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(session.record.detail).toBe("connected.healthy");
    expect(session.health().warnings).toMatchObject([{ code: "SandboxUnlisted" }]);
    expect(world.platform.sandboxes.size).toBe(1);
    world.platform.list = list;
    await world.clock.advanceAsync(EVERY_MS * 2);
    expect(session.health()).toMatchObject({ status: "pass", warnings: [] });
  });

  test("[JA9] a listing that says that a connected session rests has it proven, once", async () => {
    const { session, link } = await world.connected();
    const { list } = world.platform;
    const before = link.challenges;
    world.platform.list = async (labels) =>
      (await list.call(world.platform, labels)).map((one) => ({ ...one, state: "stopped" }));
    await world.clock.advanceAsync(EVERY_MS * 1.5);
    expect(world.path(session)).toContain("connected.suspect");
    expect(session.record.detail).toBe("connected.healthy");
    const proofs = (): number =>
      world.path(session).filter((d) => d === "connected.suspect").length;
    expect([proofs(), link.challenges > before]).toEqual([1, true]);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(proofs()).toBe(1);
  });

  test("[JA9] a listing that lacks nearly everything is itself at fault", async () => {
    world.driversDial();
    for (let n = 0; n < 8; n++) world.create({ name: `s${n}` });
    await world.clock.advanceAsync(200);
    world.platform.list = () => Promise.resolve([]);
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(janitor.counts.missing).toBe(0);
    expect(warnings).toContainEqual(expect.stringContaining("is not believed"));
    for (const session of world.sessions.all) {
      expect(session.health().warnings).toMatchObject([{ code: "SandboxUnlisted" }]);
      expect(world.path(session)).not.toContain("connected.suspect");
    }
  });
});
