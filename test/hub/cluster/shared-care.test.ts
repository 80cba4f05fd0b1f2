/** Two hubs of one cluster over one platform: who deletes what, and who has a control sandbox. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Janitor } from "../../../src/hub/janitor.ts";
import { PlatformWatch } from "../../../src/hub/platform-watch/platform-watch.ts";
import type { Session } from "../../../src/hub/session/session.ts";
import type { SoleJob } from "../../../src/hub/sole-job.ts";
import type { SessionRecord } from "../../../src/store/facts.ts";
import type { Store } from "../../../src/store/store.ts";
import { HubWorld } from "../../support/hub-world.ts";

const EVERY_MS = 15_000;

/** One job that hubs share; who holds it is never superseded. */
function sharedJob() {
  const shared = { holder: null as string | null, error: null as Error | null };
  const of = (hub: string): SoleJob => ({
    take: () => {
      if (shared.error !== null) return Promise.reject(shared.error);
      shared.holder ??= hub;
      return Promise.resolve(shared.holder === hub);
    },
    end: () => {
      if (shared.holder === hub) shared.holder = null;
      return Promise.resolve();
    },
  });
  return { shared, of };
}

let world: HubWorld;
let stops: (() => void)[];

beforeEach(() => {
  world = new HubWorld();
  stops = [];
  asked = [];
  unseen = world.store.find.bind(world.store);
});

afterEach(() => {
  for (const stop of stops) stop();
});

/** Questions to the store that all hubs share. */
let asked: string[][];
let unseen: Store["find"];

async function findAll(ids: readonly string[]): Promise<ReadonlyMap<string, SessionRecord>> {
  asked.push([...ids]);
  const found = new Map<string, SessionRecord>();
  for (const id of ids) {
    const record = await unseen(id);
    if (record !== null) found.set(id, record);
  }
  return found;
}

const there = (id: string): boolean => world.platform.sandboxes.has(id);

describe("what should not be at the platform", () => {
  /** A hub that has these sessions, of all that are in the store. */
  function janitor(job: SoleJob, sessions: () => readonly Session[]): Janitor {
    const { platform: provider, store, clock } = world;
    const made = new Janitor({
      hubId: "hub_test",
      provider,
      store,
      sessions,
      clock,
      log: silentLogger,
      everyMs: EVERY_MS,
      youngMs: 120_000,
      cost: world.sessions.cost,
      job,
      shared: { findAll },
    });
    made.start();
    stops.push(() => made.stop());
    return made;
  }

  function stray(session: string, name: string): string {
    const labels = { "holdfast/hub": "hub_test", "holdfast/session": session };
    return world.platform.make({ name, env: {}, labels }, "started").id;
  }

  const old = (session: Session): string =>
    stray(session.record.id, `holdfast-${session.record.id.replace("_", "-")}-0`);

  test("[CL17] of a living session its hub deletes it, job or not, and no other hub", async () => {
    const { session } = await world.connected();
    const id = old(session);
    const { of } = sharedJob();
    const holder = janitor(of("holder"), () => []);
    for (let look = 0; look < 3; look++) await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), holder.counts.seen, holder.counts.deleted]).toEqual([true, {}, 0]);
    const owner = janitor(of("owner"), () => world.sessions.all);
    for (let look = 0; look < 2; look++) await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), holder.counts.deleted, owner.counts.deleted]).toEqual([false, 0, 1]);
  });

  test("[JA10] what no record speaks of each hub can tell, whoever has the job", async () => {
    const id = stray("ses_unknown", "unknown");
    const { of } = sharedJob();
    const both = ["holder", "other"].map((hub) => janitor(of(hub), () => []));
    await world.clock.advanceAsync(EVERY_MS);
    const told = both.map(({ strays }) => strays.map(({ listed }) => listed.sandboxId));
    expect(told).toEqual([[id], [id]]);
  });

  test("[CL17] of no living session one hub alone deletes it, and its heir looks twice first", async () => {
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(EVERY_MS);
    expect(session.record.detail).toBe("ended.gone");
    const { shared, of } = sharedJob();
    const [first, second] = ["first", "second"].map((hub) => janitor(of(hub), () => []));
    let id = old(session);
    for (let look = 0; look < 2; look++) await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), first?.counts.deleted, second?.counts.deleted]).toEqual([false, 1, 0]);
    id = old(session);
    await world.clock.advanceAsync(EVERY_MS);
    expect(first?.counts.seen).toEqual({ orphan: 1 });
    shared.holder = "second";
    await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), first?.counts.seen, second?.counts.seen]).toEqual([true, {}, { orphan: 1 }]);
    await world.clock.advanceAsync(EVERY_MS);
    expect([there(id), second?.counts.deleted]).toEqual([false, 1]);
  });

  test("[CL17] a look asks the store once for all that is others', and not for what is here", async () => {
    world.driversDial();
    const own = world.create({ name: "own" });
    const others = ["b", "c"].map((name) => world.create({ name }));
    await world.clock.advanceAsync(200);
    const found: string[] = [];
    world.store.find = (id) => {
      found.push(id);
      return unseen(id);
    };
    const made = janitor(sharedJob().of("holder"), () => [own]);
    await world.clock.advanceAsync(EVERY_MS);
    expect([asked, found]).toEqual([[others.map(({ record }) => record.id)], []]);
    expect(made.counts.seen).toEqual({ current: 1 });
  });

  test("[CL17] a job that is lost within a look ends what the look would delete", async () => {
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(EVERY_MS);
    const { shared, of } = sharedJob();
    const made = janitor(of("first"), () => []);
    const ids = [old(session), stray(session.record.id, "stray-of-it")];
    await world.clock.advanceAsync(EVERY_MS);
    const { destroy } = world.platform;
    world.platform.destroy = (id) => {
      shared.holder = "second";
      return destroy.call(world.platform, id);
    };
    for (let look = 0; look < 3; look++) await world.clock.advanceAsync(EVERY_MS);
    expect([ids.filter(there).length, made.counts.deleted]).toEqual([1, 1]);
  });
});

describe("control sandboxes", () => {
  function watch(job: SoleJob, seed: string): PlatformWatch {
    const { platform: inner, clock } = world;
    const made = new PlatformWatch({
      hubId: "hub_test",
      inner,
      clock,
      random: seededRandom(seed),
      log: silentLogger,
      living: () => 0,
      hasClients: () => false,
      onControl: () => undefined,
      job,
    });
    stops.push(() => made.stop());
    return made;
  }
  const controls = (): number => {
    return [...world.platform.sandboxes.values()].filter(({ request }) => {
      return request.labels["holdfast/control"] !== undefined;
    }).length;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) await world.clock.advanceAsync(500);
  };

  test("[CL17] two hubs that ask at once have one after the other, and each its own answer", async () => {
    const { shared, of } = sharedJob();
    const [a, b] = [watch(of("a"), "a"), watch(of("b"), "b")];
    const exec = world.platform.exec.bind(world.platform);
    world.platform.exec = async (...call) => {
      await new Promise<void>((next) => void world.clock.setTimeout(next, 3_000));
      return exec(...call);
    };
    let most = 0;
    const [first, second] = [a.control.run(), b.control.run()];
    for (let look = 0; look < 60; look++) {
      await pass(500);
      most = Math.max(most, controls());
    }
    expect(most).toBe(1);
    expect([(await first).verdict, (await second).verdict]).toEqual(["platform-ok", "platform-ok"]);
    expect((await first).sandboxName).not.toBe((await second).sandboxName);
    expect([shared.holder, controls()]).toEqual([null, 0]);
  });

  test("[CL17] one that is under way at another hub is no leftover; what a dead one left is", async () => {
    const { shared, of } = sharedJob();
    watch(of("b"), "b").start();
    shared.holder = "a";
    const labels = { "holdfast/control": "1", "holdfast/hub": "hub_test" };
    world.platform.make({ name: "holdfast-control-of-a", env: {}, labels }, "started");
    await pass(40_000);
    expect(controls()).toBe(1);
    shared.holder = null;
    await pass(25_000);
    expect([controls(), shared.holder]).toEqual([0, null]);
  });

  test("[CL17] one whose turn does not come within a minute knows nothing, and asks again", async () => {
    const { shared, of } = sharedJob();
    const { control } = watch(of("a"), "a");
    shared.holder = "b";
    const asked = control.consult(new AbortController().signal);
    await pass(62_000);
    expect((await asked).verdict).toBe("unknown");
    expect((await asked).text).toContain("another hub has one");
    shared.holder = null;
    const again = control.run();
    await pass(5_000);
    expect((await again).verdict).toBe("platform-ok");
    shared.error = new Error("PostgreSQL does not answer");
    const blind = control.run();
    await pass(1_000);
    expect(await blind).toMatchObject({ verdict: "unknown", sandboxSeconds: 0 });
    expect((await blind).text).toContain("PostgreSQL does not answer");
  });
});
