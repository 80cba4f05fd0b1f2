/** What a campaign must have seen. The campaign itself takes minutes; this list takes none. */
import { expect, test } from "vitest";
import { expectedSometimes, gapsOf, unseenReasons } from "../../src/testing/sim/sometimes.ts";

const FAULT = "fault ";

test("[SIM1] a code that a campaign must see is one that sessions end with: a new one is judged here", () => {
  const expected = expectedSometimes().filter((name) => name.startsWith(FAULT));
  // A code that no simulated session ends with has its reason in UNSEEN_CODES.
  expect(expected.map((name) => name.slice(FAULT.length)).sort()).toEqual(
    [
      ...["DiskFull", "DriverAbsent", "DriverCrashLoop", "DriverDeaf", "EgressBlocked"],
      ...["ExecBroken", "ExecQueued", "FilesystemBroken", "FilesystemReadOnly"],
      ...["ImageBuildFailed", "PlatformAnswerInvalid", "PlatformAuthRejected", "PlatformBroken"],
      ...["PlatformDown", "PlatformQuota", "PlatformRateLimited", "PlatformTimeout"],
      ...["ProcessLimit", "ResumeBroken", "SandboxFlapping", "SandboxGone"],
      ...["SandboxStartFailed", "SandboxStopped", "SnapshotInactive", "SnapshotMissing"],
    ].sort(),
  );
});

test("[SIM1] what is missing is named, and so is what cannot be and was seen", () => {
  const all = Object.fromEntries(expectedSometimes().map((name) => [name, 1]));
  expect(gapsOf(all)).toEqual([]);
  const { "fault DiskFull": left, ...rest } = all;
  expect([left, gapsOf(rest)]).toEqual([1, ["never seen: fault DiskFull"]]);
  const [[odd, why] = ["", ""]] = unseenReasons();
  expect(gapsOf({ ...all, [odd]: 1 })).toEqual([`seen although it cannot be (${why}): ${odd}`]);
});
