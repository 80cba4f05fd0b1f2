/** The janitor over a fake platform: what it deletes, when, and what it never touches. */
import { beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { Janitor } from "../../src/hub/janitor.ts";
import { answered } from "../support/fake-platform.ts";
import { HubWorld } from "../support/hub-world.ts";

const EVERY_MS = 15_000;

let world: HubWorld;
let janitor: Janitor;

beforeEach(() => {
  world = new HubWorld();
  const { platform: provider, store, clock } = world;
  janitor = new Janitor({
    hubId: "hub_test",
    provider,
    store,
    sessions: () => world.sessions.all,
    clock,
    log: silentLogger,
    everyMs: EVERY_MS,
  });
  janitor.start();
});

/** A sandbox that carries this hub's label and speaks of a session. */
function stray(session: string, hub = "hub_test", name = `stray-of-${session}`): string {
  const labels = { "holdfast/hub": hub, "holdfast/session": session };
  return world.platform.make({ name, env: {}, labels }, "started").id;
}

describe("the janitor", () => {
  test("[JA2] deletes an orphan of a known session after two looks, not after one", async () => {
    const { session } = await world.connected();
    const id = stray(session.record.id);
    await world.clock.advanceAsync(EVERY_MS);
    expect(world.platform.sandboxes.has(id)).toBe(true);
    expect(janitor.counts.orphans).toBe(1);
    await world.clock.advanceAsync(EVERY_MS);
    expect(world.platform.sandboxes.has(id)).toBe(false);
    expect(session.record.state).toBe("connected");
    janitor.stop();
  });

  test("[JA1] leaves alone what another hub asked for, and sessions that this store never had", async () => {
    await world.connected();
    const kept = [stray("ses_unknown"), stray("ses_unknown", "hub_other", "other")];
    await world.clock.advanceAsync(EVERY_MS * 5);
    for (const id of kept) expect(world.platform.sandboxes.has(id)).toBe(true);
    janitor.stop();
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
    janitor.stop();
  });

  test("[JA2] a platform that fails or is busy is asked again, and nothing else stops", async () => {
    const { session } = await world.connected();
    const id = stray(session.record.id);
    const { list } = world.platform;
    world.platform.list = () => Promise.reject(answered("list sandboxes", 500, ""));
    await world.clock.advanceAsync(EVERY_MS * 2);
    world.platform.list = list.bind(world.platform);
    const { destroy } = world.platform;
    world.platform.destroy = () => Promise.reject(answered("delete sandbox", 409, "busy"));
    await world.clock.advanceAsync(EVERY_MS * 3);
    expect(world.platform.sandboxes.has(id)).toBe(true);
    world.platform.destroy = destroy.bind(world.platform);
    await world.clock.advanceAsync(EVERY_MS);
    expect(world.platform.sandboxes.has(id)).toBe(false);
    janitor.stop();
  });
});
