/** That timelines do not grow without end, and that the story is right afterwards. */
import { afterEach, describe, expect, test } from "vitest";
import { silentLogger } from "../../src/base/log.ts";
import { TimelineKeeper, type TimelineLimits } from "../../src/hub/timeline-keeper.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";
import { createPaint } from "../../src/cli/render/paint.ts";
import { renderWhy } from "../../src/cli/render/why.ts";
import type { TimelinePage } from "../../src/client/api-types.ts";
import { hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

const DAY_MS = 86_400_000;
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function kept(limits: TimelineLimits) {
  const store = new MemoryStore();
  const world = new HubWorld({ store });
  const { clock } = world;
  let gone = 0;
  const onDropped = (count: number): void => void (gone += count);
  const keeper = new TimelineKeeper({ store, limits, clock, log: silentLogger, onDropped });
  keeper.start();
  stops.push(() => keeper.stop());
  const rows = (id: string) => store.events({ after: 0, session: id, limit: 1_000_000 });
  return { world, store, dropped: () => gone, rows };
}

describe("the timeline keeper", () => {
  test("[FA14] a session that flaps for days keeps its newest facts and how attempts ended", async () => {
    const { world, dropped, rows } = kept({ rows: 1_000, ageMs: null });
    const { session } = await world.connected();
    const ends = rows(session.record.id).filter(({ kind }) => kind === "attempt.ended");
    for (let n = 0; n < 5_000; n++) session.ledger.note("probe.answered", `n ${n}`);
    await world.clock.advanceAsync(70_000);
    const left = rows(session.record.id);
    expect(left.length).toBeLessThan(1_100);
    expect(left[0]?.kind).toBe("session.created");
    expect(left.filter(({ kind }) => kind === "attempt.ended")).toEqual(ends);
    expect(dropped()).toBeGreaterThan(4_000);
  });

  test("[FA14] facts of a session that is gone go by their age, and its end stays", async () => {
    const { world, rows } = kept({ rows: 10_000, ageMs: DAY_MS });
    const { session } = await world.connected();
    const { id } = session.record;
    for (let n = 0; n < 1_500; n++) session.ledger.note("probe.answered", `n ${n}`);
    session.operate("operator.removed");
    await world.clock.advanceAsync(2_000);
    const before = rows(id).length;
    world.clock.freeze(2 * DAY_MS);
    await world.clock.advanceAsync(130_000);
    expect(rows(id).length).toBeLessThan(before);
    expect(rows(id).length).toBeLessThanOrEqual(1_010);
    expect(rows(id).map(({ kind }) => kind)).toContain("session.ended");
  });

  test("[FA15] why says the same before and after, and the timeline says what was dropped", async () => {
    const { world, dropped } = kept({ rows: 1_000, ageMs: null });
    const { session } = await world.connected();
    for (let n = 0; n < 3_000; n++) session.ledger.note("probe.answered", "fine", { ok: true });
    const http = hubHttp(world);
    const look = async () => {
      const ask = async (path: string) =>
        (await http.ask("GET", `/v1/sessions/demo${path}`)).json as never;
      const page = (await ask("/timeline")) as TimelinePage;
      const { items, nextCursor } = page;
      const facts = { session: await ask(""), health: await ask("/health"), timeline: items };
      const text = renderWhy({ ...facts, nowMs: world.clock.now() }, createPaint(plainTerminal));
      const earlier = (await ask(`/timeline?cursor=${nextCursor ?? 1}`)) as TimelinePage;
      return { earlier, story: text.slice(text.indexOf("\n\n")) };
    };
    session.operate("operator.paused");
    await world.clock.advanceAsync(10);
    const before = await look();
    await world.clock.advanceAsync(70_000);
    expect(dropped()).toBeGreaterThan(1_900);
    const after = await look();
    expect(after.earlier.items.at(-1)?.kind).toBe("timeline.trimmed");
    const turns = (story: string): string[] =>
      story.split("\n").filter((line) => line.includes("suspended") || line.includes("next:"));
    expect(turns(after.story)).toEqual(turns(before.story));
    expect(turns(after.story).length).toBeGreaterThan(1);
    await http.app.close();
  });

  test("[FA14] a store that takes nothing loses nothing, and is asked again", async () => {
    const { world, store, dropped, rows } = kept({ rows: 1_000, ageMs: null });
    const { session } = await world.connected();
    for (let n = 0; n < 2_000; n++) session.ledger.note("probe.answered", `n ${n}`);
    const count = rows(session.record.id).length;
    store.refuses = true;
    await world.clock.advanceAsync(10_000);
    expect(dropped()).toBe(0);
    expect(rows(session.record.id).length).toBeGreaterThanOrEqual(count);
    store.refuses = false;
    await world.clock.advanceAsync(130_000);
    expect(dropped()).toBeGreaterThan(900);
  });
});

const plainTerminal = { isTty: false, env: {}, noColorFlag: true };
