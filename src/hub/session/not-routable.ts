import { faults } from "../../base/faults.ts";
import { HubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import { isWorking, type SessionRecord } from "../../store/facts.ts";

/** It is on its way: whoever asks again then may find it. */
const SOON = { waitMs: limits.ATTACH_AGAIN_MIN_MS, scope: null };

/** Why a session that is not connected cannot take a stream. */
export function whyNotRoutable(record: SessionRecord): HubError {
  if (record.state === "suspended") {
    return new HubError("SessionSuspended", `session ${record.name} is suspended`, {
      hint: `Wake it with \`holdfast resume ${record.name}\`.`,
    });
  }
  if (record.state === "ended") {
    return new HubError("SessionEnded", `session ${record.name} ended`);
  }
  const code = "SessionNotConnected";
  const why = record.fault === null ? "" : ` (${record.fault.code}: ${record.fault.message})`;
  return new HubError(code, `session ${record.name} is not connected: ${record.detail}${why}`, {
    hint: record.fault?.hint ?? faults[code].hint,
    ...(isWorking(record.state) && { retryAfter: SOON }),
  });
}
