/** A copy of a sandbox answers everything, and is not the sandbox. */
import { expect, test } from "vitest";
import { HubWorld } from "../support/hub-world.ts";

test("[SM55] the driver of a copy connects nothing, and the first one's is nudged", async () => {
  const world = new HubWorld();
  const { session } = await world.connected();
  world.platform.onNudge = (sandbox) => {
    world.clock.setTimeout(() => world.dial(sandbox), 20);
    return "signalled";
  };
  // It has the files of the moment in which it was made, and none that came after it.
  world.onLink = (link) => {
    link.read = () => null;
    world.onLink = () => undefined;
  };
  const copy = world.attach(session);
  copy.read = () => null;
  await world.clock.advanceAsync(100);
  expect(session.record.state).toBe("nudging");
  expect(session.health()).toMatchObject({
    status: "warn",
    verdict: { code: "CloneSuspected", text: expect.stringContaining("two sandboxes") as string },
  });
  await world.clock.advanceAsync(4_000);
  expect(session.record.state).toBe("connected");
  expect(copy.ended).toBe("replaced");
  expect(world.platform.count("exec:nudge")).toBe(1);
  expect(world.platform.count("exec:launch")).toBe(1);
});

test("[SM55] with no driver of its own it is launched again, and nothing is restarted", async () => {
  const world = new HubWorld();
  const { session } = await world.connected();
  world.platform.onNudge = () => "driver-dead";
  const copy = world.attach(session);
  copy.read = () => null;
  await world.clock.advanceAsync(10_000);
  expect(session.record.state).toBe("connected");
  expect(world.platform.count("exec:launch")).toBe(2);
  expect(world.platform.count("stop") + world.platform.count("create")).toBe(1);
});
