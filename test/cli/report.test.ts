/** The issue report of a broken resume: what the platform's people need, and nothing that acts. */
import { expect, test } from "vitest";
import { renderReport, type Bundle } from "../../src/cli/render/report.ts";

const at = "2026-04-04T01:01:44.000Z";
const broken = (detail: string) =>
  ({ ok: false, at, ageMs: 5_000, latencyMs: 12, path: "platform", detail }) as const;

const bundle: Bundle = {
  format: "holdfast-bundle/1",
  madeAt: at,
  holdfast: "0.1.0",
  session: {
    id: "ses_1",
    name: "demo",
    state: "error",
    detail: "error.healable",
    desired: "connected",
    platform: "local",
    sandboxId: "sbx-76fca18e",
    epoch: 3,
    createdAt: at,
    updatedAt: at,
    deadlineAt: null,
    lastError: {
      code: "ResumeBroken",
      category: "verification",
      message: "neither exec nor filesystem works",
      hint: "",
      phase: "nudging.proving",
      rung: "restart",
      retryable: true,
      at,
      evidence: [{ what: "nudge", ok: false, at, detail: "queued for 5000 ms" }],
    },
  },
  health: {
    status: "fail",
    session: "ses_1",
    state: "error",
    epoch: 3,
    claim: { platform: "local", state: "started", at, ageMs: 900 },
    evidence: {
      driver: { ok: false, at, ageMs: 5_000, latencyMs: null, path: null, detail: "absent" },
      exec: broken("500 Internal Server Error"),
      filesystem: broken("readdirent cow-merged: no such file or directory\n| <b>x</b> \u001b[31m"),
    },
    verdict: { code: "ResumeBroken", text: "neither exec nor filesystem works" },
    disagreement: "the platform says started (0.9 s ago), but no driver is connected",
    ladder: { rung: "restart", attempts: 4, deadlineAt: null },
    lastError: null,
  },
  timeline: [
    {
      seq: 7,
      at,
      session: "ses_1",
      name: "demo",
      kind: "nudge.sent",
      state: "nudging",
      detail: "nudging.signalling",
      text: "nudge 1 failed: queued for 5000 ms",
      data: {},
    },
  ],
  platform: {
    platform: "local",
    apiUrl: "http://127.0.0.1:3000/api",
    reachable: true,
    tier: "bwrap",
    root: null,
    pause: null,
    auth: "ok",
    checkedAt: at,
    detail: null,
  },
};

test("it has the ids, the claim, each probe's raw answer, the nudges and the error", () => {
  const report = renderReport(bundle);
  for (const said of [
    "# Sandbox sbx-76fca18e is error: ResumeBroken",
    "- session: `ses_1` (demo)",
    "`started`, read 900 ms before this report",
    "| exec | platform | failed | 5.00 s | 500 Internal Server Error |",
    "cow-merged: no such file or directory",
    "nudge failed: queued for 5000 ms",
    "| nudge.sent | nudge 1 failed: queued for 5000 ms |",
    "but no driver is connected",
  ]) {
    expect(report).toContain(said);
  }
});

test("what others said stays text: no markup, no new cells, no control characters", () => {
  const report = renderReport(bundle);
  const row = report.split("\n").find((line) => line.startsWith("| filesystem"));
  expect(row?.replaceAll("\\|", "").split("|")).toHaveLength(7);
  expect(row).toContain("\\<b\\>");
  expect(report).not.toContain("\u001b");
});
