/** A thousand connected sessions: what they ask of the platform, how soon one is found broken. */
import { describe, expect, test } from "vitest";
import { HubError } from "../../src/base/hub-error.ts";
import { PatrolPace } from "../../src/probes/pace.ts";
import { failedInside, HubWorld } from "../support/hub-world.ts";

const MINUTE_MS = 60_000;

describe("the pace of patrols", () => {
  test("[PR14] nobody waits while all fit, and all wait in turn when they do not", () => {
    const pace = new PatrolPace(60);
    expect([pace.slot(30_000), pace.slot(31_000), pace.slot(40_000)]).toEqual([
      30_000, 31_000, 40_000,
    ]);
    expect([1, 2, 3].map(() => pace.slot(40_000))).toEqual([41_000, 42_000, 43_000]);
    expect(pace.slot(90_000)).toBe(90_000);
  });

  test("[PR14] a thousand sessions together stay inside the rate, minute by minute", async () => {
    // The driver's own path is not what is counted here.
    const policy = { patrolsPerMinute: 300, driverPatrolMs: 600_000 };
    const world = new HubWorld({ policy });
    await connect(world, 1_000);
    const { platform } = world;
    await world.clock.advanceAsync(MINUTE_MS);
    for (let minute = 0; minute < 2; minute++) {
      platform.calls.length = 0;
      await world.clock.advanceAsync(MINUTE_MS);
      for (const call of ["exec:probe", "claim", "files:write"]) {
        expect(platform.count(call)).toBeGreaterThan(290);
        expect(platform.count(call)).toBeLessThanOrEqual(301);
      }
    }
  }, 20_000);

  test("[PR14] nor do they ask their drivers more than the hub has time for", async () => {
    const policy = { driverPatrolsPerMinute: 300, patrolMs: 600_000 };
    const world = new HubWorld({ policy });
    await connect(world, 100);
    await world.clock.advanceAsync(MINUTE_MS);
    for (let minute = 0; minute < 2; minute++) {
      const before = challengesOf(world);
      await world.clock.advanceAsync(MINUTE_MS);
      const rounds = challengesOf(world) - before;
      expect(rounds).toBeGreaterThan(290);
      expect(rounds).toBeLessThanOrEqual(301);
    }
  }, 20_000);

  test("[PR14] one that is looked at seldom holds up nobody who is due sooner", async () => {
    const pace = { patrolMs: 3_000, confirmMs: 60_000, driverPatrolMs: 600_000 };
    const world = new HubWorld({ policy: pace });
    const [seldom, often] = await connect(world, 2);
    const { platform } = world;
    const broken = seldom?.record.sandboxId;
    const exec = platform.exec.bind(platform);
    platform.exec = (id, request) =>
      id === broken ? Promise.reject(new HubError("ExecBroken", "500")) : exec(id, request);
    await world.clock.advanceAsync(20_000);
    expect(seldom?.record.detail).toBe("connected.degraded");
    expect(often?.health().evidence.exec.ageMs).toBeLessThanOrEqual(pace.patrolMs * 1.2);
  });

  test("[PR14] what breaks inside one of many is found within 15 s, at no cost to the platform", async () => {
    const world = new HubWorld({ policy: { patrolsPerMinute: 1 } });
    const all = await connect(world, 40);
    const [broken] = world.links;
    if (broken === undefined) throw new Error("no link");
    world.platform.calls.length = 0;
    broken.filesystem = failedInside("EIO");
    await world.clock.advanceAsync(15_000);
    const hurt = all.filter((session) => world.path(session).includes("connected.suspect"));
    expect(hurt).toHaveLength(1);
    expect(world.platform.count("exec:probe")).toBeLessThanOrEqual(8);
  });
});

const challengesOf = ({ links }: HubWorld): number =>
  links.reduce((sum, { challenges }) => sum + challenges, 0);

async function connect(world: HubWorld, sessions: number) {
  world.driversDial();
  for (let n = 0; n < sessions; n++) world.create({ name: `s${n}` });
  await world.clock.advanceAsync(1_000);
  const { all } = world.sessions;
  expect(all.filter(({ record }) => record.state === "connected")).toHaveLength(sessions);
  return all;
}
