/** Each diagnosis: the evidence that makes it, and a near miss that does not. */
import { expect, test } from "vitest";
import { faults, type FaultCode } from "../../src/base/faults.ts";
import { diagnose, diagnoses, type Scene } from "../../src/probes/diagnosis.ts";
import type { Evidence, ProbeName, ProbePath } from "../../src/probes/probe.ts";

const see = (
  probe: ProbeName,
  path: ProbePath,
  code: FaultCode | null,
  detail = "as it was",
): Evidence => ({ probe, path, ok: code === null, at: 0, latencyMs: 1, epoch: 1, code, detail });
const scene = (over: Partial<Scene>): Scene => ({ seen: [], failures: [], warnings: [], ...over });
const exec = (code: FaultCode | null, path: ProbePath = "platform") => see("exec", path, code);
const files = (code: FaultCode | null, detail?: string, path: ProbePath = "platform") =>
  see("filesystem", path, code, detail);
const driver = (code: FaultCode | null) => see("driver", "link", code);
const failedWith = (code: FaultCode): Scene => scene({ failures: [code] });
const warnedOf = (code: FaultCode): Scene => scene({ warnings: [code] });
const sees = (...seen: Evidence[]): Scene => scene({ seen });

const well = sees(driver(null), exec(null), files(null));

/** Name, what makes it, and what nearly does. */
const table: readonly (readonly [string, Scene, Scene])[] = [
  ["auth-rejected", failedWith("PlatformAuthRejected"), failedWith("PlatformQuota")],
  ["quota", failedWith("PlatformQuota"), failedWith("PlatformRateLimited")],
  ["rate-limited", sees(exec("PlatformRateLimited")), sees(exec("PlatformDown"))],
  ["platform-down", failedWith("PlatformDown"), failedWith("PlatformTimeout")],
  ["sandbox-gone", failedWith("SandboxGone"), failedWith("SandboxStopped")],
  ["stopped-behind-our-back", sees(exec("SandboxStopped")), sees(exec("ExecBroken"))],
  ["snapshot-inactive", failedWith("SnapshotInactive"), failedWith("SnapshotMissing")],
  ["snapshot-missing", failedWith("SnapshotMissing"), failedWith("ImageMissing")],
  ["image-build-failed", failedWith("ImageBuildFailed"), failedWith("SandboxStartFailed")],
  ["start-stalled", failedWith("SandboxStartStalled"), failedWith("SandboxStartFailed")],
  [
    "mount-missing",
    sees(driver("DriverDeaf"), files("FilesystemMountMissing")),
    sees(driver("DriverDeaf"), files("FilesystemBroken")),
  ],
  ["toolbox-refused", sees(exec("ToolboxRefused")), failedWith("PlatformAuthRejected")],
  [
    "exec-and-filesystem-broken",
    sees(exec("ExecQueued"), files("FilesystemBroken")),
    sees(exec("ExecQueued"), files("FilesystemBroken", undefined, "driver")),
  ],
  ["disk-full", sees(files("DiskFull")), sees(files("FilesystemBroken", "no space to think"))],
  ["filesystem-read-only", sees(files("FilesystemReadOnly")), sees(files("FilesystemBroken"))],
  ["process-limit", sees(exec("ProcessLimit", "driver")), sees(exec("ExecBroken", "driver"))],
  [
    "filesystem-hangs",
    sees(files("FilesystemBroken", "read: hangs: not done within 5000 ms")),
    sees(files("FilesystemBroken", "read: 3 other characters came back")),
  ],
  ["dns", sees(see("egress", "platform", "DnsFailed")), sees(see("egress", "platform", null))],
  [
    "egress-blocked",
    sees(see("egress", "platform", "EgressBlocked"), driver("DriverAbsent")),
    sees(see("egress", "platform", null), driver("DriverAbsent")),
  ],
  [
    "tls-rejected",
    sees(see("egress", "platform", "TlsRejected"), driver("DriverAbsent")),
    sees(see("egress", "platform", "EgressBlocked"), driver("DriverAbsent")),
  ],
  [
    "upgrade-blocked",
    sees(see("egress", "platform", "UpgradeBlocked"), driver("DriverAbsent")),
    sees(see("egress", "platform", "EgressBlocked"), driver("DriverAbsent")),
  ],
  ["nudge-queued", failedWith("NudgeQueued"), failedWith("ExecBroken")],
  [
    "driver-deaf",
    sees(driver("DriverDeaf"), exec("DriverDeaf", "driver"), exec(null)),
    sees(driver("DriverAbsent"), exec("DriverAbsent", "driver"), exec(null)),
  ],
  ["exec-queued", sees(exec("ExecQueued")), sees(exec("ExecBroken"))],
  ["exec-broken", sees(exec("ExecBroken")), sees(exec(null))],
  ["filesystem-broken", sees(files("FilesystemBroken")), sees(files(null))],
  ["driver-absent", sees(driver("DriverAbsent")), sees(driver(null))],
  ["clone-suspected", warnedOf("CloneSuspected"), warnedOf("RolledBack")],
  ["rolled-back", warnedOf("RolledBack"), warnedOf("DriverStarved")],
  ["driver-starved", warnedOf("DriverStarved"), well],
];

test.for(table)("[PR15] %s: what makes it, and what nearly does", ([name, made, missed]) => {
  const found = diagnose(made);
  expect(found?.name).toBe(name);
  expect(found?.says).not.toBe("");
  expect(diagnose(missed)?.name).not.toBe(name);
});

test("[PR15] the list is closed: each has a row here, a code of the registry and a name of its own", () => {
  expect(table.map(([name]) => name).sort()).toEqual(diagnoses.map(({ name }) => name).sort());
  expect(new Set(diagnoses.map(({ name }) => name)).size).toBe(diagnoses.length);
  for (const { code } of diagnoses) expect(Object.keys(faults)).toContain(code);
  expect(diagnose(well)).toBeNull();
});
