/** What the simulated platform answers instead of doing what it was asked. */
import { HubError } from "../../base/hub-error.ts";
import type { ApiTrouble } from "./mood.ts";

/** Troubles in which the platform refuses, and does nothing. */
type Refused = Exclude<ApiTrouble, "hangs" | "lost" | "junk">;

export function refusal(trouble: Refused, outcomeUnknown: boolean): HubError {
  switch (trouble) {
    case "errors":
      return new HubError("PlatformDown", "the platform answered 500", { outcomeUnknown });
    case "down":
      return new HubError("PlatformDown", "connect ECONNREFUSED");
    case "auth":
      return new HubError("PlatformAuthRejected", "Invalid credentials");
    case "rate":
      return new HubError("PlatformRateLimited", "ThrottlerException: Too Many Requests");
  }
}

/** It did what it was asked, and what it answered is not an answer. */
export function nonsense(outcomeUnknown: boolean): HubError {
  return new HubError("PlatformAnswerInvalid", "200 with a body of another kind", {
    outcomeUnknown,
  });
}

export function busy(): HubError {
  return new HubError("StateConflict", "Sandbox state change in progress");
}

/** A file that could not be used, in the words of the sandbox. */
export function said(text: string): HubError {
  return new HubError("PlatformAnswerInvalid", `files: ${text}`, { raw: text });
}
