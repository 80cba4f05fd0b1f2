/**
 * Every fault switch of the platform, and what a hub says of it in public and how soon: one row a
 * switch, or it does not compile. The bounds are those of the fault catalogue, counted from when
 * the hub looks; by when it looks follows from its policy in detection-bounds.ts.
 */
import type { FaultCode } from "../../src/base/faults.ts";
import type { FaultName } from "../../src/platform/faults/catalogue.ts";
import type { SessionHealth } from "../../src/hub/session/health.ts";
import type { ShownBy } from "./detection-bounds.ts";
import type { TimelineEvent } from "./drill-rig.ts";

/** All that the hub answers about a session and its platform, at one moment after the fault. */
export interface Answers {
  readonly health: SessionHealth & { readonly drill: string | null };
  /** Since the fault began. */
  readonly timeline: readonly TimelineEvent[];
  readonly failedCalls: readonly {
    readonly call: string;
    readonly code: string;
    readonly at: string;
  }[];
  /** When all this was asked for. */
  readonly now: string;
}

/** What is done to the session once the fault is on; `start` is for one that has no sandbox. */
export type Scene = "stay" | "start" | "pause" | "resume" | "remove" | "activate";

export interface DetectionRow {
  readonly scene: Scene;
  /** Where the hub says it. */
  readonly where: string;
  /** Null while it does not. */
  readonly seen: (answers: Answers) => Said | null;
  /** The fault catalogue's bound, from when the hub looks. */
  readonly withinS: number;
  readonly shownBy: ShownBy;
  readonly with: readonly FaultName[];
  readonly more: Readonly<Record<string, unknown>>;
  /** Its session can be used for the next one, once the switch is off. */
  readonly leavesWell: boolean;
  /** What it does to the hub as a whole would be seen by the others. */
  readonly alone: boolean;
  /** Nobody has to wait for a patrol to see it where the session is resumed into it. */
  readonly atResume: boolean;
}

/** A fault that no call of the hub can meet, and why. Its test shows it on the wire. */
export interface Apart {
  readonly apart: string;
}

/** The catalogue says 0: it is in the answer of the very call. */
const atOnceS = 2;
/** The platform's calls have a deadline of 10 s, and the catalogue allows 30. */
const callS = 30;

/** What the hub says, and since when by its own clock. */
export interface Said {
  readonly code: FaultCode;
  readonly at: string;
}

interface Spot {
  readonly where: string;
  readonly seen: DetectionRow["seen"];
}

/** It is what the newest evidence proves: the one that failed last made it so. */
const verdict = (...codes: readonly FaultCode[]): Spot => ({
  where: "health, verdict",
  seen: ({ health, timeline, now }) => {
    const code = codes.find((one) => one === health.verdict.code);
    const failed = timeline.findLast(({ kind, data }) => {
      return kind === "probe.answered" && data.ok === false;
    });
    return code === undefined ? null : { code, at: failed?.at ?? now };
  },
});
const failed = (code: FaultCode, diagnosis: FaultCode = code): Spot => ({
  where: "health, last error",
  seen: ({ health: { lastError, verdict: said } }) =>
    lastError?.code === code && said.code === diagnosis ? { code, at: lastError.at } : null,
});
/** Said at once; what the evidence proves is another question, and is still being asked. */
const refusedPause = (code: FaultCode): Spot => ({
  where: "health, last error",
  seen: ({ health: { lastError } }) =>
    lastError?.code === code && lastError.phase === "suspended.requesting"
      ? { code, at: lastError.at }
      : null,
});
const warned = (code: FaultCode): Spot => ({
  where: "health, warnings",
  seen: ({ health: { warnings }, timeline, now }) => {
    const warning = warnings.find((one) => one.code === code);
    if (warning === undefined) return null;
    // One that is repeated has the time of its newest word; its fact has that of the first.
    const at = timeline.find(({ data }) => data.code === code)?.at ?? warning.at;
    return { code, at: at < now ? at : now };
  },
});
const noted = (...codes: readonly FaultCode[]): Spot => ({
  where: "timeline",
  seen: ({ timeline }) => {
    for (const { data, at } of timeline) {
      const code = codes.find((one) => codesIn(data).includes(one));
      if (code !== undefined) return { code, at };
    }
    return null;
  },
});
const codesIn = ({ code, because }: TimelineEvent["data"]): readonly unknown[] => [
  code,
  because?.code,
];
const callFailed = (call: string, code: FaultCode): Spot => ({
  where: "platform, last errors",
  seen: ({ failedCalls }) => {
    const met = failedCalls.find((one) => one.call === call && one.code === code);
    return met === undefined ? null : { code, at: met.at };
  },
});

const row =
  (scene: Scene, over: Partial<DetectionRow>) =>
  (withinS: number, spot: Spot, more: Partial<DetectionRow> = {}): DetectionRow => ({
    scene,
    withinS,
    shownBy: "at-once",
    with: [],
    more: {},
    leavesWell: false,
    alone: false,
    atResume: false,
    ...spot,
    ...over,
    ...more,
  });
/** Seen by the patrol of a connected session, which is well again once the switch is off. */
const watched = row("stay", { shownBy: "patrol", leavesWell: true });
/** The same of the way into its sandbox: seen at once where it is resumed. */
const wayIn = row("stay", { shownBy: "patrol", leavesWell: true, atResume: true });
/** The same, and there is no way back. */
const broken = row("stay", { shownBy: "patrol", atResume: true });
/** The driver's own path sees it, too, and is looked at more often. */
const brokenInside = row("stay", { shownBy: "inside-patrol", atResume: true });
/** Seen by the link that ends, or falls silent. */
const linkLost = row("stay", {});
const start = row("start", { leavesWell: true });
/** The session's own deadline shows that nothing comes. */
const stalled = row("start", { leavesWell: true, shownBy: "stall" });
const resume = row("resume", {});
const remove = row("remove", {});

export const detection: Readonly<Record<FaultName, DetectionRow | Apart>> = {
  "api-500": watched(10, warned("PlatformDown")),
  "api-502": watched(10, warned("PlatformDown")),
  "api-503": watched(10, warned("PlatformDown")),
  "api-401": watched(atOnceS, warned("PlatformAuthRejected")),
  "api-429": watched(atOnceS, warned("PlatformRateLimited"), { alone: true }),
  "api-429-bare": watched(atOnceS, warned("PlatformRateLimited"), { alone: true }),
  "api-hang": watched(callS, warned("PlatformTimeout")),
  "api-slow": watched(60, warned("PlatformTimeout"), { more: { delayMs: 15_000 } }),
  "api-drop-answer": resume(atOnceS, callFailed("start", "PlatformDown")),
  "api-junk": watched(atOnceS, warned("PlatformAnswerInvalid")),
  "create-stuck": stalled(2, noted("SandboxStartStalled")),
  "create-late": stalled(2, noted("SandboxStartStalled"), { more: { delayMs: 90_000 } }),
  "create-error": start(2, noted("SandboxStartFailed")),
  "create-build-failed": start(2, noted("ImageBuildFailed")),
  "snapshot-inactive": start(atOnceS, failed("SnapshotInactive")),
  "snapshot-missing": start(atOnceS, failed("SnapshotMissing")),
  "quota-exceeded": start(atOnceS, failed("PlatformQuota")),
  "activate-slow": row("activate", { shownBy: "activate" })(2, failed("SnapshotInactive"), {
    more: { delayMs: 90_000 },
  }),
  "activate-refused": row("activate", {})(atOnceS, failed("SnapshotInactive")),
  "start-stuck": row("resume", { shownBy: "stall" })(2, noted("SandboxStartStalled")),
  "start-error": resume(2, failed("PlatformQuota")),
  "stop-stuck": linkLost(120, warned("SandboxStopStalled"), {
    with: ["exec-500", "driver-killed"],
  }),
  "pause-refused": row("pause", {})(atOnceS, noted("PauseUnsupported")),
  "pause-error": row("pause", {})(2, refusedPause("SandboxStartFailed")),
  "delete-409": remove(60, warned("DeletePending")),
  "delete-ignored": remove(60, warned("DeletePending")),
  "delete-stuck": remove(60, warned("DeletePending")),
  "claim-stale": linkLost(5, warned("ClaimContradicted"), {
    with: ["killed"],
  }),
  "claim-flapping": watched(60, warned("ClaimContradicted"), {
    more: { delayMs: 4_000 },
    // The last word may have been "stopped": the next loss is then no surprise to the hub.
    leavesWell: false,
  }),
  "claim-unknown": watched(atOnceS, warned("PlatformStateUnknown")),
  "clock-skew": watched(atOnceS, warned("PlatformClockWrong")),
  "list-lags": watched(atOnceS, warned("SandboxUnlisted"), {
    shownBy: "janitor",
    // Its own delay is over before two looks could agree.
    more: { delayMs: 600_000 },
  }),
  "list-empty": watched(atOnceS, warned("SandboxUnlisted"), { shownBy: "janitor" }),
  "exec-500": wayIn(5, verdict("ExecBroken")),
  "exec-hang": wayIn(5, verdict("ExecQueued")),
  "exec-pretends": wayIn(10, verdict("ExecBroken")),
  "exec-late": wayIn(5, verdict("ExecQueued")),
  "files-missing": wayIn(5, verdict("FilesystemMountMissing")),
  "files-hang": wayIn(5, verdict("FilesystemBroken")),
  "toolbox-502": wayIn(5, verdict("ResumeBroken")),
  "toolbox-401": wayIn(5, verdict("ToolboxRefused")),
  "toolbox-moved": wayIn(15, verdict("ResumeBroken")),
  "toolbox-hang": wayIn(5, verdict("ResumeBroken", "ExecQueued", "FilesystemBroken")),
  "pty-1008": {
    apart: "the hub opens no terminal of the platform: all bytes ride on the driver's link",
  },
  "log-cut": {
    apart: "the hub follows no log stream of the platform: output rides on the driver's link",
  },
  "root-unmounted": broken(5, verdict("ResumeBroken", "FilesystemMountMissing")),
  "home-readonly": brokenInside(5, verdict("FilesystemReadOnly")),
  "disk-full": brokenInside(30, verdict("DiskFull")),
  "hub-unreachable": linkLost(20, failed("EgressBlocked"), { with: ["driver-killed"] }),
  frozen: linkLost(15, verdict("DriverDeaf")),
  killed: linkLost(15, noted("SandboxStopped", "ExecBroken")),
  stopped: linkLost(15, noted("SandboxStopped")),
  "auto-stopped": linkLost(15, noted("SandboxStopped")),
  "preview-token-rotated": {
    apart: "a preview of the hub goes by the driver's link; it asks for no link of the platform",
  },
  deleted: linkLost(30, failed("SandboxGone")),
  "toolbox-killed": broken(5, verdict("ResumeBroken")),
  "toolbox-stopped": broken(5, verdict("ResumeBroken", "ExecQueued", "FilesystemBroken")),
  "driver-killed": linkLost(15, noted("DriverAbsent")),
  "driver-stopped": linkLost(15, verdict("DriverDeaf")),
  "process-limit": brokenInside(5, verdict("ProcessLimit")),
};
