import { describe, expect, it, test } from "vitest";
import { planForSeed, readReplay, replay, seedFileText } from "../../src/testing/index.ts";
import { HubError } from "../../src/base/hub-error.ts";

const violation = { invariant: "I26", atMs: 7, text: "s1 is connected and was nudged" };
const kept = seedFileText(planForSeed(7), [violation]);

function mistake(text: string): string {
  try {
    readReplay(text, "a.json");
  } catch (error) {
    if (error instanceof HubError && error.code === "BadRequest") return error.message;
    throw error;
  }
  return "no mistake";
}

describe("a kept seed", () => {
  test("[SIM3] comes back as the plan that was kept, with what it broke", () => {
    const { plan, why, unmapped } = readReplay(kept, "a.json");
    expect(plan).toEqual(planForSeed(7));
    expect(why).toBe("I26: s1 is connected and was nudged");
    expect(unmapped).toEqual([]);
  });

  it.each([
    ["", "a.json: line 1, column 1 is no JSON that ends: is the file cut off?"],
    [kept.slice(0, 40), /^a\.json: line \d+, column \d+ is no JSON that ends/],
    ["[]", "a.json: the timeline has no events"],
    ['"text"', "a.json: the file is neither a kept seed, nor a bundle, nor a timeline"],
    ['{"format":"holdfast-seed/1"}', "a.json: plan is missing"],
    [kept.replace(/"latencyMs": [\d.]+/, '"latencyMs": -1'), /plan\.latencyMs is -1, not a number/],
    [kept.replace(/"kind": "[\w-]+"/, '"kind": "hub-eaten"'), /faults\[0\]\.kind is "hub-eaten"/],
    ['[{"at": "yesterday"}]', "a.json: event 1: at is no time"],
    ['[{"at": "2026-11-22T01:00:00Z"}]', "a.json: event 1: kind is missing"],
    ['{"at":1,"kind":"a"}\n{"at":2,"ki', /line 2 is no JSON that ends/],
  ])("says what is wrong with %j and where", (text, message) => {
    if (typeof message === "string") expect(mistake(text)).toBe(message);
    else expect(mistake(text)).toMatch(message);
  });
});

describe("a recorded timeline", () => {
  const event = (seconds: number, kind: string, more: object = {}): object => ({
    at: new Date(1_000_000 + seconds * 1_000).toISOString(),
    session: "ses_1",
    kind,
    state: "connected",
    detail: "connected.healthy",
    text: "",
    data: {},
    ...more,
  });
  const events = [
    event(0, "session.created"),
    event(20, "driver.detached", { text: "driver link lost: silent for 6000 ms" }),
    event(21, "platform.claimed", { data: { state: "stopped" } }),
    event(25, "probe.answered", { data: { ok: false, code: "ExecQueued" } }),
    event(26, "probe.answered", { data: { ok: false, code: "ExecQueued" } }),
    event(30, "session.connected"),
    event(40, "intent.changed", { text: "paused by request" }),
    event(50, "comet.fell", { text: "out of the blue" }),
  ];

  test("[SIM3] becomes faults at their times, and names what it cannot be", async () => {
    const { plan, unmapped } = readReplay(JSON.stringify({ items: events }), "a.json");
    const faults = plan.faults.map(({ atMs, kind, forMs }) => ({ atMs, kind, forMs }));
    expect(faults).toEqual([
      { atMs: 19_800, kind: "link-stalled", forMs: 10_000 },
      { atMs: 20_800, kind: "sandbox-stopped", forMs: 9_000 },
      { atMs: 24_800, kind: "exec-queued", forMs: 5_000 },
      { atMs: 40_000, kind: "asked-pause", forMs: 20_000 },
    ]);
    expect(unmapped).toEqual(["49.800 s comet.fell: out of the blue"]);
    expect((await replay(plan)).violations).toEqual([]);
  });

  test("may be a bundle, a list, or one event a line", () => {
    const texts = [
      JSON.stringify({ format: "holdfast-bundle/1", timeline: events }),
      JSON.stringify(events),
      events.map((one) => JSON.stringify(one)).join("\n"),
    ];
    const plans = texts.map((text) => readReplay(text, "a.json").plan);
    expect(plans[1]).toEqual(plans[0]);
    expect(plans[2]).toEqual(plans[0]);
  });
});
