import { describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { LeaseKeeper } from "../../src/hub/lease-keeper.ts";
import { hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

const leased = (lease: string) => ({ env: {}, labels: { "holdfast/lease": lease } });

function keeperOf(world: HubWorld): LeaseKeeper {
  const { clock } = world;
  const keeper = new LeaseKeeper({ sessions: () => world.sessions.all, clock, log: silentLogger });
  keeper.start();
  return keeper;
}

async function leasedWorld() {
  const world = new HubWorld();
  world.driversDial();
  const session = world.create({ name: "short", spec: leased("30s") });
  const plain = world.create({ name: "plain" });
  const keeper = keeperOf(world);
  await world.clock.advanceAsync(500);
  return { world, session, plain, keeper };
}

describe("a lease", () => {
  test("[WK7] ends its session, and no other, when nobody renews it", async () => {
    const { world, session, plain } = await leasedWorld();
    await world.clock.advanceAsync(28_000);
    expect(session.record.state).toBe("connected");
    await world.clock.advanceAsync(5_000);
    expect(session.record.detail).toBe("ended.gone");
    expect(plain.record.state).toBe("connected");
    expect([...world.platform.sandboxes.values()].map(({ id }) => id)).toEqual([
      plain.record.sandboxId,
    ]);
    const texts = world.store.events({ after: 0, limit: 500 }).map(({ text }) => text);
    expect(texts).toContain("removed because nobody renewed its lease of 30s");
  });

  test("[WK7] lives on for as long as it is renewed", async () => {
    const { world, session, keeper } = await leasedWorld();
    for (let turn = 0; turn < 10; turn++) {
      await world.clock.advanceAsync(20_000);
      expect(keeper.renew(session).leaseMs).toBe(30_000);
    }
    expect(session.record.state).toBe("connected");
  });

  test("[WK7] is whole again after a restart and after the hub stood still", async () => {
    const { world, session } = await leasedWorld();
    await world.clock.advanceAsync(20_000);
    world.clock.freeze(60_000);
    await world.clock.advanceAsync(25_000);
    expect(session.record.state).not.toBe("ended");
    await world.restart(5_000);
    keeperOf(world);
    await world.clock.advanceAsync(25_000);
    expect(world.sessions.find("short").record.state).not.toBe("ended");
    await world.clock.advanceAsync(10_000);
    expect(() => world.sessions.find("short")).toThrow(/no session/);
  });

  test("[WK7] is renewed over HTTP, and one that cannot be is refused by name", async () => {
    const world = new HubWorld();
    await world.connected();
    const { ask } = hubHttp(world);
    const body = { name: "short", labels: { "holdfast/lease": "30s" } };
    expect((await ask("POST", "/v1/sessions", body)).status).toBe(202);
    const renewed = await ask("POST", "/v1/sessions/short/lease");
    expect(renewed).toMatchObject({ status: 200, json: { leaseMs: 30_000 } });
    expect(await ask("POST", "/v1/sessions/demo/lease")).toMatchObject({ status: 409 });
    for (const lease of ["soon", "1s", "2d", ""]) {
      const bad = await ask("POST", "/v1/sessions", { labels: { "holdfast/lease": lease } });
      expect(bad.status).toBe(400);
      expect(bad.json["detail"]).toMatch(/labels: holdfast\/lease is ".*", not a duration/);
    }
  });
});
