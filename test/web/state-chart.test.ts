import { expect, test } from "vitest";
import { chartEdges, chartSteps } from "../../src/web/chart-data.ts";
import { removedFrom, wayTaken } from "../../src/web/state-chart.tsx";
import { sampleEvent } from "./sample-session.ts";

test("the way is what happened since somebody last asked for something", () => {
  const timeline = [
    sampleEvent(1, { state: "creating" }),
    sampleEvent(2, { state: "connected" }),
    sampleEvent(3, { kind: "intent.changed", state: "suspended" }),
    sampleEvent(4, { state: "resuming" }),
    sampleEvent(5, { state: "resuming" }),
    sampleEvent(6, { state: null }),
    sampleEvent(7, { state: "nudging" }),
  ];
  expect(wayTaken(timeline, "error")).toEqual(["suspended", "resuming", "nudging", "error"]);
  expect(wayTaken([], "creating")).toEqual(["creating"]);
});

test("the line of a removal begins where the session is, or was last", () => {
  const timeline = [
    sampleEvent(1, { state: "creating" }),
    sampleEvent(2, { state: "error" }),
    sampleEvent(3, { kind: "intent.changed", state: "ended" }),
    sampleEvent(4, { state: null }),
  ];
  expect(removedFrom(timeline, "ended")).toBe("error");
  expect(removedFrom(timeline, "nudging")).toBe("nudging");
  expect(removedFrom([], "ended")).toBeNull();
});

test("the picture has every state of the machine, and lines between those that lead on", () => {
  expect(Object.keys(chartSteps)).toHaveLength(7);
  const led = new Set(chartEdges.flat());
  expect([...led, "ended"].toSorted()).toEqual(Object.keys(chartSteps).toSorted());
});
