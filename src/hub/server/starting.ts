import { HubError } from "../../base/hub-error.ts";

/** What is asked before the facts are read must not look as if it did not exist. */
export function starting(): HubError {
  return new HubError("HubUnreachable", "the hub is starting", { hint: "Try again in a moment." });
}
