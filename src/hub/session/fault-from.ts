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

/** As it is told outside: whoever waits hears that the start failed, and the diagnosis says how. */
export function toldFault(fault: SessionFault): SessionFault {
  if (fault.code !== "SandboxStartStalled") return fault;
  return { ...fault, code: "SandboxStartFailed", diagnosis: fault.code };
}
