/** The judge: what evidence proves, what it does not, and where it contradicts the platform. */
import { describe, expect, test } from "vitest";
import type { FaultCode } from "../../src/base/faults.ts";
import type { Evidence, ProbeName, ProbePath } from "../../src/probes/probe.ts";
import { disagreement, type DisagreementInput } from "../../src/probes/disagreement.ts";
import { judge, judgeInside, type Slot } from "../../src/probes/verdict.ts";

const seen = (
  probe: ProbeName,
  code: FaultCode | null = null,
  epoch = 2,
  at = 0,
  path: ProbePath = probe === "driver" ? "link" : "platform",
): Evidence => ({
  probe,
  path,
  ok: code === null,
  at,
  latencyMs: 1,
  epoch,
  code,
  detail: code ?? "fine",
});

const inside = (probe: ProbeName, code: FaultCode | null = null, epoch = 2, at = 0): Evidence =>
  seen(probe, code, epoch, at, "driver");

/** All that a proof asks, and the driver's part of it. */
const SLOTS: readonly Slot[] = [
  { probe: "driver", path: "link" },
  { probe: "exec", path: "platform" },
  { probe: "filesystem", path: "platform" },
  { probe: "exec", path: "driver" },
  { probe: "filesystem", path: "driver" },
  { probe: "sandbox", path: "driver" },
];
const all = (code: FaultCode | null = null, epoch = 2): Evidence[] =>
  SLOTS.map(({ probe, path }) => seen(probe, code, epoch, 0, path));

describe("judge", () => {
  test("[PR7] connected needs all six, each of this epoch: all 729 mixtures", () => {
    const kinds = ["ok", "broken", "missing"] as const;
    const connected = { whole: 0, inside: 0 };
    for (let mixture = 0; mixture < kinds.length ** SLOTS.length; mixture++) {
      const drawn = SLOTS.map(
        (_, at) => kinds[Math.floor(mixture / kinds.length ** at) % kinds.length] ?? "missing",
      );
      const evidence = SLOTS.flatMap(({ probe, path }, at) => {
        if (drawn[at] === "missing") return [];
        return [seen(probe, drawn[at] === "ok" ? null : "ExecBroken", 2, 0, path)];
      });
      for (const [name, judged, by] of [
        ["whole", judge(evidence, 2), SLOTS],
        ["inside", judgeInside(evidence, 2), SLOTS.filter(({ path }) => path !== "platform")],
      ] as const) {
        const asked = SLOTS.map((slot, at) => (by.includes(slot) ? drawn[at] : "ok"));
        const proven = asked.every((kind) => kind === "ok");
        expect(judged.code === "Connected").toBe(proven);
        if (proven) connected[name] += 1;
        else expect(judged.code === "Unproven").toBe(!asked.includes("broken"));
      }
    }
    expect(connected).toEqual({ whole: 1, inside: 9 });
  });

  test("[PR7] evidence of another epoch proves nothing, good or bad", () => {
    for (const epoch of [1, 3]) {
      for (const code of [null, "ExecBroken"] as const) {
        expect(judge(all(code, epoch), 2).code).toBe("Unproven");
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

  test("[PR8] what only repeats over both paths is no ResumeBroken", () => {
    const mixed = [seen("exec", "ExecBroken"), inside("filesystem", "FilesystemBroken")];
    expect(judge(mixed, 2).code).toBe("ExecBroken");
    const both = [inside("exec", "ExecBroken"), inside("filesystem", "FilesystemBroken")];
    expect(judge(both, 2).code).toBe("ResumeBroken");
  });

  test("[PR10] a driver that says nothing tells of the driver, not of what it did not look at", () => {
    const deaf = [seen("driver", "DriverDeaf")].concat(
      inside("exec", "DriverDeaf"),
      inside("filesystem", "DriverDeaf"),
    );
    const well = [seen("exec"), seen("filesystem")];
    expect(judge([...well, ...deaf], 2).code).toBe("DriverDeaf");
  });

  test("[PR10] the path that names the cause is believed before the one that names the effect", () => {
    const evidence = [seen("exec", "ExecBroken"), inside("exec", "ProcessLimit")];
    expect(judge(evidence, 2).code).toBe("ProcessLimit");
    expect(judge(evidence, 2).text).toContain("exec from inside (ProcessLimit)");
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
    claimSince: claim.at,
    driverAttached: true,
    driverAbsentSince: null,
    evidence: all(),
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

  test("[PR9] sets the driver's own path against the platform's, with both ages", () => {
    const evidence = [
      seen("driver"),
      seen("exec", "ExecBroken", 2, now - 2_000),
      inside("exec", null, 2, now - 500),
    ];
    expect(disagreement({ ...agreed, evidence })).toBe(
      "the platform says started (1.5 s ago), but exec failed 2.0 s ago, " +
        "although the driver's own exec worked 0.5 s ago",
    );
  });

  test("[PR9] a driver that answered after the platform denied its sandbox contradicts it", () => {
    const stopped = { ...claim, state: "stopped", platformState: "stopped" } as const;
    const heard = (at: number) => [seen("driver", null, 2, at)];
    const input = { ...agreed, claim: stopped };
    expect(disagreement({ ...input, evidence: heard(now - 1_000) })).toBe(
      "the platform says stopped (1.5 s ago), but its driver answered 1.0 s ago",
    );
    expect(disagreement({ ...input, evidence: heard(now - 2_000) })).toBeNull();
    // The same words again take nothing back.
    const repeated = { ...input, claim: { ...stopped, at: now - 500 } };
    expect(disagreement({ ...repeated, evidence: heard(now - 1_000) })).not.toBeNull();
  });
});
