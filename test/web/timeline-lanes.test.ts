import { expect, test } from "vitest";
import type { HubEvent } from "../../src/client/api-types.ts";
import { lanesOf } from "../../src/web/timeline-lanes.ts";
import { sampleEvent } from "./sample-session.ts";

const at = (second: number): string => new Date(1_767_261_600_000 + second * 1_000).toISOString();
const event = (second: number, change: Partial<HubEvent>): HubEvent =>
  sampleEvent(second, { at: at(second), ...change });
const claim = (state: string) => ({ kind: "platform.claimed", data: { state } });
const probe = (ok: boolean) => ({ kind: "probe.answered", data: { ok } });

/** A resume after which the platform says started, and nothing works. */
const broken: readonly HubEvent[] = [
  event(0, { kind: "session.created", state: "creating" }),
  event(1, { ...claim("started"), state: "creating" }),
  event(2, { kind: "driver.attached", data: { epoch: 1 }, state: "connected" }),
  event(8, { kind: "intent.changed", state: "connected" }),
  event(9, { ...claim("paused"), state: "suspended" }),
  event(3_600, { kind: "intent.changed", state: "suspended" }),
  event(3_601, { kind: "driver.detached", state: "resuming" }),
  event(3_602, { ...claim("started"), state: "resuming" }),
  event(3_603, { kind: "nudge.sent", state: "nudging" }),
  event(3_603, { ...probe(false), state: "nudging" }),
  event(3_604, { kind: "nudge.sent", state: "nudging" }),
  event(3_604, { ...probe(true), state: "nudging" }),
  event(3_605, { kind: "session.failed", state: "error" }),
];
const words = (bands: readonly { label: string }[] | undefined) => bands?.map(({ label }) => label);

test("the lanes are what happened since the last thing but one that was asked, and what was so", () => {
  const lanes = lanesOf(broken);
  expect([lanes?.from, lanes?.to]).toEqual([at(8), at(3_605)]);
  expect(words(lanes?.states)).toEqual(["connected", "suspended", "resuming", "nudging", "error"]);
  expect(words(lanes?.claims)).toEqual(["started", "paused", "started"]);
  expect(words(lanes?.links)).toEqual(["epoch 1"]);
  expect(words(lanes?.deeds)).toEqual(["nudge", "nudge"]);
  expect(lanes?.probes.map(({ ok }) => ok)).toEqual([false, true]);
});

test("what was at one time stands at one place in all lanes", () => {
  const lanes = lanesOf(broken);
  const begin = (state: string) => lanes?.states.find(({ label }) => label === state)?.at ?? -1;
  const [link] = lanes?.links ?? [];
  expect((link?.at ?? 0) + (link?.width ?? 0)).toBeCloseTo(begin("resuming"), 1);
  const [failed, worked] = lanes?.probes ?? [];
  expect(failed?.at).toBeCloseTo(begin("nudging"), 1);
  expect(worked?.at).toBeCloseTo(lanes?.deeds[1]?.at ?? -1, 1);
});

test("a state that ended in the millisecond of its begin has no band", () => {
  const passed = [event(0, { state: "creating" }), event(1, { state: "resuming" })];
  const lanes = lanesOf([...passed, event(1, { state: "nudging" }), event(2, { state: "error" })]);
  expect(words(lanes?.states)).toEqual(["creating", "nudging", "error"]);
});

test("a long story is drawn from where its events are not narrower than a pixel", () => {
  const story = Array.from({ length: 1_000 }, (_, second) => event(second, { state: "connected" }));
  expect(lanesOf(story)?.from).toBe(at(700));
});

test("bands follow each other without a gap, and the last one goes on to the edge", () => {
  for (const bands of [lanesOf(broken)?.states ?? [], lanesOf(broken)?.claims ?? []]) {
    expect(bands[0]?.at).toBe(0);
    bands.forEach(({ at: begin, width }, index) => {
      expect(width).toBeGreaterThan(0);
      expect(begin + width).toBeCloseTo(bands[index + 1]?.at ?? 100, 1);
    });
  }
});

test("an hour of nothing leaves room for the second that decides", () => {
  const lanes = lanesOf([
    event(0, { state: "connected" }),
    event(3_600, { state: "nudging" }),
    event(3_601, { state: "error" }),
  ]);
  const widths = lanes?.states.map(({ width }) => width) ?? [];
  expect(widths[0]).toBeGreaterThan(widths[1] ?? 0);
  expect(widths[1]).toBeGreaterThan(15);
});

test("a strange fact draws nothing, and no story no picture", () => {
  expect(lanesOf([])).toBeNull();
  const lanes = lanesOf([
    event(0, { kind: "platform.claimed", data: null, state: null }),
    event(0, { kind: "probe.answered", data: { ok: "yes" }, state: null }),
  ]);
  expect([lanes?.states, lanes?.claims, lanes?.probes]).toEqual([[], [], []]);
});
