/**
 * Every fault that this platform can be told to make, once: what it looks like from outside, where
 * it bites, and whether it is real breakage or a lie of the API. Owns no switch that is on, and
 * carries nothing out.
 */
import type { Refusal } from "../outcome.ts";

/** What an HTTP request gets instead of its own answer. */
export type Answer =
  /** `retryAfter` adds Daytona's header, whose name ends with the scope of the limit. */
  | { kind: "status"; status: number; message: string; retryAfter?: true }
  /** A status and nothing else, as the real proxy answers for a daemon that is not there. */
  | { kind: "bare"; status: number }
  | { kind: "file-missing" }
  | { kind: "hang" }
  | { kind: "slow" }
  /** Carried out, and the answer thrown away. */
  | { kind: "drop" }
  | { kind: "junk" }
  /** An exec that says 0 and ran nothing. */
  | { kind: "pretend" }
  /** An exec that runs late, also when its caller has gone. */
  | { kind: "late" };

export type Area = "api" | "toolbox" | "exec" | "files";
export type Step = "create" | "start" | "stop" | "pause" | "delete" | "activate";

export type HostAct =
  | "unmount-root"
  | "remount-home"
  | "fill-home"
  | "cut-services"
  | "freeze"
  | "kill-first"
  | "stop-sandbox"
  | "delete-sandbox"
  | "kill-daemon"
  | "stop-daemon"
  | "kill-driver"
  | "stop-driver"
  | "limit-processes"
  | "rotate-token"
  | "run-out-idle";

export type Bite =
  | { kind: "request"; area: Area; verbs?: readonly string[]; answer: Answer }
  | { kind: "refuse"; step: Step; refusal: Refusal }
  /** Enters its state and stays there until the switch is off or `delayMs` has passed. */
  | { kind: "stuck"; step: Step }
  | { kind: "fail"; step: Step; state: "error" | "build_failed"; reason: string }
  /** Answers well and does nothing. */
  | { kind: "ignore"; step: Step }
  | { kind: "claim"; lie: "stale" | "flap" | "word" }
  /** Times in a claim are of a clock that is this much ahead. */
  | { kind: "clock" }
  /** A WebSocket of the toolbox ends early; `some` is another number of bytes each time. */
  | {
      kind: "socket";
      stream: "terminal" | "log";
      afterBytes: number | "some";
      close: { code: number; reason: string } | null;
    }
  | { kind: "listing"; lie: "lag" | "empty" }
  | { kind: "host"; act: HostAct };

export interface FaultSpec {
  about: string;
  bite: Bite;
  /** Where the switch uses it and the caller gives none. */
  delayMs?: number;
}

const api = (answer: Answer, ...verbs: readonly string[]): Bite =>
  verbs.length === 0
    ? { kind: "request", area: "api", answer }
    : { kind: "request", area: "api", verbs, answer };
const inside = (area: Area, answer: Answer): Bite => ({ kind: "request", area, answer });
const host = (act: HostAct): Bite => ({ kind: "host", act });
const status = (code: number, message: string): Answer => ({
  kind: "status",
  status: code,
  message,
});
const refuse = (step: Step, code: number, message: string): Bite => ({
  kind: "refuse",
  step,
  refusal: { status: code, message },
});

const quotaText = "Total CPU limit exceeded. Maximum allowed: 10.";
const throttled = "ThrottlerException: Too Many Requests";
const inProgress = "Sandbox state change in progress";

export const catalogue = {
  "api-500": { about: "the API answers 500", bite: api(status(500, "Internal server error")) },
  "api-502": { about: "the API answers a bare 502", bite: api({ kind: "bare", status: 502 }) },
  "api-503": { about: "the API answers 503", bite: api(status(503, "Service Unavailable")) },
  "api-401": { about: "the API takes no key", bite: api(status(401, "Invalid credentials")) },
  "api-429": {
    about: "the API answers 429 and says in its header when to come back",
    bite: api({ kind: "status", status: 429, message: throttled, retryAfter: true }),
    delayMs: 2_000,
  },
  "api-429-bare": { about: "the API answers 429 alone", bite: api(status(429, throttled)) },
  "api-hang": { about: "the API takes the call and never answers", bite: api({ kind: "hang" }) },
  "api-slow": {
    about: "the API takes its time",
    bite: api({ kind: "slow" }),
    delayMs: 3_000,
  },
  "api-drop-answer": {
    about: "changes are carried out and their answers are lost",
    bite: api({ kind: "drop" }, "create", "start", "stop", "pause", "recover", "delete"),
  },
  "api-junk": { about: "the API answers 200 with junk", bite: api({ kind: "junk" }) },

  "create-stuck": {
    about: "a create stays in creating; its delete is 409 as long",
    bite: { kind: "stuck", step: "create" },
  },
  "create-late": {
    about: "a create answers at once and is started late",
    bite: { kind: "stuck", step: "create" },
    delayMs: 5_000,
  },
  "create-error": {
    about: "a create ends in error with a reason",
    bite: {
      kind: "fail",
      step: "create",
      state: "error",
      reason: "timeout of 1200000ms exceeded",
    },
  },
  "create-build-failed": {
    about: "a create builds an image and the build fails",
    bite: {
      kind: "fail",
      step: "create",
      state: "build_failed",
      reason: "failed to export image: context deadline exceeded",
    },
    delayMs: 300,
  },
  "snapshot-inactive": {
    about: "a create is refused: its snapshot is inactive",
    bite: refuse("create", 400, "Snapshot {snapshot} is inactive"),
  },
  "snapshot-missing": {
    about: "a create is refused: its snapshot does not exist",
    bite: refuse(
      "create",
      400,
      "Snapshot {snapshot} not found. Did you add it through the Daytona Dashboard?",
    ),
  },
  "quota-exceeded": {
    about: "a create is refused: the organisation's quota is used up",
    bite: refuse("create", 400, quotaText),
  },
  "activate-slow": {
    about: "the activation of a snapshot takes its time",
    bite: { kind: "stuck", step: "activate" },
    delayMs: 5_000,
  },
  "activate-refused": {
    about: "a snapshot may not be activated with this key",
    bite: refuse("activate", 403, "Forbidden resource"),
  },

  "start-stuck": {
    about: "a start stays in starting or resuming",
    bite: { kind: "stuck", step: "start" },
  },
  "start-error": {
    about: "a start ends in error",
    bite: { kind: "fail", step: "start", state: "error", reason: "no available runners" },
  },
  "stop-stuck": { about: "a stop stays in stopping", bite: { kind: "stuck", step: "stop" } },
  "pause-refused": {
    about: "a pause is refused",
    bite: refuse("pause", 422, "Pausing is not supported for this sandbox"),
  },
  "pause-error": {
    about: "a pause ends in error",
    bite: { kind: "fail", step: "pause", state: "error", reason: "failed to checkpoint" },
  },
  "delete-409": {
    about: "a delete is refused: a change is in progress",
    bite: refuse("delete", 409, inProgress),
  },
  "delete-ignored": {
    about: "a delete answers well and the sandbox stays",
    bite: { kind: "ignore", step: "delete" },
  },
  "delete-stuck": {
    about: "a delete stays in destroying",
    bite: { kind: "stuck", step: "delete" },
  },

  "claim-stale": {
    about: "the claim stays as it was when the switch went on",
    bite: { kind: "claim", lie: "stale" },
  },
  "claim-flapping": {
    about: "the claim says started and stopped in turn",
    bite: { kind: "claim", lie: "flap" },
    delayMs: 2_000,
  },
  "claim-unknown": {
    about: "the claim is a word that nobody knows",
    bite: { kind: "claim", lie: "word" },
  },
  "clock-skew": {
    about: "times in a claim are of a clock that is wrong",
    bite: { kind: "clock" },
    delayMs: 3_600_000,
  },
  "list-lags": {
    about: "listings leave out young sandboxes",
    bite: { kind: "listing", lie: "lag" },
    delayMs: 30_000,
  },
  "list-empty": { about: "listings are empty", bite: { kind: "listing", lie: "empty" } },

  "exec-500": {
    about: "exec answers 500",
    bite: inside("exec", status(500, "Internal Server Error")),
  },
  "exec-hang": { about: "exec is queued for ever", bite: inside("exec", { kind: "hang" }) },
  "exec-pretends": {
    about: "exec answers 0 and runs nothing",
    bite: inside("exec", { kind: "pretend" }),
  },
  "exec-late": {
    about: "exec runs late, also when its caller has gone",
    bite: inside("exec", { kind: "late" }),
    delayMs: 8_000,
  },
  "files-missing": {
    about: "files answer 404, cow-merged: no such file or directory",
    bite: inside("files", { kind: "file-missing" }),
  },
  "files-hang": { about: "files never answer", bite: inside("files", { kind: "hang" }) },
  "toolbox-502": {
    about: "the toolbox is a bare 502",
    bite: inside("toolbox", { kind: "bare", status: 502 }),
  },
  "toolbox-401": {
    about: "the toolbox takes no key",
    bite: inside("toolbox", status(401, "unauthorized")),
  },
  "toolbox-moved": {
    about: "the proxy still asks the runner that the sandbox has left: 404",
    bite: inside("toolbox", status(404, "sandbox container not found")),
  },
  "pty-1008": {
    about: "a terminal of the toolbox is dropped as a slow consumer: 1008",
    bite: {
      kind: "socket",
      stream: "terminal",
      afterBytes: 4096,
      close: { code: 1008, reason: "slow consumer" },
    },
  },
  "log-cut": {
    about: "a log stream ends early, each time after another part of the log",
    bite: { kind: "socket", stream: "log", afterBytes: "some", close: null },
  },
  "toolbox-hang": { about: "the toolbox never answers", bite: inside("toolbox", { kind: "hang" }) },

  "root-unmounted": {
    about: "cow-merged is unmounted: files 404, exec 500, what runs goes on",
    bite: host("unmount-root"),
  },
  "home-readonly": { about: "the home is mounted read-only", bite: host("remount-home") },
  "disk-full": { about: "the home is a full disk", bite: host("fill-home") },
  "hub-unreachable": {
    about: "nothing inside finds the way to the hub; links that are up stay",
    bite: host("cut-services"),
  },
  frozen: { about: "every process is frozen; the claim stays started", bite: host("freeze") },
  killed: {
    about: "the first process is killed, and all others with it",
    bite: host("kill-first"),
  },
  stopped: { about: "somebody stops the sandbox", bite: host("stop-sandbox") },
  "auto-stopped": {
    about: "the platform counts no use and stops the sandbox as idle",
    bite: host("run-out-idle"),
  },
  "preview-token-rotated": {
    about: "the preview token is exchanged; the old one is sent to the login",
    bite: host("rotate-token"),
  },
  deleted: { about: "somebody deletes the sandbox", bite: host("delete-sandbox") },
  "toolbox-killed": { about: "the toolbox daemon is killed", bite: host("kill-daemon") },
  "toolbox-stopped": { about: "the toolbox daemon is stopped", bite: host("stop-daemon") },
  "driver-killed": { about: "the driver is killed", bite: host("kill-driver") },
  "driver-stopped": {
    about: "the driver is stopped: its socket stays open",
    bite: host("stop-driver"),
  },
  "process-limit": {
    about: "no process inside can start another",
    bite: host("limit-processes"),
  },
} as const satisfies Record<string, FaultSpec>;

export type FaultName = keyof typeof catalogue;

export const faultNames = Object.keys(catalogue) as readonly FaultName[];

export function isFaultName(text: unknown): text is FaultName {
  return typeof text === "string" && Object.hasOwn(catalogue, text);
}

export function specOf(fault: FaultName): FaultSpec {
  return catalogue[fault];
}

/** Real breakage: the kernel makes it, and only for one sandbox at a time. */
export function isReal(fault: FaultName): boolean {
  return specOf(fault).bite.kind === "host";
}
