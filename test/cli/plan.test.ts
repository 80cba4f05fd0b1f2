/** What a person reads of a dry run. */
import { expect, test } from "vitest";
import type { LadderPlan } from "../../src/client/api-types.ts";
import { renderPlan } from "../../src/cli/render/plan.ts";
import { createPaint } from "../../src/cli/render/paint.ts";

test("[SM33] a plan says of each rung whether it would be climbed, and why", () => {
  const plan: LadderPlan = {
    session: "ses_1",
    name: "demo",
    state: "error",
    detail: "error.healable",
    code: "ResumeBroken",
    steps: [
      {
        rung: "nudge",
        destructive: false,
        would: "do",
        why: "no driver is connected",
        budgetLeft: 4,
        deadlineMs: 10_000,
      },
      {
        rung: "replace",
        destructive: true,
        would: "refuse",
        why: "the platform lets nobody look",
        budgetLeft: 1,
        deadlineMs: 70_000,
      },
    ],
  };
  expect(
    renderPlan(plan, createPaint({ env: { NO_COLOR: "1" }, isTty: false, noColorFlag: true })),
  ).toBe(
    [
      "demo is in error (ResumeBroken); nothing was changed",
      "",
      "RUNG     WOULD   LEFT  WITHIN                   WHY",
      "nudge    do      4     10.0 s                   no driver is connected",
      "replace  refuse  1     1 min 10 s  destructive  the platform lets nobody look",
      "",
      "Each rung is climbed if those before it do not help.",
    ].join("\n"),
  );
});
