import { describe, expect, test } from "vitest";
import type { Health, HubEvent } from "../../src/client/api-types.ts";
import { formatDuration, parseDuration } from "../../src/cli/render/durations.ts";
import { renderHealth } from "../../src/cli/render/health.ts";
import { createPaint, plain } from "../../src/cli/render/paint.ts";
import { renderProblem, renderSessionError } from "../../src/cli/render/problem.ts";
import {
  changedSteps,
  newProof,
  proofSteps,
  takeEvent,
  type Proof,
} from "../../src/cli/render/proof.ts";
import { renderTable } from "../../src/cli/render/table.ts";
import { HubError } from "../../src/base/hub-error.ts";

const colourless = createPaint({ isTty: false, env: {}, noColorFlag: false });
const beganAtMs = Date.parse("2026-01-01T00:00:00.000Z");

function event(kind: string, atMs: number, data: unknown = null): HubEvent {
  const at = new Date(beganAtMs + atMs).toISOString();
  const text = `${kind} happened`;
  return {
    seq: atMs,
    at,
    session: "ses_1",
    name: "demo",
    kind,
    state: null,
    detail: null,
    text,
    data,
  };
}

function replay(...events: HubEvent[]): Proof {
  return events.reduce((proof, next) => takeEvent(proof, next, beganAtMs), newProof(proofSteps));
}

describe("proof", () => {
  test("grows step by step to the verdict", () => {
    const proof = replay(
      event("session.created", 1),
      event("platform.claimed", 80),
      event("driver.attached", 200),
      event("probe.answered", 220, { probe: "driver", ok: true }),
      event("probe.answered", 240, { probe: "exec", ok: true }),
      event("probe.answered", 260, { probe: "filesystem", ok: true }),
      event("session.connected", 270),
    );
    expect(proof.steps.map((step) => [step.name, step.outcome, step.afterMs])).toEqual([
      ["claim", "ok", 80],
      ["driver", "ok", 220],
      ["exec", "ok", 240],
      ["filesystem", "ok", 260],
      ["verdict", "ok", 270],
    ]);
    expect(proof.verdict).toBe("connected");
  });

  test("a claim alone is no verdict, whatever it says", () => {
    const proof = replay(event("platform.claimed", 5, { state: "started" }));
    expect(proof.verdict).toBeNull();
    expect(proof.steps.at(-1)?.outcome).toBe("waiting");
  });

  test("a failed probe shows as failed and can still turn", () => {
    const failed = replay(event("probe.answered", 9, { probe: "exec", ok: false }));
    expect(failed.steps[2]?.outcome).toBe("failed");
    const turned = takeEvent(failed, event("probe.answered", 20, { probe: "exec", ok: true }), 0);
    expect(turned.steps[2]?.outcome).toBe("ok");
    expect(changedSteps(failed, turned).map((step) => step.name)).toEqual(["exec"]);
  });

  test("a probe that fails over one path stays failed until that path works again", () => {
    const probed = (path: string, ok: boolean) =>
      event("probe.answered", 9, { probe: "exec", path, ok });
    const failed = replay(probed("platform", false), probed("driver", true));
    expect(failed.steps[2]?.outcome).toBe("failed");
    const both = takeEvent(failed, probed("driver", false), 0);
    expect(takeEvent(both, probed("platform", true), 0).steps[2]?.outcome).toBe("failed");
    const healed = [probed("platform", true), probed("driver", true)].reduce(
      (proof, next) => takeEvent(proof, next, 0),
      both,
    );
    expect(healed.steps[2]?.outcome).toBe("ok");
  });

  test("a warning is read in health, with its code and its age", () => {
    const fact = { ok: true, at: null, ageMs: 5, latencyMs: 1, path: "link" as const, detail: "" };
    const health: Health = {
      status: "warn",
      session: "ses_1",
      state: "connected",
      epoch: 3,
      claim: { platform: "local", state: "started", at: null, ageMs: 5 },
      evidence: { driver: fact, exec: fact, filesystem: fact },
      driverSays: { text: "pid 17, dials because: nudge", at: "", ageMs: 2_000 },
      warnings: [{ code: "RolledBack", text: "it came back older", at: "", ageMs: 3_000 }],
      verdict: { code: "Connected", text: "all answered" },
      disagreement: null,
      ladder: { rung: null, attempts: 0, deadlineAt: null },
      lastError: null,
    };
    expect(renderHealth(health, colourless)).toContain("it came back older [RolledBack], 3");
  });

  test("a lost driver takes its step back", () => {
    const proof = replay(event("driver.attached", 1), event("driver.detached", 2));
    expect(proof.steps[1]?.outcome).toBe("failed");
  });

  test("what is done to the sandbox on the way is told, in order", () => {
    const proof = replay(
      event("sandbox.restarted", 5),
      event("later.kind", 6),
      event("sandbox.quarantined", 9),
    );
    expect(proof.turns.map(({ afterMs, text }) => [afterMs, text])).toEqual([
      [5, "sandbox.restarted happened"],
      [9, "sandbox.quarantined happened"],
    ]);
  });

  test("unknown kinds and odd data change no step", () => {
    const proof = replay(event("later.kind", 1), event("probe.answered", 2, { probe: "moon" }));
    expect(proof.steps.every((step) => step.outcome === "waiting")).toBe(true);
  });
});

describe("text", () => {
  test("control characters from elsewhere are shown, not obeyed", () => {
    expect(plain("a\u001b]0;title\u0007\u009bb\tc\n")).toBe("a\\x1b]0;title\\x07\\x9bb\tc\n");
    const rendered = renderProblem(new HubError("SessionNotFound", "no \u001b[2Jdemo"), colourless);
    expect(rendered).not.toContain("\u001b");
  });

  test("colours need a terminal and obey NO_COLOR, --no-color and TERM=dumb", () => {
    const red = (facts: Parameters<typeof createPaint>[0]): boolean =>
      createPaint(facts).red("x") !== "x";
    expect(red({ isTty: true, env: {}, noColorFlag: false })).toBe(true);
    expect(red({ isTty: false, env: {}, noColorFlag: false })).toBe(false);
    expect(red({ isTty: false, env: { FORCE_COLOR: "1" }, noColorFlag: false })).toBe(true);
    expect(red({ isTty: true, env: { NO_COLOR: "1" }, noColorFlag: false })).toBe(false);
    expect(red({ isTty: true, env: { TERM: "dumb" }, noColorFlag: false })).toBe(false);
    expect(red({ isTty: true, env: {}, noColorFlag: true })).toBe(false);
  });

  test("columns line up, also with colour codes in them", () => {
    const paint = createPaint({ isTty: true, env: {}, noColorFlag: false });
    const table = renderTable(
      ["A", "B"],
      [
        [paint.red("long"), "1"],
        ["x", "2"],
      ],
    );
    const rows = table.split("\n").map((row) => plain(row).replace(/\\x1b\[\d+m/g, ""));
    expect(rows).toEqual(["A     B", "long  1", "x     2"]);
  });

  test("on a screen that is too narrow for its columns each row is a block", () => {
    const rows = [
      ["demo", "!", "connected", "", "a sentence that may be as long as it likes"],
      ["x", "", "error", "7", ""],
    ];
    const drawn = (columns?: number) =>
      renderTable(["NAME", "", "STATE", "EPOCH", "NOTE"], rows, columns).split("\n");
    expect(drawn(31)[0]).toBe("NAME     STATE      EPOCH  NOTE");
    for (const columns of [undefined, 0, 200]) expect(drawn(columns)).toEqual(drawn(31));
    expect(drawn(30)).toEqual([
      "demo  !",
      "  state  connected",
      "  note   a sentence that may be as long as it likes",
      "x",
      "  state  error",
      "  epoch  7",
    ]);
  });

  test("a session's error shows sentence, code, evidence and next step", () => {
    const error = {
      code: "FilesystemMountMissing",
      category: "environment",
      message: "the root is not mounted",
      hint: "start another",
      phase: "resuming",
      rung: "nudge",
      retryable: false,
      at: "2026-01-01T00:00:01.000Z",
      evidence: [
        { what: "filesystem", ok: false, at: "2026-01-01T00:00:01.000Z", detail: "cow-merged" },
      ],
    };
    const text = renderSessionError("demo", error, colourless);
    for (const part of ["root is not mounted", error.code, "✗", "cow-merged", "start another"]) {
      expect(text).toContain(part);
    }
  });
});

describe("durations", () => {
  test.each([
    [4.4, "4 ms"],
    [999, "999 ms"],
    [1_234, "1.23 s"],
    [59_940, "59.9 s"],
    [125_000, "2 min 5 s"],
    [7_500_000, "2 h 5 min"],
    [200_000_000, "2 d 7 h"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    ["90", 90_000],
    ["1.5s", 1_500],
    ["250ms", 250],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["", null],
    ["-1", null],
    ["5 s", null],
    ["1d", null],
  ])("%j is read as %j", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});
