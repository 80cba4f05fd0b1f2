/** What the simulated platform answers instead of doing what it was asked. */
import { HubError } from "../../base/hub-error.ts";

/** What the whole API does for a while. */
export type ApiTrouble = "errors" | "hangs" | "down" | "auth" | "rate";

export function refusal(trouble: Exclude<ApiTrouble, "hangs">, outcomeUnknown: boolean): HubError {
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

/** A file that could not be used, in the words of the sandbox. */
export function said(text: string): HubError {
  return new HubError("PlatformAnswerInvalid", `files: ${text}`, { raw: text });
}
