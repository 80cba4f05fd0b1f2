/** What of the timeline goes to the log, and how loud. */
import { expect, test } from "vitest";
import { logFact } from "../../src/hub/fact-log.ts";
import type { FactKind, SessionEvent } from "../../src/store/facts.ts";

function logged(kind: FactKind, data: Record<string, unknown> = {}) {
  const lines: [string, object, string][] = [];
  const at = (level: string) => (fields: object, text: string) => {
    lines.push([level, fields, text]);
  };
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const event: SessionEvent = {
    seq: 9,
    at: 0,
    session: "ses_1",
    name: "demo",
    kind,
    state: "error",
    detail: "error.final",
    text: "what happened",
    data,
  };
  logFact(log, event);
  return lines;
}

test("[ME3] a failure is logged at its code's level, with code, category and session", () => {
  const [line] = logged("session.failed", { code: "PlatformAuthRejected", category: "operator" });
  expect(line).toEqual([
    "error",
    {
      seq: 9,
      session: "ses_1",
      name: "demo",
      kind: "session.failed",
      state: "error.final",
      code: "PlatformAuthRejected",
      category: "operator",
    },
    "what happened",
  ]);
  expect(logged("session.failed", { code: "DriverAbsent" })[0]?.[0]).toBe("warn");
});

test.each([
  ["start.fellBack", "warn"],
  ["sandbox.quarantined", "warn"],
  ["session.connected", "info"],
  ["session.entered", "debug"],
] as const)("[ME3] %s is a line of level %s", (kind, level) => {
  expect(logged(kind).map(([at]) => at)).toEqual([level]);
});
