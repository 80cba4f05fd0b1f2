/**
 * What admins see of one session: claim, evidence, verdict and their disagreement, side by side.
 * Pure and from memory: it answers while the platform hangs.
 */
import { disagreement, judge } from "../../probes/verdict.ts";
import type { Evidence, ProbeName, ProbePath } from "../../probes/probe.ts";
import type { Claim } from "../../providers/provider.ts";
import type { SessionFault, SessionRecord, SessionState } from "../../store/facts.ts";

interface EvidenceView {
  readonly ok: boolean | null;
  readonly at: string | null;
  readonly ageMs: number | null;
  readonly latencyMs: number | null;
  readonly path: ProbePath;
  readonly detail: string;
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
  readonly evidence: Readonly<Record<ProbeName, EvidenceView>>;
  readonly verdict: { readonly code: string; readonly text: string };
  readonly disagreement: string | null;
  readonly ladder: {
    readonly rung: string;
    /** Nudges and relaunches of the running attempt. */
    readonly attempts: number;
    readonly deadlineAt: string | null;
  };
  readonly lastError: FaultView | null;
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

export interface HealthInput {
  readonly record: SessionRecord;
  readonly claim: Claim | null;
  readonly evidence: readonly Evidence[];
  readonly driverAttached: boolean;
  readonly driverAbsentSince: number | null;
  readonly epoch: number;
  readonly attempts: number;
  readonly platform: string;
  readonly now: number;
}

const PATHS: Readonly<Record<ProbeName, ProbePath>> = {
  driver: "link",
  exec: "platform",
  filesystem: "platform",
};

export function healthOf(input: HealthInput): SessionHealth {
  const { record, claim, epoch, now } = input;
  return {
    status: statusOf(record),
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
      driver: view("driver", input),
      exec: view("exec", input),
      filesystem: view("filesystem", input),
    },
    verdict: verdictOf(input),
    disagreement: disagreement(input),
    ladder: {
      rung: record.rung,
      attempts: input.attempts,
      deadlineAt: record.deadlineAt === null ? null : iso(record.deadlineAt),
    },
    lastError: record.fault === null ? null : faultView(record.fault),
  };
}

export function faultView(fault: SessionFault): FaultView {
  return {
    ...fault,
    at: iso(fault.at),
    evidence: fault.evidence.map((item) => ({ ...item, at: iso(item.at) })),
  };
}

function statusOf(record: SessionRecord): SessionHealth["status"] {
  if (record.state === "error") return "fail";
  return record.detail === "connected.healthy" || record.detail === "suspended.paused"
    ? "pass"
    : "warn";
}

/** A suspended or failed session says that first; all else is what the evidence proves. */
function verdictOf(input: HealthInput): SessionHealth["verdict"] {
  const { record } = input;
  if (record.fault !== null) return { code: record.fault.code, text: record.fault.message };
  if (record.state === "suspended") {
    const text = "suspended on purpose; not trusted until it is resumed and proven";
    return { code: "Suspended", text };
  }
  if (record.state === "ended") return { code: "Ended", text: "the session was removed" };
  if (!input.driverAttached) {
    return { code: "Unproven", text: "not trusted yet: no driver is connected" };
  }
  return judge(input.evidence, input.epoch);
}

/** Evidence of an older epoch is shown with its age and counts as unknown. */
function view(probe: ProbeName, input: HealthInput): EvidenceView {
  const found = input.evidence.find((item) => item.probe === probe);
  const path = PATHS[probe];
  if (found === undefined) {
    return { ok: null, at: null, ageMs: null, latencyMs: null, path, detail: "not probed yet" };
  }
  const base = {
    at: iso(found.at),
    ageMs: Math.max(0, input.now - found.at),
    latencyMs: found.latencyMs,
    path: found.path,
  };
  if (!input.driverAttached) {
    const absent = probe === "driver";
    const detail = absent ? "no driver is connected" : `not trusted: seen in epoch ${found.epoch}`;
    return { ...base, ok: absent ? false : null, detail };
  }
  if (found.epoch !== input.epoch) {
    return { ...base, ok: null, detail: `not trusted: seen in epoch ${found.epoch}` };
  }
  return { ...base, ok: found.ok, detail: found.detail };
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
