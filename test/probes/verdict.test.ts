/** The judge: what evidence proves, what it does not, and where it contradicts the platform. */
import { describe, expect, test } from "vitest";
import type { FaultCode } from "../../src/base/faults.ts";
import type { Evidence, ProbeName } from "../../src/probes/probe.ts";
import { disagreement, judge, type DisagreementInput } from "../../src/probes/verdict.ts";

const seen = (probe: ProbeName, code: FaultCode | null = null, epoch = 2, at = 0): Evidence => ({
  probe,
  path: probe === "driver" ? "link" : "platform",
  ok: code === null,
  at,
  latencyMs: 1,
  epoch,
  code,
  detail: code ?? "fine",
});

const PROBES: readonly ProbeName[] = ["driver", "exec", "filesystem"];

describe("judge", () => {
  test("[PR7] connected needs all three, each of this epoch: all 27 mixtures", () => {
    const kinds = ["ok", "broken", "missing"] as const;
    let connected = 0;
    for (const a of kinds) {
      for (const b of kinds) {
        for (const c of kinds) {
          const evidence = PROBES.flatMap((probe, at) => {
            const kind = [a, b, c][at];
            if (kind === "missing") return [];
            return [seen(probe, kind === "ok" ? null : "ExecBroken")];
          });
          const { code } = judge(evidence, 2);
          const all = a === "ok" && b === "ok" && c === "ok";
          expect(code === "Connected").toBe(all);
          if (all) connected += 1;
          const anyBroken = [a, b, c].includes("broken");
          if (!anyBroken && !all) expect(code).toBe("Unproven");
        }
      }
    }
    expect(connected).toBe(1);
  });

  test("[PR7] evidence of another epoch proves nothing, good or bad", () => {
    for (const epoch of [1, 3]) {
      for (const code of [null, "ExecBroken"] as const) {
        const evidence = PROBES.map((probe) => seen(probe, code, epoch));
        expect(judge(evidence, 2).code).toBe("Unproven");
      }
    }
    expect(judge([], 2).code).toBe("Unproven");
  });

  test("[PR8] neither exec nor files, and no fault of the whole platform: ResumeBroken", () => {
    const verdict = judge(
      [seen("driver"), seen("exec", "ExecBroken"), seen("filesystem", "FilesystemBroken")],
      2,
    );
    expect(verdict.code).toBe("ResumeBroken");
    expect(verdict.text).toContain("exec (ExecBroken); filesystem (FilesystemBroken)");
  });

  test.for([
    "PlatformAuthRejected",
    "PlatformRateLimited",
    "PlatformDown",
    "SandboxStopped",
  ] as const)("[PR8] %s explains all others, wherever it was seen", (code) => {
    for (const where of ["exec", "filesystem"] as const) {
      const other = where === "exec" ? "filesystem" : "exec";
      const evidence = [seen("driver", "DriverDeaf"), seen(other, "ExecBroken"), seen(where, code)];
      expect(judge(evidence, 2).code).toBe(code);
    }
  });

  test("[PR8] a missing mount is told before what follows from it", () => {
    const evidence = [seen("driver", "DriverDeaf"), seen("filesystem", "FilesystemMountMissing")];
    expect(judge(evidence, 2).code).toBe("FilesystemMountMissing");
  });
});

describe("disagreement", () => {
  const now = 100_000;
  const claim = {
    sandboxId: "b",
    state: "started",
    platformState: "started",
    reason: null,
    updatedAt: null,
    at: now - 1_500,
  } as const;
  const agreed: DisagreementInput = {
    claim,
    driverAttached: true,
    driverAbsentSince: null,
    evidence: PROBES.map((probe) => seen(probe)),
    epoch: 2,
    now,
  };

  test("[PR9] is null while nobody contradicts a claim, and when there is no claim of running", () => {
    expect(disagreement(agreed)).toBeNull();
    expect(disagreement({ ...agreed, claim: null, driverAttached: false })).toBeNull();
    const paused = { ...claim, state: "paused", platformState: "paused" } as const;
    expect(disagreement({ ...agreed, claim: paused, driverAttached: false })).toBeNull();
  });

  test("[PR9] names the absent driver with both ages", () => {
    const input = { ...agreed, driverAttached: false, driverAbsentSince: now - 65_000 };
    expect(disagreement(input)).toBe(
      "the platform says started (1.5 s ago), but no driver is connected for 65 s: not trusted yet",
    );
  });

  test("[PR9] names each broken probe of this epoch with its age, and no older one", () => {
    const evidence = [
      seen("driver"),
      seen("exec", "ExecBroken", 2, now - 2_000),
      seen("filesystem", "FilesystemBroken", 1, now - 3_000),
    ];
    expect(disagreement({ ...agreed, evidence })).toBe(
      "the platform says started (1.5 s ago), but exec failed 2.0 s ago",
    );
  });
});
