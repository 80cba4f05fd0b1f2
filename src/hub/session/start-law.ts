/**
 * What follows a start that failed: activate the snapshot, fall back to an image, ask for another
 * sandbox, or give up. One decision from facts; who carries it out is in start-states.ts. Pure.
 */
import { HubError } from "../../base/hub-error.ts";
import { isWayOutFault } from "../../probes/egress-probe.ts";
import type {
  SessionFault,
  SessionRecord,
  SessionSpec,
  StartCounts,
  StartSource,
} from "../../store/facts.ts";
import { PLATFORM_SILENT } from "./way-in-faults.ts";
import type { SessionPolicy } from "./policy.ts";

export interface StartFacts {
  readonly fault: SessionFault | null;
  readonly counts: StartCounts;
  readonly spec: SessionSpec;
  readonly policy: SessionPolicy;
  /** What is left of the attempt. */
  readonly leftMs: number;
}

export type StartStep = "activate" | "fall-back" | "again" | "fail";

/** A try that cannot be answered in the time that is left only hides why the last one failed. */
const TRY_MS_MIN = 2_000;

export function nextStart(facts: StartFacts): StartStep {
  const { fault, counts, spec, policy } = facts;
  if (fault === null) return "fail";
  const snapshotFails = fault.code === "SnapshotInactive" || fault.code === "SnapshotMissing";
  if (snapshotFails && !counts.fellBack) {
    const named = spec.snapshot !== undefined;
    if (fault.code === "SnapshotInactive" && named && counts.activations === 0) return "activate";
    if (fallbackImage(spec, policy) !== null) return "fall-back";
  }
  if (!fault.retryable) return "fail";
  // A closed network closes for each fresh sandbox alike.
  if (isWayOutFault(fault.code)) return "fail";
  const granted = (spec.retry ?? policy.retry)[fault.category] ?? 0;
  const used = counts.retries[fault.category] ?? 0;
  const waitMs = retryWaitMs(countRetry(counts, fault), policy);
  const inTime = facts.leftMs >= waitMs + TRY_MS_MIN;
  return used < granted && inTime ? "again" : "fail";
}

/** Wait before the newest try that was counted: longer after each, whatever the class. */
export function retryWaitMs({ retries }: StartCounts, policy: SessionPolicy): number {
  const { retryWaitsMs } = policy;
  const used = Object.values(retries).reduce((sum, count) => sum + count, 0);
  return retryWaitsMs[Math.min(Math.max(1, used), retryWaitsMs.length) - 1] ?? 0;
}

export function countRetry(counts: StartCounts, fault: SessionFault | null): StartCounts {
  if (fault === null) return counts;
  const { category } = fault;
  const used = counts.retries[category] ?? 0;
  return { ...counts, retries: { ...counts.retries, [category]: used + 1 } };
}

/** Null when nothing is to be fallen back to: then a snapshot that fails is an error. */
export function fallbackImage(spec: SessionSpec, policy: SessionPolicy): string | null {
  return spec.image === undefined ? (spec.fallbackImage ?? policy.fallbackImage) : null;
}

/** A start that may have to build or pull an image gets the time for it from its beginning. */
export function startMs(spec: SessionSpec, policy: SessionPolicy): number {
  const mayBuild = spec.image !== undefined || fallbackImage(spec, policy) !== null;
  return mayBuild ? policy.buildMs : policy.createMs;
}

/** The time of a start is up without a sandbox: whose fault that is, as far as it was seen. */
export function startExhausted(fault: SessionFault | null, { asked }: SessionRecord): HubError {
  if (fault === null && !asked) {
    return new HubError("PlatformTimeout", "the platform answered nothing before time was up");
  }
  if (fault === null || fault.category === "startup") {
    const before = fault === null ? "" : `; the try before it: ${fault.code}: ${fault.message}`;
    const said = `the platform did not start the sandbox in time${before}`;
    return new HubError("SandboxStartStalled", said);
  }
  return new HubError(fault.code, `${fault.message} (time is up)`);
}

/**
 * Whether a start that failed leaves something that must be deleted: it was never proven, so
 * nothing of anybody is in it. A refused key made nothing and keeps the name; and a sandbox that
 * came up under a platform that went silent is proven once the platform is back.
 */
export function leavesLitter(fault: SessionFault | null, sandboxId: string | null): boolean {
  if (fault?.code === "PlatformAuthRejected") return false;
  return sandboxId === null || fault === null || !PLATFORM_SILENT.includes(fault.code);
}

/** What was asked for. */
export function askedSource({ image, snapshot }: SessionSpec): StartSource {
  if (image !== undefined) return { kind: "image", name: image, because: null };
  if (snapshot !== undefined) return { kind: "snapshot", name: snapshot, because: null };
  return { kind: "default", name: null, because: null };
}

/** `image debian:12`, `snapshot py`, `the platform's default`. */
export function sayAsked(spec: SessionSpec): string {
  const { kind, name } = askedSource(spec);
  return name === null ? "the platform's default snapshot" : `${kind} ${name}`;
}
