/** Work that the session could not carry. Apart from work.ts, which only its first call loads. */
import { HubError } from "../base/hub-error.ts";
import type { WorkAttempt } from "./work.ts";

/** The session could not carry it; each try is told with its reason. */
export class WorkError extends HubError {
  readonly attempts: readonly WorkAttempt[];

  constructor(fault: HubError, attempts: readonly WorkAttempt[]) {
    super(fault.code, fault.message, { hint: fault.hint });
    this.attempts = attempts;
  }
}
