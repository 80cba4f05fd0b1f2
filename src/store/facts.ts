/**
 * What the store keeps: facts, and the session record that is their fold. A fact is written before
 * anyone acts on it; the record is all that a hub needs after a restart. Pure: no engine, no clock.
 *
 * Facts are also the public timeline: each carries the sentence that a person reads.
 */
import type { FaultCategory, FaultCode } from "../base/faults.ts";
import { assert } from "../base/assert.ts";
import type { RetryPolicy } from "../base/retry.ts";
import { activityAfter, type Activity } from "./activity.ts";
import { costAfter, noCost, type SandboxCost } from "./cost.ts";

export const sessionStates = [
  "creating",
  "resuming",
  "nudging",
  "connected",
  "error",
  "suspended",
  "ended",
] as const;
export type SessionState = (typeof sessionStates)[number];

/** In these the hub works towards connected, or an error. */
export const workingStates: readonly SessionState[] = ["creating", "resuming", "nudging"];

export function isWorking(state: SessionState): boolean {
  return workingStates.includes(state);
}

/** What the user wants; the machine works towards it also after a restart. */
export type Desired = "connected" | "suspended" | "ended";

export interface SessionSpec {
  readonly image?: string;
  readonly snapshot?: string;
  /** Instead of a snapshot that is inactive or missing; absent is the hub's setting. */
  readonly fallbackImage?: string;
  /** Absent is the hub's setting. */
  readonly retry?: RetryPolicy;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface EvidenceItem {
  /** `exec`, `filesystem`, `driver`, `claim`, `nudge`, `launch`. */
  readonly what: string;
  readonly ok: boolean;
  readonly at: number;
  readonly detail: string;
}

/** How an attempt ended badly: always a code, never "unknown" without the raw answer. */
export interface SessionFault {
  readonly code: FaultCode;
  /** What the code does not tell: a start that failed may have stalled. */
  readonly diagnosis?: FaultCode;
  readonly category: FaultCategory;
  readonly message: string;
  readonly hint: string;
  /** State in which it happened, for example `nudging.proving`. */
  readonly phase: string;
  readonly rung: Rung;
  readonly retryable: boolean;
  readonly at: number;
  readonly evidence: readonly EvidenceItem[];
}

/** Steps of the healing ladder, in the order in which they are climbed. */
export type Rung = "none" | "recheck" | "nudge" | "relaunch" | "restart" | "replace";

/** What an attempt has used of its budgets; kept, so that a hub that restarts gives none back. */
export interface LadderCounts {
  readonly rechecks: number;
  readonly nudges: number;
  readonly relaunches: number;
  readonly restarts: number;
  readonly replaces: number;
  /** Times that a stopped sandbox was found and started. */
  readonly wakes: number;
  /** Sandboxes asked for. */
  readonly tries: number;
  /** Wall ms at which the rung that is being climbed ends; null before the first. */
  readonly rungDeadlineAt: number | null;
}

/** What an attempt has used up of its ways to start; kept for the same reason. */
export interface StartCounts {
  /** Times that the snapshot was asked to become active. */
  readonly activations: number;
  /** Starts that failed and were followed by another, by class of failure. */
  readonly retries: RetryPolicy;
  /** The snapshot is given up for this attempt: it starts from the image to fall back to. */
  readonly fellBack: boolean;
}

export const noStarts: StartCounts = { activations: 0, retries: {}, fellBack: false };

export const noCounts: LadderCounts = {
  rechecks: 0,
  nudges: 0,
  relaunches: 0,
  restarts: 0,
  replaces: 0,
  wakes: 0,
  tries: 1,
  rungDeadlineAt: null,
};

export type FactKind =
  | "session.created"
  | "intent.changed"
  | "sandbox.requested"
  /** The platform refused it, and made nothing. */
  | "sandbox.refused"
  | "sandbox.created"
  | "platform.claimed"
  | "driver.launched"
  | "epoch.issued"
  | "driver.attached"
  | "driver.detached"
  | "probe.answered"
  | "nudge.sent"
  | "session.entered"
  | "session.connected"
  | "session.suspended"
  | "session.failed"
  /** The current sandbox is given up; what is left of it is to be deleted. */
  | "sandbox.discarded"
  /** The ladder stops it to start it again. */
  | "sandbox.restarted"
  | "sandbox.deleted"
  /** The current sandbox is replaced, and kept for a while, because it may hold unsaved work. */
  | "sandbox.quarantined"
  | "snapshot.activated"
  /** The snapshot could not be used: the sandbox starts from an image instead. */
  | "start.fellBack"
  /** A control sandbox told whether this sandbox or the platform is broken. */
  | "control.asked"
  | "clone.suspected"
  | "driver.rolledBack"
  /** It was asked to come to rest before a pause; how that went. */
  | "driver.quiesced"
  /** It is older than the hub's and nothing runs in it: it ends, and a new one is launched. */
  | "driver.updating"
  | "activity.changed"
  /** It stood still, because its facts could not be kept; the first that is. */
  | "store.refused"
  /** A fault was switched on at the platform on purpose, or is off again. */
  | "drill.on"
  | "drill.off"
  /** Stands for the facts before it that were dropped, see retention.ts. */
  | "timeline.trimmed"
  /** The one structured result of an attempt, good or bad. */
  | "attempt.ended"
  | "session.ended";

/** What the current sandbox was started from. */
export interface StartSource {
  readonly kind: "default" | "image" | "snapshot" | "image-fallback";
  readonly name: string | null;
  /** Why it is not what was asked for. */
  readonly because: string | null;
}

/** A sandbox that was replaced and not deleted yet. */
export interface Quarantined {
  readonly sandboxName: string;
  readonly sandboxId: string | null;
  /** Wall ms; after it the janitor deletes it. */
  readonly until: number;
  readonly why: string;
}

export interface Fact {
  readonly kind: FactKind;
  readonly at: number;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** What changes in the record. Applying it twice changes nothing more. */
  readonly change: Partial<Omit<SessionRecord, "id" | "name" | "createdAt" | "cost">>;
}

export interface SessionRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly spec: SessionSpec;
  readonly desired: Desired;
  readonly state: SessionState;
  /** Dotted path, for example `creating.bootstrapping`. */
  readonly detail: string;
  /** Raised by every new start, resume or retry; late results of older ones are told by it. */
  readonly attempt: number;
  /** Wall ms at which the running attempt ends; a restart does not move it. */
  readonly deadlineAt: number | null;
  /** Wall ms at which the running or last attempt began. */
  readonly attemptAt: number;
  /** Attempts up to this one have told how they ended; each tells it once. */
  readonly attemptEnded: number;
  readonly rung: Rung;
  readonly ladder: LadderCounts;
  readonly starts: StartCounts;
  /** Name of the sandbox at the platform, fixed before it is asked for. */
  readonly sandboxName: string;
  readonly sandboxId: string | null;
  /** A sandbox of the current name was asked for: there may be one, also without an id. */
  readonly asked: boolean;
  /** Names of sandboxes that were given up and may still be there: the janitor deletes them. */
  readonly litter: readonly string[];
  readonly quarantine: readonly Quarantined[];
  /** Null until a sandbox was asked for. */
  readonly source: StartSource | null;
  /** Two counters: a WELCOME that got lost must not look like a rollback. */
  readonly epochIssued: number;
  readonly epoch: number;
  /** Directory inside the sandbox that holds the driver. */
  readonly driverDir: string | null;
  readonly fault: SessionFault | null;
  /** Why the newest pause was not made; null when it was, or something else was asked for since. */
  readonly refusal: SessionFault | null;
  /** Idempotency-Key of the request that made the session. */
  readonly requestKey: string | null;
  readonly activity: Activity;
  /** What its sandboxes have cost up to the newest fact. */
  readonly cost: SandboxCost;
}

/** A fact as the timeline shows it. */
export interface SessionEvent {
  readonly seq: number;
  readonly at: number;
  readonly session: string;
  readonly name: string;
  readonly kind: FactKind;
  readonly state: SessionState;
  readonly detail: string;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function newRecord(id: string, name: string, spec: SessionSpec, at: number): SessionRecord {
  return {
    id,
    name,
    createdAt: at,
    updatedAt: at,
    spec,
    desired: "connected",
    state: "creating",
    detail: "creating.requesting",
    attempt: 1,
    deadlineAt: null,
    attemptAt: at,
    attemptEnded: 0,
    rung: "none",
    ladder: noCounts,
    starts: noStarts,
    sandboxName: sandboxNameOf(id, 1),
    sandboxId: null,
    asked: false,
    litter: [],
    quarantine: [],
    source: null,
    epochIssued: 0,
    epoch: 0,
    driverDir: null,
    fault: null,
    refusal: null,
    requestKey: null,
    activity: { wanted: false, at },
    cost: noCost(at),
  };
}

/** A record as an older Holdfast wrote it, with what has been added since. */
export function upgradeRecord(stored: Partial<SessionRecord>): SessionRecord {
  const { state = "creating", attempt = 1, updatedAt = 0 } = stored;
  const rests = ["connected", "suspended", "error", "ended"].includes(state);
  const added = {
    asked: true,
    litter: [],
    quarantine: [],
    source: null,
    refusal: null,
    requestKey: null,
    attemptAt: updatedAt,
    attemptEnded: rests ? attempt : attempt - 1,
    ladder: noCounts,
    activity: { wanted: false, at: updatedAt },
    starts: noStarts,
    // Counted from its newest fact on: what came before was not kept.
    cost: noCost(updatedAt),
  };
  // Nearly all are of this version, and a copy of each is what a start with many is spent on.
  const isWhole = Object.keys(added).every((key) => key in stored);
  return (isWhole ? stored : { ...added, ...stored }) as SessionRecord;
}

/** What giving up the current sandbox changes: the next one has another name. */
export function discardSandbox(record: SessionRecord): Fact["change"] {
  return { ...nextSandbox(record), litter: [...record.litter, record.sandboxName] };
}

/** What replacing the current sandbox changes: it is kept for a while beside the next one. */
export function quarantineSandbox(
  record: SessionRecord,
  until: number,
  why: string,
): Fact["change"] {
  const { sandboxName, sandboxId } = record;
  const kept = { sandboxName, sandboxId, until, why };
  return { ...nextSandbox(record), quarantine: [...record.quarantine, kept] };
}

function nextSandbox(record: SessionRecord): Fact["change"] {
  const number = sandboxNumberOf(record.id, record.sandboxName) ?? 1;
  return {
    sandboxName: sandboxNameOf(record.id, number + 1),
    sandboxId: null,
    asked: false,
    driverDir: null,
  };
}

/** A name of its own for every try, so that a stuck one is never in the way of the next. */
function sandboxNameOf(sessionId: string, number: number): string {
  return `holdfast-${sessionId.replace("_", "-")}-${number}`;
}

/** Which try of this session a sandbox's name is; null when the session never gives such a name. */
export function sandboxNumberOf(sessionId: string, sandboxName: string): number | null {
  const prefix = sandboxNameOf(sessionId, 0).slice(0, -1);
  if (!sandboxName.startsWith(prefix)) return null;
  const number = sandboxName.slice(prefix.length);
  return /^\d{1,9}$/.test(number) ? Number(number) : null;
}

/** The record after a fact. Epochs never go back, whatever a fact says. */
export function applyFact(record: SessionRecord, fact: Fact): SessionRecord {
  const changed = { ...record, ...fact.change, updatedAt: fact.at };
  const next = {
    ...changed,
    activity: activityAfter(record, changed, fact.at),
    cost: costAfter(record, changed, fact.at),
  };
  assert(next.epoch >= record.epoch, `epoch went back from ${record.epoch} to ${next.epoch}`);
  assert(next.epochIssued >= record.epochIssued, "issued epoch went back");
  return next;
}

/** A fact that is kept under a number, as the timeline shows it. */
export function eventOf(seq: number, record: SessionRecord, fact: Fact): SessionEvent {
  return {
    seq,
    at: fact.at,
    session: record.id,
    name: record.name,
    kind: fact.kind,
    state: record.state,
    detail: record.detail,
    text: fact.text,
    data: fact.data,
  };
}
