import { expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { DrillWatch } from "../../src/hub/drill-watch.ts";
import type { Drill } from "../../src/providers/drills.ts";
import { HubWorld } from "../support/hub-world.ts";

const drill = (more: Partial<Drill> = {}): Drill => ({
  id: "d1",
  fault: "exec-500",
  about: "exec answers 500",
  sandbox: null,
  sandboxId: null,
  since: new Date(1_700_000_000_000).toISOString(),
  uses: 2,
  endedAt: null,
  ended: null,
  ...more,
});

async function watched() {
  const world = new HubWorld();
  const { session } = await world.connected();
  const seen = { drills: [] as readonly Drill[] | null, looks: 0 };
  const { clock, sessions } = world;
  const read = (): Promise<readonly Drill[] | null> => {
    seen.looks += 1;
    return Promise.resolve(seen.drills);
  };
  const watch = new DrillWatch({ read, sessions, clock, log: silentLogger });
  watch.start();
  const told = (): string[] => world.kinds(session).filter((kind) => kind.startsWith("drill."));
  return { world, session, seen, watch, told };
}

test("[DR1] a drill is a sentence in health and two lines in the story, whoever ends it", async () => {
  const { world, session, seen, watch, told } = await watched();
  seen.drills = [drill({ sandbox: "x", sandboxId: session.record.sandboxId })];
  await world.clock.advanceAsync(2_500);
  expect(watch.sentence(session.record)).toBe("a drill is on: exec-500 (exec answers 500)");
  expect(told()).toEqual(["drill.on"]);
  const endedAt = new Date(world.clock.now()).toISOString();
  seen.drills = [drill({ endedAt, ended: "cleared", sandboxId: session.record.sandboxId })];
  await world.clock.advanceAsync(2_500);
  expect(watch.sentence(session.record)).toBeNull();
  expect(told()).toEqual(["drill.on", "drill.off"]);
});

test("[DR1] a drill that was over between two looks is told all the same", async () => {
  const { world, seen, told } = await watched();
  const endedAt = new Date(world.clock.now() + 500).toISOString();
  seen.drills = [drill({ endedAt, ended: "used up" })];
  await world.clock.advanceAsync(2_500);
  expect(told()).toEqual(["drill.on", "drill.off"]);
});

test("[DR2] a drill of another sandbox, and one that was over before, are none of it", async () => {
  const { world, session, seen, watch, told } = await watched();
  const endedAt = new Date(world.clock.now() - 60_000).toISOString();
  seen.drills = [
    drill({ sandbox: "other", sandboxId: "sb_other" }),
    drill({ id: "d2", sandbox: "box-*" }),
    drill({ id: "d3", endedAt, ended: "cleared" }),
  ];
  await world.clock.advanceAsync(2_500);
  expect(watch.sentence(session.record)).toBeNull();
  expect(watch.on.map(({ id }) => id)).toEqual(["d1", "d2"]);
  expect(told()).toEqual([]);
});

test("[DR2] a hub that starts does not tell again what the one before it told", async () => {
  const { world, watch, seen, told } = await watched();
  await world.clock.advanceAsync(5_000);
  watch.stop();
  const endedAt = new Date(world.clock.now() - 1_000).toISOString();
  seen.drills = [drill({ endedAt, ended: "cleared" })];
  const { clock, sessions } = world;
  const read = () => Promise.resolve(seen.drills);
  new DrillWatch({ read, sessions, clock, log: silentLogger }).start();
  await world.clock.advanceAsync(2_500);
  expect(told()).toEqual([]);
});

test("[DR3] a platform that cannot be told to fail is asked once a minute", async () => {
  const { world, seen } = await watched();
  seen.drills = null;
  await world.clock.advanceAsync(1_000);
  const before = seen.looks;
  await world.clock.advanceAsync(59_000);
  expect(seen.looks - before).toBeLessThanOrEqual(1);
});
