import { expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { DriverUpdates } from "../../../src/hub/driver-update/driver-updates.ts";
import { HubWorld } from "../../support/hub-world.ts";

const QUIET_MS = 60_000;

/** Sessions whose drivers say what `launched` says at the moment of their launch. */
async function stage(names: readonly string[], offered = "0.2.0") {
  const world = new HubWorld();
  const { clock, sessions, control } = world;
  const told = { launched: "0.1.0" };
  const updates = new DriverUpdates({
    sessions,
    offered: () => Promise.resolve(offered),
    control,
    policy: { ...world.policy, driverUpdateMs: QUIET_MS },
    clock,
    log: silentLogger,
  });
  world.platform.onLaunch = (sandbox) => {
    clock.setTimeout(() => {
      const session = sessions.find(sandbox.request.labels["holdfast/session"] ?? "");
      const impl = `holdfast-driver/${told.launched}`;
      world.dial(sandbox);
      session.ledger.note("driver.attached", "it says what it is", { impl });
      session.activity.jobsTold({ running: 0, away: null, oldest: null });
    }, 20);
  };
  const made = names.map((name) => world.create({ name }));
  await clock.advanceAsync(500);
  expect(made.map(({ record }) => record.detail)).toEqual(names.map(() => "connected.healthy"));
  updates.start();
  await clock.advanceAsync(10);
  const begun = (): string[] =>
    made
      .filter((session) => world.kinds(session).includes("driver.updating"))
      .map(({ record }) => record.name);
  return { world, clock, updates, told, made, begun };
}

test("[DU1, DU2] an old driver is replaced once nobody used it for the time of the setting", async () => {
  const { clock, updates, told, made, world } = await stage(["demo"]);
  const [session] = made;
  if (session === undefined) throw new Error("no session");
  const { sandboxId, epoch } = session.record;
  told.launched = "0.2.0";
  expect(updates.view(session)).toMatchObject({ version: "0.1.0", newest: "0.2.0" });
  session.activity.jobsTold({ running: 2, away: null, oldest: null });
  await clock.advanceAsync(10 * QUIET_MS);
  expect(updates.view(session).update).toBe("update to 0.2.0 waits: 2 commands run");
  expect(session.record.epoch).toBe(epoch);
  session.activity.jobsTold({ running: 0, away: null, oldest: null });
  await clock.advanceAsync(QUIET_MS - 10_000);
  expect(updates.view(session).update).toMatch(/waits: nobody uses it/);
  await clock.advanceAsync(40_000);
  expect(session.record).toMatchObject({ detail: "connected.healthy", sandboxId });
  expect(session.record.epoch).toBeGreaterThan(epoch);
  expect(updates.view(session)).toEqual({ version: "0.2.0", newest: "0.2.0", update: null });
  expect(world.links[0]?.ended).toBe("outdated");
  expect(world.kinds(session).filter((kind) => kind === "driver.updating")).toHaveLength(1);
  expect(world.path(session)).toContain("nudging.relaunching");
  expect(session.record.fault).toBeNull();
});

test("[DU1] a visit between two looks begins the wait anew", async () => {
  const { clock, made, begun } = await stage(["demo"]);
  for (let turn = 0; turn < 5; turn++) {
    await clock.advanceAsync(QUIET_MS - 10_000);
    made[0]?.activity.visited("observe").left();
  }
  expect(begun()).toEqual([]);
  await clock.advanceAsync(QUIET_MS + 10_000);
  expect(begun()).toEqual(["demo"]);
});

test("[DU3] the first is a trial: the others wait for its proof", async () => {
  const { clock, told, begun, made, updates } = await stage(["one", "two", "three"]);
  told.launched = "0.2.0";
  await clock.advanceAsync(QUIET_MS);
  expect(begun()).toEqual(["one"]);
  expect(made.map((session) => updates.view(session).update)[2]).toMatch(
    /others are updated first/,
  );
  await clock.advanceAsync(15_000);
  expect(begun()).toEqual(["one", "two", "three"]);
  await clock.advanceAsync(15_000);
  expect(made.map((session) => updates.view(session).version)).toEqual(["0.2.0", "0.2.0", "0.2.0"]);
});

test("[DU3] one that does not come back ends all updates of this hub", async () => {
  const { clock, begun, made, updates, world } = await stage(["one", "two"]);
  world.platform.onLaunch = () => undefined;
  await clock.advanceAsync(QUIET_MS + world.policy.healMs + 30_000);
  expect(begun()).toEqual(["one"]);
  expect(made[0]?.record.state).toBe("error");
  expect(made[1]?.record.detail).toBe("connected.healthy");
  const told = made.map((session) => updates.view(session).update)[1];
  expect(told).toMatch(/waits: one did not come back from its update .*no other is begun/);
});

test("[DU4] a driver that comes back old is tried once more, and then left alone", async () => {
  const { clock, made, updates, world } = await stage(["demo"]);
  const [session] = made;
  if (session === undefined) throw new Error("no session");
  await clock.advanceAsync(20 * QUIET_MS);
  const tries = world.kinds(session).filter((kind) => kind === "driver.updating");
  expect(tries).toHaveLength(2);
  expect(session.record.detail).toBe("connected.healthy");
  expect(updates.view(session).update).toMatch(/was tried 2 times, and 0\.1\.0 came back/);
});

test("[DU1] a driver that is newer than this hub's is left alone", async () => {
  const { clock, begun, made, updates } = await stage(["demo"], "0.0.9");
  await clock.advanceAsync(20 * QUIET_MS);
  expect(begun()).toEqual([]);
  expect(made.map((session) => updates.view(session).update)).toEqual([null]);
});
