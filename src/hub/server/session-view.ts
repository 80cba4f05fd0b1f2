/**
 * A session as the API tells it. What its own hub says is from memory; what only the store says is
 * marked, because nothing of it is proven now, whatever its newest fact was.
 */
import type { SessionRecord } from "../../store/facts.ts";
import { costOf } from "../cost/cost-book.ts";
import type { EvidenceView } from "../session/evidence-view.ts";
import { faultView, type HealthBrief } from "../session/health.ts";
import { sourceView } from "../session/source-view.ts";

export interface SessionView extends ReturnType<typeof recordView> {
  /** Which hub has it; null while none has, absent where a hub has no others beside it. */
  readonly hub?: string | null;
  /** Why the store tells it, and not its hub. */
  readonly stale?: string;
  readonly health?: HealthBrief;
}

export function recordView(record: SessionRecord, platform: string, now: number) {
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    detail: record.detail,
    desired: record.desired,
    platform,
    sandboxId: record.sandboxId,
    source: sourceView(record),
    epoch: record.epoch,
    attempt: record.attempt,
    labels: record.spec.labels,
    quarantine: record.quarantine.map(({ until, ...kept }) => ({
      ...kept,
      until: new Date(until).toISOString(),
    })),
    createdAt: new Date(record.createdAt).toISOString(),
    updatedAt: new Date(record.updatedAt).toISOString(),
    deadlineAt: record.deadlineAt === null ? null : new Date(record.deadlineAt).toISOString(),
    lastError: record.fault === null ? null : faultView(record.fault),
    cost: costOf(record, now),
  };
}

/** What is left of health where nobody who looks at the session can be asked. */
export function unseenHealth(record: SessionRecord, platform: string, why: string): HealthBrief {
  const { fault, updatedAt } = record;
  const since = new Date(updatedAt).toISOString();
  const unseen = (path: EvidenceView["path"]): EvidenceView => {
    return { ok: null, at: null, ageMs: null, latencyMs: null, path, detail: why };
  };
  return {
    status: fault === null ? "warn" : "fail",
    claim: { platform, state: null, at: null, ageMs: null },
    evidence: {
      driver: unseen("link"),
      exec: unseen("platform"),
      filesystem: unseen("platform"),
    },
    verdict:
      fault === null
        ? { code: "Unproven", text: `${why}; its newest fact is of ${since}` }
        : { code: fault.diagnosis ?? fault.code, text: fault.message },
    disagreement: null,
  };
}
