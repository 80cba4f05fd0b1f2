/**
 * From what a real hub wrote down to a plan that does the same to a simulated one: each fact that
 * came from outside becomes the fault that brings it about, at its time. What the hub concluded is
 * left out, because the simulated hub concludes for itself. Pure.
 */
import type { FaultKind, Fault, Plan } from "./faults.ts";

export interface RecordedEvent {
  readonly atMs: number;
  readonly session: string;
  readonly kind: string;
  readonly state: string;
  readonly detail: string;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Recorded {
  readonly plan: Plan;
  /** Events from outside that no simulated fault stands for, each in a line. */
  readonly unmapped: readonly string[];
}

/** What has no end in the record lasts this long. */
const LASTS_MS = 20_000;
/** Trouble of the platform is there before its first victim is written down. */
const EARLIER_MS = 200;
/** After the last event: every deadline once more, and time to settle. */
const CALM_MS = 130_000;
const PLAIN = { createMs: 500, latencyMs: 5 } as const;

/** What the hub itself concluded or did: no cause of anything. */
const OWN: readonly string[] = [
  "session.created",
  "sandbox.requested",
  "sandbox.created",
  "sandbox.deleted",
  "sandbox.discarded",
  "sandbox.restarted",
  "sandbox.quarantined",
  "snapshot.activated",
  "start.fellBack",
  "control.asked",
  "activity.changed",
  "attempt.ended",
  "store.refused",
  "driver.launched",
  "epoch.issued",
  "driver.attached",
  "driver.quiesced",
  "session.connected",
  "session.suspended",
  "session.ended",
];

const FAILED: Readonly<Record<string, FaultKind>> = {
  PlatformDown: "api-errors",
  PlatformTimeout: "api-hangs",
  PlatformAuthRejected: "api-auth",
  PlatformRateLimited: "api-rate",
  PlatformAnswerInvalid: "api-junk",
  PlatformBroken: "api-hollow",
  PlatformQuota: "quota-reached",
  SandboxGone: "sandbox-deleted",
  SandboxStopped: "sandbox-stopped",
  SandboxFlapping: "sandbox-flaps",
  SandboxStartFailed: "create-fails",
  SandboxStartStalled: "create-stuck",
  ImageBuildFailed: "create-image-broken",
  ExecBroken: "exec-broken",
  ToolboxRefused: "exec-broken",
  ExecQueued: "exec-queued",
  NudgeQueued: "exec-queued",
  ProcessLimit: "inside-no-fork",
  FilesystemBroken: "filesystem-hung",
  FilesystemMountMissing: "filesystem-missing",
  FilesystemReadOnly: "filesystem-read-only",
  DiskFull: "filesystem-full",
  EgressBlocked: "egress-blocked",
  DnsFailed: "egress-blocked",
  DriverAbsent: "driver-killed",
  DriverDeaf: "driver-deaf",
  DriverStarved: "driver-starved",
  DriverCrashLoop: "driver-crashes",
  CloneSuspected: "driver-doubled",
  RolledBack: "driver-restored",
};

const CLAIMED: Readonly<Record<string, FaultKind | null>> = {
  creating: null,
  started: null,
  starting: null,
  destroying: null,
  stopped: "sandbox-stopped",
  stopping: "sandbox-stopped",
  archived: "sandbox-stopped",
  paused: "sandbox-paused",
  pausing: "sandbox-paused",
  error: "create-fails",
  unknown: "sandbox-odd",
};

const ASKED: Readonly<Record<string, FaultKind>> = {
  paused: "asked-pause",
  resumed: "asked-resume",
  retried: "asked-retry",
  removed: "asked-remove",
};

/** Null: nothing came from outside. Undefined: something did, and no fault stands for it. */
function causeOf({ kind, detail, text, data }: RecordedEvent): FaultKind | null | undefined {
  const code = typeof data["code"] === "string" ? data["code"] : "";
  if (OWN.includes(kind)) return null;
  switch (kind) {
    case "platform.claimed":
      // The platform did what it was asked: nothing came from outside.
      if (/^(suspended|ended)/.test(detail)) return null;
      return CLAIMED[String(data["state"])];
    case "driver.detached":
      if (/replaced|newer driver|suspended|removed|checkpoint|at rest/.test(text)) return null;
      return /silent/.test(text) ? "link-stalled" : "link-cut";
    case "probe.answered":
      return data["ok"] === true || code === "DriverAbsent" ? null : FAILED[code];
    case "nudge.sent":
      return code === "" ? null : FAILED[code];
    case "session.failed":
      return FAILED[code];
    case "session.entered":
      return detail === "creating.watching" ? "create-lost" : null;
    case "intent.changed":
      return ASKED[text.split(" ")[0] ?? ""];
    case "driver.rolledBack":
      return "driver-restored";
    case "clone.suspected":
      return "driver-doubled";
    default:
      return undefined;
  }
}

/** Events in any order; times count from the first. */
export function planOfTimeline(events: readonly RecordedEvent[]): Recorded {
  const sorted = [...events].sort((a, b) => a.atMs - b.atMs);
  const startMs = sorted[0]?.atMs ?? 0;
  const sessions = [...new Set(sorted.map(({ session }) => session))];
  const faults: Fault[] = [];
  const unmapped: string[] = [];
  for (const event of sorted) {
    const kind = causeOf(event);
    if (kind === null) continue;
    const atMs = Math.max(0, event.atMs - startMs - (isAsked(kind) ? 0 : EARLIER_MS));
    if (kind === undefined) {
      unmapped.push(`${(atMs / 1_000).toFixed(3)} s ${event.kind}: ${event.text}`);
      continue;
    }
    const target = sessions.indexOf(event.session);
    // The same trouble, told again while it lasts, is one trouble.
    const running = faults.find(
      (one) => one.kind === kind && one.target === target && atMs <= one.atMs + one.forMs,
    );
    if (running === undefined || isAsked(kind))
      faults.push({ atMs, kind, target, forMs: LASTS_MS });
  }
  const lastMs = (sorted.at(-1)?.atMs ?? 0) - startMs;
  const troubleMs = lastMs + LASTS_MS;
  const ended = faults.map((fault) => ({ ...fault, forMs: endOf(fault, sorted, startMs) }));
  const plan: Plan = {
    seed: 0,
    sessions: sessions.length,
    troubleMs,
    untilMs: troubleMs + CALM_MS,
    ...PLAIN,
    faults: ended.sort((a, b) => a.atMs - b.atMs),
  };
  return { plan, unmapped };
}

function isAsked(kind: FaultKind | undefined): boolean {
  return kind?.startsWith("asked-") === true;
}

/** A trouble lasts until the session is proven again, else for a while. */
function endOf(fault: Fault, events: readonly RecordedEvent[], startMs: number): number {
  const well = events.find(
    ({ kind, atMs }) => kind === "session.connected" && atMs - startMs > fault.atMs + EARLIER_MS,
  );
  const untilMs = well === undefined ? Infinity : well.atMs - startMs - EARLIER_MS;
  return Math.max(1, Math.min(fault.forMs, untilMs - fault.atMs));
}
