import { HubError } from "../../base/hub-error.ts";
import type { SessionRecord } from "../../store/facts.ts";
import { whyNotRoutable } from "../session/not-routable.ts";

/** Why a session takes no work: in error for its own fault, so that a bad key is told as one. */
export function faultOf(record: SessionRecord): HubError {
  const { state, fault, name } = record;
  if (state !== "error" || fault === null) return whyNotRoutable(record);
  return new HubError(fault.code, `session ${name} is in error: ${fault.message}`, {
    hint: fault.hint,
  });
}
