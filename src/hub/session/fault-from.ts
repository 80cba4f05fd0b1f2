/** A HubError at a place in a session, as the structured fault that the session keeps. */
import type { HubError } from "../../base/hub-error.ts";
import type { EvidenceItem, Rung, SessionFault } from "../../store/facts.ts";

export function faultFrom(
  error: HubError,
  place: { phase: string; rung: Rung; at: number; evidence: readonly EvidenceItem[] },
): SessionFault {
  return {
    code: error.code,
    category: error.kind.category,
    message: error.message,
    hint: error.hint,
    retryable: error.kind.retry !== "never",
    ...place,
  };
}
