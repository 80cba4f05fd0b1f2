/** Faults by what they say of the way into a sandbox by its platform. Lists only. */
import type { FaultCode } from "../../base/faults.ts";

/** What the sandbox itself answered when its way in is broken, and not merely slow. */
export const BROKEN_BY_WORD: readonly FaultCode[] = [
  "ExecBroken",
  "ToolboxRefused",
  "FilesystemBroken",
  "FilesystemMountMissing",
  "ResumeBroken",
  "SandboxStopped",
  "SandboxStartFailed",
];
/** Taken and never done: a platform under load looks the same. */
export const BROKEN_BY_SILENCE: readonly FaultCode[] = [
  "ExecQueued",
  "NudgeQueued",
  "PlatformTimeout",
];

/** The platform does not let us look: this says nothing about any one sandbox. */
export const PLATFORM_SILENT: readonly FaultCode[] = [
  "PlatformDown",
  "PlatformTimeout",
  "PlatformRateLimited",
  "PlatformAuthRejected",
];

/** The platform's way in, or the platform, is what failed. */
export function isWayInFault(fault: FaultCode | null): boolean {
  if (fault === null) return false;
  return WAY_IN_FAULTS.includes(fault);
}

const WAY_IN_FAULTS: readonly FaultCode[] = [
  ...BROKEN_BY_WORD,
  ...BROKEN_BY_SILENCE,
  ...PLATFORM_SILENT,
  "PlatformBroken",
];
