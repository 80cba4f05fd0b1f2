/** What a dry run of the ladder shows is what a retry then does. */
import { describe, expect, test } from "vitest";
import { broken, untilRest, type Broken } from "../support/broken-sandbox.ts";
import { HubWorld } from "../support/hub-world.ts";

describe("a dry run", () => {
  test("[SM33] what it shows is what a retry then does, and it changes nothing", async () => {
    const worlds: Promise<Broken>[] = [
      broken("platform-ok"),
      broken("platform-ok", { restartsMax: 0 }),
      broken("platform-ok", { replacesMax: 0 }),
      broken("platform-ok", { restartsMax: 0, replacesMax: 0, relaunchesMax: 0 }),
      broken("unknown", { quarantinedMax: 1 }),
    ];
    for (const each of worlds) {
      const { world, platform, session } = await each;
      // Every sandbox is as broken as the first: what was seen stays so.
      const create = platform.create.bind(platform);
      platform.create = async (request) => {
        const claim = await create(request);
        platform.broken.add(claim.sandboxId);
        return claim;
      };
      await untilRest(world, session);
      expect(session.record.state).toBe("error");
      const before = { calls: platform.calls.length, record: session.record };
      const plan = session.plan();
      expect(session.plan()).toEqual(plan);
      expect({ calls: platform.calls.length, record: session.record }).toEqual(before);
      const from = world.store.events({ after: 0, session: session.record.id, limit: 1_000 });
      session.operate("operator.retried");
      await untilRest(world, session);
      const events = world.store.events({
        after: from.at(-1)?.seq ?? 0,
        session: session.record.id,
        limit: 1_000,
      });
      const climbed = (detail: string) => events.some((event) => event.detail === detail);
      // A restart launches a driver, too: that is a step of its own rung.
      const upper = events.findIndex(({ detail }) =>
        ["resuming.restarting", "creating.replacing"].includes(detail),
      );
      const lower = upper < 0 ? events : events.slice(0, upper);
      const done = {
        nudge: climbed("nudging.signalling"),
        relaunch: lower.some(({ detail }) => detail === "nudging.relaunching"),
        restart: climbed("resuming.restarting"),
        replace: climbed("creating.replacing"),
      };
      const planned = Object.fromEntries(
        plan
          .filter(({ rung }) => rung !== "recheck")
          .map(({ rung, would }) => [rung, would === "do"]),
      );
      expect([world.policy.restartsMax, world.policy.replacesMax, done]).toEqual([
        world.policy.restartsMax,
        world.policy.replacesMax,
        planned,
      ]);
    }
  });

  test("[SM33] of a connected session it shows that nothing is needed", async () => {
    const world = new HubWorld();
    const { session } = await world.connected();
    const plan = session.plan();
    expect(plan.map(({ rung }) => rung)).toEqual([
      "recheck",
      "nudge",
      "relaunch",
      "restart",
      "replace",
    ]);
    expect(plan.slice(1).some(({ would }) => would === "do")).toBe(false);
    expect(plan.at(-1)).toMatchObject({ destructive: true, would: "refuse" });
  });

  test("[SM33] of a climb that runs it shows what is still to come", async () => {
    const { world, session } = await broken();
    await world.clock.advanceAsync(100);
    expect(session.record.state).toBe("nudging");
    const plan = session.plan();
    expect(plan.filter(({ would }) => would === "do").map(({ rung }) => rung)).toEqual([
      "nudge",
      "restart",
      "replace",
    ]);
    await untilRest(world, session);
    expect(session.record).toMatchObject({ state: "connected", quarantine: [{}] });
  });
});
