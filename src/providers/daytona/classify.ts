/**
 * The one door from what Daytona says to what the hub understands: 23 states to claims, error
 * classes, status codes and message texts to faults. Order matters: status first, then text,
 * because a failed start and an inactive snapshot both come as 400, like a user's mistake.
 */
import type { FaultCode } from "../../base/faults.ts";
import { HubError } from "../../base/hub-error.ts";
import type { ClaimState } from "../provider.ts";
import { readRetryAfter } from "./retry-after.ts";

/** What a failed call looked like, whether the SDK or plain HTTP made it. */
export interface PlatformFailure {
  /** What the hub was doing, for the sentence: "create sandbox", "exec". */
  readonly call: string;
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  /** True when our own deadline or the client's ended the wait. */
  readonly timedOut: boolean;
  /** The platform's text, or the transport's. */
  readonly message: string;
  /** GETs and DELETEs can be repeated; anything else without an answer may have taken effect. */
  readonly idempotent: boolean;
  /** Set for calls of a sandbox's toolbox, by what they are about. */
  readonly toolbox?: "exec" | "files";
  /** Set for calls about a snapshot: their 404 is about no sandbox, their 403 not about the key. */
  readonly snapshot?: "read" | "activate";
  /** Of the answer, as the SDK or fetch gave them. */
  readonly headers?: unknown;
  readonly cause?: unknown;
}

const STATES: Readonly<Record<string, ClaimState>> = {
  creating: "creating",
  pending_build: "creating",
  building_snapshot: "creating",
  pulling_snapshot: "creating",
  restoring: "starting",
  starting: "starting",
  resuming: "starting",
  resizing: "starting",
  snapshotting: "starting",
  forking: "starting",
  started: "started",
  pausing: "pausing",
  paused: "paused",
  stopping: "stopping",
  archiving: "stopping",
  stopped: "stopped",
  archived: "archived",
  error: "error",
  build_failed: "error",
  destroying: "destroying",
  destroyed: "destroying",
};

/** A state this table does not know is `unknown`, never something that counts as good. */
export function claimState(platformState: string): ClaimState {
  return Object.hasOwn(STATES, platformState) ? (STATES[platformState] ?? "unknown") : "unknown";
}

const anyOf = (...texts: readonly RegExp[]): RegExp =>
  new RegExp(texts.map(({ source }) => source).join("|"), "i");

/** What is used up until somebody frees or raises it. The word alone may be part of a name. */
const QUOTA = anyOf(
  /quota exceeded|exceeds? .*quota|maximum allowed/,
  /(?<!rate )limit exceeded|no available runners/,
  /depleted credits|is suspended/,
);
const RATE = /rate limit|too many requests|throttl/i;
const BUILD = anyOf(
  /build_failed|build failed|failed to (?:build|pull|push|export)/,
  /error (?:building|pulling)|(?:building|pulling) (?:image|snapshot)|exporting to image/,
);

/** Texts of 400 answers, in the order in which they are tried. */
const TEXTS: readonly (readonly [RegExp, FaultCode])[] = [
  [/snapshot .* is inactive/i, "SnapshotInactive"],
  [/snapshot .* not found|no snapshot/i, "SnapshotMissing"],
  [/image .* not found|manifest unknown|pull access denied/i, "ImageMissing"],
  [RATE, "PlatformRateLimited"],
  [QUOTA, "PlatformQuota"],
  [BUILD, "ImageBuildFailed"],
  [/failed to start|errored state/i, "SandboxStartFailed"],
  [/is the sandbox started|not started|not in a .*state|no ip address found/i, "SandboxStopped"],
];

/**
 * What a sandbox in an error state died of. A build that failed needs another image or another try
 * of the build, a full account needs room: neither is mended as a sandbox that did not come up.
 */
export function startFailure(platformState: string, reason: string | null): FaultCode {
  if (platformState === "build_failed") return "ImageBuildFailed";
  const text = TEXTS.find(([pattern]) => pattern.test(reason ?? ""))?.[1];
  const told: readonly FaultCode[] = ["ImageMissing", "ImageBuildFailed", "PlatformQuota"];
  return text !== undefined && told.includes(text) ? text : "SandboxStartFailed";
}

export function classify(failure: PlatformFailure): HubError {
  const { status } = failure;
  const said = `${failure.call}: ${sentence(failure)}`;
  const retryAfter = readRetryAfter(failure.headers);
  const options = {
    raw: failure.message,
    ...(retryAfter === null ? {} : { retryAfter }),
    outcomeUnknown: !failure.idempotent && (status === null || status >= 500),
    ...(failure.cause === undefined ? {} : { cause: failure.cause }),
  };
  if (status === null) {
    const died = /failed to start with status: (\w+)(?:, error reason: (.*))?/s.exec(
      failure.message,
    );
    if (died !== null) {
      const code = startFailure(died[1] ?? "error", died[2] ?? null);
      return new HubError(code, said, { ...options, outcomeUnknown: false });
    }
    return new HubError(failure.timedOut ? "PlatformTimeout" : "PlatformDown", said, options);
  }
  const code = codeOf(status, failure.message);
  if (failure.toolbox !== undefined)
    return new HubError(inside(failure.toolbox, code), said, options);
  if (failure.snapshot === undefined) return new HubError(code, said, options);
  return new HubError(ofSnapshot(failure.snapshot, status, code), said, options);
}

/**
 * Activating needs a right of its own, and is refused for a while after a deactivation: that says
 * nothing about the key, and leaves the snapshot as inactive as it was.
 */
function ofSnapshot(call: "read" | "activate", status: number, code: FaultCode): FaultCode {
  if (status === 404) return "SnapshotMissing";
  if (call === "read") return code;
  return [400, 403, 409, 422].includes(status) ? "SnapshotInactive" : code;
}

/**
 * What a toolbox says is about the way into a sandbox. It answers 401 and 404 also for a sandbox
 * that moved or is just starting, and 502 when its daemon is dead: whether the sandbox is there,
 * and whether the key is good, only the API says. A way that refuses the key is broken like any
 * other, and has a name of its own: whoever looks into it begins with the key's rights.
 */
function inside(toolbox: "exec" | "files", code: FaultCode): FaultCode {
  const door: readonly FaultCode[] = [
    "PlatformAuthRejected",
    "PlatformQuota",
    "SandboxGone",
    "PlatformDown",
    "StateConflict",
    "PlatformAnswerInvalid",
  ];
  if (!door.includes(code)) return code;
  if (code === "PlatformAuthRejected") return "ToolboxRefused";
  return toolbox === "exec" ? "ExecBroken" : "FilesystemBroken";
}

function codeOf(status: number, message: string): FaultCode {
  // A key that is good may still be refused for want of room; the text says which.
  const full = QUOTA.test(message);
  if (status === 401) return "PlatformAuthRejected";
  if (status === 402) return "PlatformQuota";
  if (status === 403) return full ? "PlatformQuota" : "PlatformAuthRejected";
  if (status === 409) return full ? "PlatformQuota" : "StateConflict";
  if (status === 429) return full && !RATE.test(message) ? "PlatformQuota" : "PlatformRateLimited";
  if (status === 422) return "PauseUnsupported";
  if (status === 408 || status === 504) return "PlatformTimeout";
  const text = TEXTS.find(([pattern]) => pattern.test(message));
  if (text !== undefined) return text[1];
  if (status === 404) return "SandboxGone";
  if (status >= 500) return "PlatformDown";
  return "PlatformAnswerInvalid";
}

function sentence(failure: PlatformFailure): string {
  const text = failure.message.trim().slice(0, 400);
  if (failure.status === null) {
    return failure.timedOut ? `no answer in time${text ? ` (${text})` : ""}` : text || "no answer";
  }
  return `the platform answered ${failure.status}${text ? ` (${text})` : " with an empty body"}`;
}

/** What the SDK throws, read without importing its classes (the SDK is loaded lazily). */
export function sdkFailure(call: string, error: unknown, idempotent: boolean): PlatformFailure {
  const shape = (typeof error === "object" && error !== null ? error : {}) as {
    name?: unknown;
    message?: unknown;
    statusCode?: unknown;
    headers?: unknown;
  };
  const name = typeof shape.name === "string" ? shape.name : "";
  return {
    call,
    status: typeof shape.statusCode === "number" ? shape.statusCode : null,
    timedOut: name.includes("Timeout"),
    message: typeof shape.message === "string" ? shape.message : String(error),
    idempotent,
    headers: shape.headers,
    cause: error,
  };
}
