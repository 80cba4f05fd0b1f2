import type { SandboxState } from "@daytona/api-client";
import { expect, test } from "vitest";
import { dueVerb, refusalOf, toolboxRefusal } from "../../src/platform/sandbox/rules.ts";
import type { IdleFacts, Verb } from "../../src/platform/sandbox/rules.ts";

const standing = (state: SandboxState, more: object = {}) => ({
  state,
  pending: false,
  sandboxClass: "linux-vm" as const,
  ...more,
});

test.each<[Verb, SandboxState, number | undefined]>([
  ["start", "stopped", undefined],
  ["start", "paused", undefined],
  ["start", "archived", undefined],
  ["start", "started", 400],
  ["start", "error", 400],
  ["start", "starting", 409],
  ["start", "restoring", 409],
  ["stop", "started", undefined],
  ["stop", "paused", undefined],
  ["stop", "stopped", 400],
  ["stop", "stopping", 409],
  ["pause", "started", undefined],
  ["pause", "stopped", 400],
  ["recover", "error", undefined],
  ["recover", "started", 400],
  ["delete", "error", undefined],
  ["delete", "paused", undefined],
  ["delete", "creating", 409],
  ["delete", "resuming", 409],
])("%s while %s is answered %s", (verb, state, status) => {
  expect(refusalOf(verb, standing(state))?.status).toBe(status);
});

test("whatever is asked while a change is under way is 409 with Daytona's sentence", () => {
  for (const verb of ["start", "stop", "pause", "recover", "delete"] as const) {
    expect(refusalOf(verb, standing("started", { pending: true }))).toEqual({
      status: 409,
      message: "Sandbox state change in progress",
    });
  }
});

test("class container has no pause, whatever its state", () => {
  const flat = standing("started", { sandboxClass: "container" });
  expect(refusalOf("pause", flat)).toEqual({
    status: 422,
    message: "Pausing is not supported for this sandbox",
  });
});

test("only a running sandbox has an address", () => {
  expect(toolboxRefusal("started")).toBeUndefined();
  for (const state of ["stopped", "paused", "error", "creating", "destroying"] as const) {
    expect(toolboxRefusal(state)?.message).toContain(
      "no IP address found. Is the Sandbox started?",
    );
  }
});

const minute = 60_000;
const now = Date.parse("2026-01-01T12:00:00Z");
const ago = (minutes: number): string => new Date(now - minutes * minute).toISOString();
const facts = (more: Partial<IdleFacts> = {}): IdleFacts => ({
  autoStopMinutes: 15,
  autoPauseMinutes: 0,
  autoArchiveMinutes: 10_080,
  autoDeleteMinutes: -1,
  destroyAt: null,
  lastActivityAt: ago(5),
  stoppedAt: null,
  ...more,
});

test.each<[string, SandboxState, Partial<IdleFacts>, string | undefined]>([
  ["busy", "started", {}, undefined],
  ["idle", "started", { lastActivityAt: ago(15) }, "stop"],
  [
    "idle, but never stopped",
    "started",
    { autoStopMinutes: 0, lastActivityAt: ago(999) },
    undefined,
  ],
  ["idle, to pause", "started", { autoStopMinutes: 0, autoPauseMinutes: 5 }, "pause"],
  ["stopped, kept", "stopped", { stoppedAt: ago(9999) }, undefined],
  ["stopped for a week", "stopped", { stoppedAt: ago(10_080) }, "archive"],
  [
    "stopped, archived as late as can be",
    "stopped",
    { autoArchiveMinutes: 0, stoppedAt: ago(43_199) },
    undefined,
  ],
  ["archived, deleted", "archived", { autoDeleteMinutes: 10, stoppedAt: ago(10) }, "delete"],
  ["archived, kept", "archived", { stoppedAt: ago(99_999) }, undefined],
  ["stopped, deleted at once", "stopped", { autoDeleteMinutes: 0, stoppedAt: ago(0) }, "delete"],
  ["stopped, not yet", "stopped", { autoDeleteMinutes: 10, stoppedAt: ago(9) }, undefined],
  ["stopped, now", "stopped", { autoDeleteMinutes: 10, stoppedAt: ago(10) }, "delete"],
  ["at its end of life", "started", { destroyAt: ago(0) }, "delete"],
  ["before its end of life", "paused", { destroyAt: ago(-1) }, undefined],
])("%s", (_title, state, more, verb) => {
  expect(dueVerb(state, facts(more), now)).toBe(verb);
});
