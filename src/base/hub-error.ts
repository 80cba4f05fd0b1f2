/** The one error class. What it means is in the registry; what happened is in the message. */
import { faults, type FaultCode, type FaultKind } from "./faults.ts";

/** How long whoever refused asks others to stay away. */
export interface RetryAfter {
  readonly waitMs: number;
  /** Which of its limits was hit, in its own words; null when it did not say. */
  readonly scope: string | null;
}

interface HubErrorOptions {
  cause?: unknown;
  hint?: string;
  raw?: string;
  outcomeUnknown?: boolean;
  retryAfter?: RetryAfter;
}

export class HubError extends Error {
  override readonly name = "HubError";
  readonly code: FaultCode;
  /** The next step; the registry's unless the place knows better. */
  readonly hint: string;
  /** What the other side really said, shortened; for evidence. */
  readonly raw: string | undefined;
  /** True when the call may have taken effect although it failed. */
  readonly outcomeUnknown: boolean;
  /** Set where a time is named. */
  readonly retryAfter: RetryAfter | undefined;

  constructor(code: FaultCode, message: string, options: HubErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? faults[code].hint;
    this.raw = options.raw?.slice(0, RAW_CHARS_MAX);
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.retryAfter = options.retryAfter;
  }

  get kind(): FaultKind {
    return faults[this.code];
  }
}

/** What is kept of a raw answer in evidence. */
const RAW_CHARS_MAX = 2048;

/** Anything thrown, as a HubError: our own unchanged, all else a defect with its cause. */
export function toHubError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HubError("Internal", message, { cause: error });
}
