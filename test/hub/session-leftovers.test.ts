/** What must not be taken for one's own, and what must be deleted however long it is refused. */
import { describe, expect, test } from "vitest";
import { BusyDeletePlatform } from "../support/fake-platform.ts";
import { plainSpec, worldOn } from "../support/hub-world.ts";
import { ForeignAnswerPlatform } from "../support/start-platforms.ts";

describe("a wrong answer", () => {
  test("[SM54] with another session's sandbox is refused, and that one is left alone", async () => {
    const { world, platform } = worldOn((clock) => new ForeignAnswerPlatform(clock));
    const { session: first } = await world.connected();
    const [theirs] = platform.sandboxes.values();
    if (theirs === undefined) throw new Error("the first session has no sandbox");
    platform.foreign = platform.claimOf(theirs);
    const second = world.create({ name: "other", spec: { ...plainSpec, retry: {} } });
    await world.clock.advanceAsync(20_000);
    expect(second.record.fault).toMatchObject({ code: "PlatformAnswerInvalid" });
    expect(second.record.fault?.message).toContain("which another session has");
    expect(second.record.sandboxId).toBeNull();
    second.operate("operator.removed");
    await world.clock.advanceAsync(10_000);
    expect([second.record.detail, first.record.state]).toEqual(["ended.gone", "connected"]);
    expect([...platform.sandboxes.keys()]).toEqual([theirs.id]);
  });
});

describe("a delete that is refused for long", () => {
  test("[SM12] 30 minutes of 409 are waited out at a slow pace, and end in nothing left", async () => {
    const { world, platform } = worldOn((clock) => new BusyDeletePlatform(clock));
    platform.conflicts = Infinity;
    const { session } = await world.connected();
    session.operate("operator.removed");
    await world.clock.advanceAsync(30 * 60_000);
    expect([session.record.detail, platform.sandboxes.size]).toEqual(["ended.cleaning", 1]);
    const asked = platform.count("destroy:409");
    expect(asked).toBeGreaterThan(300);
    expect(asked).toBeLessThan(400);
    platform.conflicts = 0;
    await world.clock.advanceAsync(5_000);
    expect([session.record.detail, platform.sandboxes.size]).toEqual(["ended.gone", 0]);
  });
});
