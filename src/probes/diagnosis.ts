/**
 * The closed list of what can be wrong with a session, as far as evidence tells: each with its code
 * and one sentence. Pure. The order is the law: what explains the others comes first.
 */
import type { FaultCode } from "../base/faults.ts";
import type { Evidence, ProbeName, ProbePath } from "./probe.ts";

export interface Scene {
  /** What was seen in this epoch, good and bad. */
  readonly seen: readonly Evidence[];
  /** Codes with which the hub's own calls failed in this attempt: create, wake, nudge, claim. */
  readonly failures: readonly FaultCode[];
  /** What admins were warned of; nothing of it breaks the session. */
  readonly warnings: readonly FaultCode[];
}

export interface Diagnosis {
  readonly name: string;
  readonly code: FaultCode;
  readonly says: string;
}

type Rule = Diagnosis & { readonly when: (scene: Scene) => boolean };

const broken = ({ seen }: Scene): readonly Evidence[] => seen.filter(({ ok }) => !ok);
const saw =
  (...codes: readonly FaultCode[]) =>
  (scene: Scene): boolean =>
    broken(scene).some(({ code }) => code !== null && codes.includes(code));
const failed =
  (code: FaultCode) =>
  ({ failures }: Scene): boolean =>
    failures.includes(code);
const either =
  (code: FaultCode) =>
  (scene: Scene): boolean =>
    saw(code)(scene) || failed(code)(scene);
const warned =
  (code: FaultCode) =>
  ({ warnings }: Scene): boolean =>
    warnings.includes(code);

/** A driver that says nothing has not looked: that tells of the driver, not of the sandbox. */
const NOT_LOOKED: readonly (FaultCode | null)[] = ["DriverAbsent", "DriverDeaf"];

function nothingWorks(scene: Scene, path: ProbePath): boolean {
  const fails = (probe: ProbeName): boolean =>
    broken(scene).some(
      (item) => item.probe === probe && item.path === path && !NOT_LOOKED.includes(item.code),
    );
  return fails("exec") && fails("filesystem");
}

const HANGS = /\bhangs\b|no answer within|has not returned/;

function filesystemHangs(scene: Scene): boolean {
  return broken(scene).some(
    ({ probe, code, detail }) =>
      probe === "filesystem" && code === "FilesystemBroken" && HANGS.test(detail),
  );
}

const rule = (
  name: string,
  code: FaultCode,
  says: string,
  when: Rule["when"] = either(code),
): Rule => ({ name, code, says, when });

export const diagnoses: readonly Rule[] = [
  rule("auth-rejected", "PlatformAuthRejected", "the platform refuses our key"),
  rule("quota", "PlatformQuota", "the platform's quota is used up"),
  rule("rate-limited", "PlatformRateLimited", "the platform asks us to slow down"),
  rule("platform-down", "PlatformDown", "the platform does not answer"),
  rule("sandbox-gone", "SandboxGone", "the platform has no such sandbox any more"),
  rule("stopped-behind-our-back", "SandboxStopped", "the sandbox was stopped by somebody else"),
  rule("snapshot-inactive", "SnapshotInactive", "the snapshot is switched off"),
  rule("snapshot-missing", "SnapshotMissing", "the platform has no such snapshot"),
  rule("image-build-failed", "ImageBuildFailed", "the platform could not build the image"),
  rule("start-stalled", "SandboxStartStalled", "the platform stopped making progress"),
  rule("toolbox-refused", "ToolboxRefused", "the way into the sandbox refuses our key"),
  rule(
    "exec-and-filesystem-broken",
    "ResumeBroken",
    "neither exec nor filesystem works",
    (scene) => nothingWorks(scene, "platform") || nothingWorks(scene, "driver"),
  ),
  rule("mount-missing", "FilesystemMountMissing", "the sandbox's root is no longer mounted"),
  rule("disk-full", "DiskFull", "the disk is full"),
  rule("filesystem-read-only", "FilesystemReadOnly", "files cannot be written"),
  rule("process-limit", "ProcessLimit", "no more processes can be started"),
  rule("filesystem-hangs", "FilesystemBroken", "the filesystem hangs", filesystemHangs),
  rule("dns", "DnsFailed", "the hub's name does not resolve inside"),
  rule("tls-rejected", "TlsRejected", "the hub's certificate is not trusted inside"),
  rule("upgrade-blocked", "UpgradeBlocked", "something answers in the hub's place"),
  rule("egress-blocked", "EgressBlocked", "the hub cannot be reached from inside"),
  rule("nudge-queued", "NudgeQueued", "the nudge was taken and never run"),
  rule("driver-deaf", "DriverDeaf", "the driver's socket is up and it answers nothing"),
  rule("exec-queued", "ExecQueued", "commands are taken and not run"),
  rule("exec-broken", "ExecBroken", "commands do not run"),
  rule("filesystem-broken", "FilesystemBroken", "files do not work"),
  rule("driver-absent", "DriverAbsent", "no driver is here"),
  // What follows breaks nothing by itself, but for a driver that lives elsewhere.
  rule(
    "clone-suspected",
    "CloneSuspected",
    "a second driver claims it, or one that lives in a copy",
    (scene) => saw("CloneSuspected")(scene) || warned("CloneSuspected")(scene),
  ),
  rule("rolled-back", "RolledBack", "it came back with an older state", warned("RolledBack")),
  rule("driver-starved", "DriverStarved", "its driver is short of time", warned("DriverStarved")),
];

/** The first that fits; null when nothing is known to be wrong, or when it has no name here. */
export function diagnose(scene: Scene): Diagnosis | null {
  return diagnoses.find(({ when }) => when(scene)) ?? null;
}
