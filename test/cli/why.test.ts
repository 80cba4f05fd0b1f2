/** The account of a session: what turned its story is told, what stands elsewhere is not. */
import { expect, test } from "vitest";
import type { HubEvent } from "../../src/client/api-types.ts";
import { createPaint } from "../../src/cli/render/paint.ts";
import { renderWhy } from "../../src/cli/render/why.ts";
import { sampleEvent, sampleHealth, sampleSession } from "../web/sample-session.ts";

const paint = createPaint({ isTty: false, env: {}, noColorFlag: false });

/** The lines of the history, without their times. */
function told(timeline: readonly HubEvent[]): string[] {
  const facts = { session: sampleSession(), health: sampleHealth(), timeline, nowMs: 0 };
  const lines = renderWhy(facts, paint).split("\n");
  const begin = lines.indexOf("How it came to that:") + 1;
  const end = lines.indexOf("", begin);
  return lines.slice(begin, end).map((line) => line.trim().replace(/^[\d:.]+ {2}/, ""));
}

const probe = (seq: number, ok: boolean, text: string): HubEvent =>
  sampleEvent(seq, { kind: "probe.answered", text, data: { ok } });
const entered = (seq: number, text: string): HubEvent =>
  sampleEvent(seq, { kind: "session.entered", text });

test("what works stands above, what fails is told once, states are words", () => {
  const timeline = [
    sampleEvent(1, { kind: "intent.changed", text: "resumed by request" }),
    probe(2, true, "driver ok (3 ms): answered"),
    probe(3, false, "exec failed (30 ms): the platform answered 500"),
    entered(4, "nudging.awaitingDriver"),
    probe(5, false, "exec failed (49 ms): the platform answered 500"),
    entered(6, "nudging.rechecking"),
    entered(7, "nudging.awaitingDriver"),
    probe(8, false, "exec failed (49 ms): queued"),
  ];
  expect(told(timeline)).toEqual([
    "… 3 more in `npx holdfast events demo`",
    "resumed by request",
    "exec failed (30 ms): the platform answered 500",
    "nudging: awaiting driver",
    "nudging: rechecking",
    "exec failed (49 ms): queued",
  ]);
});

test("of a long story the newest turns, with how many more there are", () => {
  const timeline = Array.from({ length: 50 }, (_, n) =>
    sampleEvent(n, { kind: "nudge.sent", text: `nudge ${n}` }),
  );
  const lines = told(timeline);
  expect(lines[0]).toBe("… 36 more in `npx holdfast events demo`");
  expect([lines.length, lines.at(-1)]).toEqual([15, "nudge 49"]);
});

test("a session without a story says so", () => {
  expect(told([])).toEqual(["nothing is recorded"]);
});
