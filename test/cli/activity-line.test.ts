/** The one line about who uses a session. */
import { expect, test } from "vitest";
import { activityLine } from "../../src/cli/render/activity.ts";
import type { Activity } from "../../src/client/api-types.ts";
import { sampleHealth } from "../web/sample-session.ts";

const NOW_MS = Date.parse("2026-01-01T12:00:00.000Z");

const quiet: Activity = {
  wanted: false,
  because: null,
  stopsAt: "2026-01-01T12:20:00.000Z",
  human: { bytes: 0, lastAt: null },
  process: { running: 0, oldest: null, lastAt: null },
  probe: { lastAt: null },
  viewer: { attached: 2, passive: 1, lastAt: null },
};

const line = (activity: Activity): string | null =>
  activityLine(sampleHealth({ activity }), NOW_MS);

test("it says what keeps a sandbox awake, and since when", () => {
  const oldest = { program: "make", startedAt: "2026-01-01T11:00:00.000Z" };
  const process = { running: 1, oldest, lastAt: "2026-01-01T12:00:00.000Z" };
  expect(line({ ...quiet, wanted: true, because: "process", stopsAt: null, process })).toBe(
    "kept awake: 1 process (make for 1 h 0 min), input never, 2 attached, 1 only looking on",
  );
});

test("it says when the platform stops what nobody uses", () => {
  expect(line(quiet)).toBe(
    "not kept awake, the platform stops it in 20 min 0 s unless it is used: " +
      "no process, input never, 2 attached, 1 only looking on",
  );
  expect(activityLine(sampleHealth(), NOW_MS)).toBeNull();
});

test("it says whose command waits for a client that is gone", () => {
  const away = { clients: 1, endsAt: "2026-01-02T13:00:00.000Z" };
  expect(line({ ...quiet, away })).toContain(", 1 client away, kept for 25 h 0 min");
});
