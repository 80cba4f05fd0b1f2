/**
 * What admins see of one session: claim, evidence, verdict and their disagreement, side by side.
 * Pure and from memory: it answers while the platform hangs.
 */
import { disagreement, type DisagreementInput } from "../../probes/disagreement.ts";
import type { Evidence } from "../../probes/probe.ts";
import { judge } from "../../probes/verdict.ts";
import type { ActivityView } from "../activity/session-activity.ts";
import type { Claim } from "../../providers/provider.ts";
import type {
  LadderCounts,
  Quarantined,
  SessionFault,
  SessionRecord,
  SessionState,
} from "../../store/facts.ts";
import type { Said, Sayings } from "./board.ts";
import {
  capabilityViews,
  evidenceView,
  type CapabilityName,
  type CapabilityView,
  type EvidenceView,
  isOfNow,
} from "./evidence-view.ts";
import { sourceView, type SourceView } from "./source-view.ts";

interface SaidView {
  readonly text: string;
  readonly at: string;
  readonly ageMs: number;
}

export interface SessionHealth {
  readonly status: "pass" | "warn" | "fail";
  readonly session: string;
  readonly name: string;
  readonly state: SessionState;
  readonly detail: string;
  readonly epoch: number;
  /** Nulls until the platform was asked for the first time. */
  readonly claim: {
    readonly platform: string;
    readonly state: string | null;
    readonly at: string | null;
    readonly ageMs: number | null;
  };
  readonly evidence: Readonly<Record<"driver" | "exec" | "filesystem", EvidenceView>>;
  /** The driver's own word on itself, as claim as the platform's; null before its first hello. */
  readonly driverSays: SaidView | null;
  /** What breaks nothing now and should be looked at: a twin, a rollback, a starved driver. */
  readonly warnings: readonly (SaidView & { readonly code: string })[];
  /** One by one, with every path: what works when not all does. */
  readonly capabilities: Readonly<Record<CapabilityName, CapabilityView>>;
  /** What its sandbox was started from; null until one was asked for. */
  readonly source: SourceView | null;
  readonly verdict: { readonly code: string; readonly text: string };
  readonly disagreement: string | null;
  readonly ladder: {
    readonly rung: string;
    /** Steps of the running attempt that acted on driver or sandbox. */
    readonly attempts: number;
    readonly deadlineAt: string | null;
    /** When the rung that is being climbed ends. */
    readonly rungDeadlineAt: string | null;
    /** What the attempt has used of each budget. */
    readonly used: Omit<LadderCounts, "rungDeadlineAt">;
    /** Replaced sandboxes that are kept for what may be unsaved in them. */
    readonly quarantined: readonly (Omit<Quarantined, "until"> & { readonly until: string })[];
  };
  readonly lastError: FaultView | null;
  readonly activity: ActivityView;
}

export type HealthBrief = Pick<
  SessionHealth,
  "status" | "claim" | "evidence" | "verdict" | "disagreement"
>;

/** What a list of many shows of each. */
export function briefOf(health: SessionHealth): HealthBrief {
  const { status, claim, evidence, verdict, disagreement: contradiction } = health;
  return { status, claim, evidence, verdict, disagreement: contradiction };
}

export type FaultView = Omit<SessionFault, "at" | "evidence"> & {
  readonly at: string;
  readonly evidence: readonly {
    readonly what: string;
    readonly ok: boolean;
    readonly at: string;
    readonly detail: string;
  }[];
};

export interface HealthInput extends Sayings {
  readonly record: SessionRecord;
  readonly claim: Claim | null;
  readonly claimSince: number | null;
  readonly evidence: readonly Evidence[];
  readonly driverAttached: boolean;
  readonly driverAbsentSince: number | null;
  /** The store refuses its facts: since when, and why. */
  readonly halted: Said | null;
  readonly epoch: number;
  readonly counts: LadderCounts;
  readonly platform: string;
  readonly activity: ActivityView;
  readonly now: number;
}

export function healthOf(input: HealthInput): SessionHealth {
  const { record, claim, epoch, now } = input;
  const capabilities = capabilityViews(input);
  return {
    status: statusOf(input, capabilities.terminal.ok),
    session: record.id,
    name: record.name,
    state: record.state,
    detail: record.detail,
    epoch,
    claim: {
      platform: input.platform,
      state: claim?.platformState ?? null,
      at: claim === null ? null : iso(claim.at),
      ageMs: claim === null ? null : Math.max(0, now - claim.at),
    },
    evidence: {
      driver: evidenceView("driver", input),
      exec: evidenceView("exec", input),
      filesystem: evidenceView("filesystem", input),
    },
    driverSays: input.driverSays === null ? null : saidView(input.driverSays, now),
    warnings: input.warnings.map((item) => ({ code: item.code, ...saidView(item, now) })),
    capabilities,
    source: sourceView(record),
    verdict: verdictOf(input),
    disagreement: contradiction(record, input),
    ladder: ladderView(record, input.counts),
    lastError: lastErrorOf(input),
    activity: input.activity,
  };
}

/** What goes away on purpose loses its driver before its sandbox: nobody contradicts anybody. */
export function contradiction(record: SessionRecord, seen: DisagreementInput): string | null {
  return record.state === "ended" ? null : disagreement(seen);
}

function ladderView(record: SessionRecord, counts: LadderCounts): SessionHealth["ladder"] {
  const { rungDeadlineAt, ...used } = counts;
  const { nudges, relaunches, restarts, replaces } = used;
  const { rung, deadlineAt } = record;
  return {
    rung,
    attempts: nudges + relaunches + restarts + replaces,
    deadlineAt: deadlineAt === null ? null : iso(deadlineAt),
    rungDeadlineAt: rungDeadlineAt === null ? null : iso(rungDeadlineAt),
    used,
    quarantined: record.quarantine.map((kept) => ({ ...kept, until: iso(kept.until) })),
  };
}

/** What failed last: what the session is in error of, else why its pause was not made. */
function lastErrorOf({ record }: HealthInput): FaultView | null {
  const fault = record.fault ?? record.refusal;
  return fault === null ? null : faultView(fault);
}

export function faultView(fault: SessionFault): FaultView {
  return {
    ...fault,
    at: iso(fault.at),
    evidence: fault.evidence.map((item) => ({ ...item, at: iso(item.at) })),
  };
}

/** A warning that nobody heeded for so long is history; it stays to be read. */
const WARNING_FRESH_MS = 600_000;

function statusOf(input: HealthInput, terminal: boolean | null): SessionHealth["status"] {
  const { record, warnings, now } = input;
  if (record.state === "error") return "fail";
  if (isSubstitute(record)) return "warn";
  if (input.halted !== null) return "warn";
  if (warnings.some(({ at }) => now - at < WARNING_FRESH_MS)) return "warn";
  // A session without terminals is connected, and still not what people expect of one.
  if (record.detail === "connected.healthy" && terminal === false) return "warn";
  return record.detail === "connected.healthy" || record.detail === "suspended.paused"
    ? "pass"
    : "warn";
}

/** A suspended or failed session says that first; all else is what the evidence proves. */
function verdictOf(input: HealthInput): SessionHealth["verdict"] {
  const { record, halted } = input;
  if (halted !== null) {
    const text = `it stands still since ${iso(halted.at)}: ${halted.text}`;
    return { code: "StoreRefuses", text };
  }
  if (record.fault !== null) {
    const { code, diagnosis, message } = record.fault;
    return { code: diagnosis ?? code, text: message };
  }
  if (record.state === "suspended") {
    const text = "suspended on purpose; not trusted until it is resumed and proven";
    return { code: "Suspended", text };
  }
  if (record.state === "ended") return { code: "Ended", text: "the session was removed" };
  if (!input.driverAttached) return verdictWithoutDriver(input);
  const { code, text } = judge(input.evidence, input.epoch);
  const warning = isSubstitute(record) ? sourceView(record)?.warning : null;
  return { code, text: typeof warning === "string" ? `${text}; ${warning}` : text };
}

/** Nothing is proven; what the platform's way in showed meanwhile may say what is wrong. */
function verdictWithoutDriver(input: HealthInput): SessionHealth["verdict"] {
  const seen = input.evidence.filter((item) => isOfNow(item, input));
  const { code, text } = judge(seen, input.epoch);
  if (code === "Unproven") {
    // One that was here and is not is missed; one that is still to come is not proven.
    const isMissed = input.record.state === "nudging" && input.driverSays !== null;
    const text = "not trusted yet: no driver is connected";
    return { code: isMissed ? "DriverAbsent" : code, text };
  }
  return { code, text: `no driver is connected; ${text}` };
}

/** It runs from something else than was asked for: right for now, and to be mended by somebody. */
function isSubstitute({ source }: SessionRecord): boolean {
  return source?.kind === "image-fallback";
}

function saidView({ text, at }: Said, now: number): SaidView {
  return { text, at: iso(at), ageMs: Math.max(0, now - at) };
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
