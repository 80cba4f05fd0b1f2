/**
 * The one registry of what can go wrong: code → category, retry, HTTP status, exit code, log
 * level, hint. Codes are stable: they are API values, metric labels and anchors in the docs.
 *
 * Categories keep apart whose failure it is: `startup` a sandbox never came up, `environment` a
 * sandbox or platform broke, `verification` a claim without proof, `driver`, `wire`, `task` the
 * user's own command, `caller` the request, `operator` keys and configuration, `capacity`,
 * `defect` ours.
 */
export type FaultCategory =
  | "startup"
  | "environment"
  | "verification"
  | "driver"
  | "wire"
  | "task"
  | "caller"
  | "operator"
  | "capacity"
  | "defect";

/** `on-fresh-sandbox` means that only another sandbox can help. */
export type FaultRetry = "never" | "same" | "after-backoff" | "on-fresh-sandbox";

export interface FaultKind {
  readonly category: FaultCategory;
  readonly retry: FaultRetry;
  /** HTTP status of the problem+json body. */
  readonly http: number;
  /** Exit code of the CLI. */
  readonly exit: number;
  readonly level: "info" | "warn" | "error";
  /** The next step, for a person. */
  readonly hint: string;
}

const kind = (
  category: FaultCategory,
  retry: FaultRetry,
  http: number,
  exit: number,
  level: FaultKind["level"],
  hint: string,
): FaultKind => ({ category, retry, http, exit, level, hint });

const caller = (http: number, exit: number, hint: string): FaultKind =>
  kind("caller", "never", http, exit, "info", hint);

const operator = (http: number, exit: number, hint: string): FaultKind =>
  kind("operator", "never", http, exit, "error", hint);

const broken = (category: FaultCategory, retry: FaultRetry, hint: string): FaultKind =>
  kind(category, retry, 502, 6, "warn", hint);

const task = (http: number, hint: string): FaultKind =>
  kind("task", "never", http, 1, "info", hint);

export const faults = {
  // --- caller ---
  BadRequest: caller(400, 2, "Correct the named field and send the request again."),
  Unauthenticated: caller(401, 4, "Pass the token that `holdfast token` prints."),
  LoginRefused: caller(401, 4, "Log in again."),
  Forbidden: caller(403, 4, "This token may not do that."),
  HostNotAllowed: caller(403, 4, "Use the hub's own address, or set HOLDFAST_PUBLIC_URL."),
  OriginNotAllowed: caller(403, 4, "Use the hub's own address."),
  NotFound: caller(404, 5, "See /openapi.json or `holdfast --help` for what exists."),
  SessionNotFound: caller(404, 5, "`holdfast ls` shows the sessions there are."),
  SessionEnded: caller(410, 5, "Start another with `holdfast new`."),
  SessionNameTaken: caller(409, 1, "Choose another name, or remove that session first."),
  SessionSuspended: caller(409, 6, "Wake it with `holdfast resume NAME`."),
  SessionNotConnected: caller(409, 6, "`holdfast why NAME` says what it waits for."),
  CommandKnown: caller(409, 1, "The key was used: ask for its status, or take another key."),
  OutputTooLarge: caller(413, 1, "Raise the limit, or take the output as a stream."),
  StateConflict: caller(409, 1, "Wait for the running change to end, then try again."),
  PauseUnsupported: caller(422, 1, "This class of sandbox cannot be paused; stop it instead."),
  RateLimited: caller(429, 1, "Slow down and try again."),
  VersionUnsupported: caller(426, 1, "Upgrade the older side."),
  PreviewLoop: caller(508, 1, "Name a port of the session, not one of the hub's machine."),
  WaitTimeout: caller(504, 124, "`holdfast why NAME` says how far it is; wait longer if it moves."),
  Interrupted: caller(499, 130, "`holdfast show NAME` says how it went on."),

  // --- operator ---
  ConfigInvalid: operator(
    500,
    2,
    "`holdfast config show --origin` shows where each value is from.",
  ),
  PortInUse: operator(500, 1, "Stop the other process or choose a port: --listen 127.0.0.1:PORT."),
  HomeNotWritable: operator(500, 1, "Point HOLDFAST_HOME at a directory that you may write."),
  HubRunning: operator(500, 1, "Use the running hub, or stop it with `holdfast down`."),
  LocalPlatformFailed: operator(500, 1, "`holdfast doctor` checks what it needs."),
  HubUnreachable: operator(503, 255, "Start it with `holdfast up`."),
  StoreUnreachable: operator(503, 1, "Check the store's address and that it takes connections."),
  IssuerUnavailable: operator(503, 4, "Check HOLDFAST_OIDC_ISSUER."),
  StoreCorrupt: operator(500, 1, "Nothing was changed. Restore the file or move it away."),
  BackupUnusable: operator(500, 1, "Nothing was changed. Take another backup."),
  HubBusy: kind(
    "capacity",
    "after-backoff",
    503,
    255,
    "warn",
    "Try again in a moment; what runs goes on.",
  ),
  SessionMoved: kind(
    "capacity",
    "same",
    503,
    255,
    "warn",
    "Ask again: another hub has the session now.",
  ),
  StoreRefuses: kind(
    "capacity",
    "after-backoff",
    503,
    6,
    "error",
    "Give the hub's disk room; it goes on by itself once facts can be written.",
  ),
  PlatformAuthRejected: operator(502, 4, "Check DAYTONA_API_KEY and DAYTONA_API_URL."),
  PublicUrlMissing: operator(
    500,
    2,
    "Set HOLDFAST_PUBLIC_URL to an address that sandboxes can dial.",
  ),
  DriverRuntimeMissing: operator(
    502,
    6,
    "The image has neither node (18 or newer) nor bun; use one that has.",
  ),

  // --- capacity ---
  PlatformQuota: kind(
    "capacity",
    "never",
    502,
    6,
    "warn",
    "Remove sandboxes or raise the platform's quota.",
  ),
  PlatformRateLimited: kind(
    "capacity",
    "after-backoff",
    503,
    6,
    "warn",
    "It is tried again by itself.",
  ),

  // --- startup ---
  SandboxStartFailed: broken("startup", "after-backoff", "`holdfast retry NAME` starts another."),
  SandboxStartStalled: broken("startup", "after-backoff", "`holdfast retry NAME` tries again."),
  ImageMissing: broken("startup", "never", "Name an image that the platform has."),
  SnapshotMissing: broken(
    "startup",
    "never",
    "Name a snapshot that the platform has, or set --fallback-image or HOLDFAST_FALLBACK_IMAGE.",
  ),
  SnapshotInactive: broken(
    "startup",
    "never",
    "Activate the snapshot, or set --fallback-image or HOLDFAST_FALLBACK_IMAGE.",
  ),
  ImageBuildFailed: broken(
    "startup",
    "after-backoff",
    "The platform could not build or pull the image; the evidence has the end of its log.",
  ),

  // --- environment ---
  PlatformDown: broken("environment", "after-backoff", "The platform does not answer."),
  PlatformTimeout: broken("environment", "after-backoff", "The platform answers too late."),
  PlatformAnswerInvalid: broken("environment", "after-backoff", "The platform answered nonsense."),
  SandboxGone: broken("environment", "on-fresh-sandbox", "The sandbox was deleted elsewhere."),
  SandboxStopped: broken("environment", "same", "`holdfast resume NAME` starts it again."),
  ExecBroken: broken("environment", "same", "`holdfast retry NAME` checks again."),
  ExecQueued: broken("environment", "same", "The platform takes commands and does not run them."),
  FilesystemBroken: broken("environment", "same", "`holdfast retry NAME` checks again."),
  FilesystemMountMissing: broken(
    "environment",
    "on-fresh-sandbox",
    "The sandbox's root is no longer mounted on its host; its files need a fresh sandbox.",
  ),
  FilesystemReadOnly: broken("environment", "same", "The sandbox's filesystem is read-only."),
  DiskFull: broken("environment", "same", "Free space inside the sandbox, then retry."),
  ProcessLimit: broken("environment", "same", "The sandbox can start no more processes."),
  NudgeQueued: broken("environment", "same", "The platform took the nudge and never ran it."),
  EgressBlocked: broken(
    "environment",
    "same",
    "The sandbox cannot reach the hub: allow its address in the network policy.",
  ),
  DnsFailed: broken("environment", "same", "The sandbox cannot resolve the hub's name."),
  UpgradeBlocked: broken(
    "environment",
    "same",
    "Something between sandbox and hub does not let a WebSocket through: allow it, or name " +
      "another address with HOLDFAST_PUBLIC_URL.",
  ),
  TlsRejected: broken(
    "environment",
    "same",
    "The sandbox does not trust the certificate that it is shown for the hub: give the hub the root " +
      "that signed it (HOLDFAST_CA), which its drivers then get. It is never accepted unchecked.",
  ),
  SandboxFlapping: broken("environment", "same", "It stops and starts again and again."),
  SandboxStopStalled: broken(
    "environment",
    "same",
    "The platform does not end a stop: the sandbox may still cost money. Delete it there.",
  ),
  SandboxUnlisted: broken(
    "environment",
    "same",
    "The platform's listing lacks a sandbox; what it counts and bills by that list is wrong.",
  ),
  ToolboxRefused: broken(
    "environment",
    "same",
    "The API takes the key and the way into the sandbox does not: check the rights of the key, " +
      "or the platform's proxy has lost the sandbox.",
  ),
  ClaimContradicted: broken(
    "environment",
    "never",
    "The platform's word on the sandbox is wrong: what was seen counts. `holdfast why NAME` has it.",
  ),
  PlatformStateUnknown: broken(
    "environment",
    "never",
    "The platform uses a word for the sandbox that this version does not know: upgrade the hub.",
  ),
  PlatformClockWrong: broken(
    "environment",
    "never",
    "No time of the platform is trusted; set its clock, or the hub's, whichever is wrong.",
  ),
  DeletePending: broken(
    "environment",
    "same",
    "The platform still has what was deleted; it is asked again until that is gone.",
  ),
  PlatformBroken: broken(
    "environment",
    "after-backoff",
    "A fresh control sandbox fails in the same way: the platform is broken, not this session.",
  ),

  // --- verification ---
  ResumeBroken: broken(
    "verification",
    "on-fresh-sandbox",
    "`holdfast retry NAME` checks again; if it stays, only a fresh sandbox helps: `holdfast new`.",
  ),

  // --- driver ---
  DriverAbsent: broken("driver", "same", "`holdfast retry NAME` launches the driver again."),
  DriverDeaf: broken("driver", "same", "Its socket is up and it answers nothing."),
  DriverStarved: broken("driver", "same", "Its event loop is busy; end what keeps the CPU."),
  DriverCrashLoop: broken("driver", "same", "The evidence has the driver's last words."),
  CloneSuspected: broken(
    "driver",
    "same",
    "Two drivers claim this session, or one lives in a copy of its sandbox; end it.",
  ),
  RolledBack: broken("driver", "same", "The sandbox came back with an older state than was seen."),
  DriverLaunchFailed: broken("driver", "same", "The evidence has what the launch printed."),
  DriverFenced: broken("driver", "never", "A newer driver holds the session."),

  // --- wire, task, defect ---
  ProtocolBroken: {
    ...broken("wire", "same", "Both sides must speak the same version."),
    http: 400,
  },
  LinkLost: {
    ...broken("wire", "same", "The connection broke; run the command again."),
    exit: 255,
  },
  DriverRestarted: {
    ...broken(
      "driver",
      "same",
      "The driver was started anew; what ran in it is gone. Run the command again.",
    ),
    exit: 255,
  },
  LeaseExpired: {
    ...broken("wire", "same", "Nobody came back for it in time; start it again."),
    exit: 255,
  },
  CommandNotFound: {
    ...broken("task", "never", "Check the name and PATH in the sandbox."),
    exit: 127,
  },
  CommandRefused: { ...broken("task", "never", "The sandbox refuses to run it."), exit: 126 },

  // --- task: files and ports ---
  FileMissing: task(
    404,
    "Check the path, or make its directory: `holdfast exec NAME -- mkdir -p DIRECTORY`.",
  ),
  FileExists: task(409, "Choose another name, or remove what is there."),
  FileKindWrong: task(409, "Files and directories are copied; nothing else is."),
  FileRefused: task(403, "Choose a place where that may be read or written."),
  FileNoSpace: task(507, "Free space there, then run it again."),
  FileChanged: { ...task(409, "Run it again when nobody writes to it."), retry: "same" },
  FileCorrupt: { ...task(502, "Nothing was put in place. Run it again."), retry: "same" },
  FileBroken: task(502, "The disk gave an error; the message has it."),
  PortRefused: task(502, "Start what should listen there, or name another port."),
  PortUnreachable: task(502, "Check the host as it is seen from inside the sandbox."),
  PortTimeout: { ...task(504, "Check the host as it is seen from inside."), retry: "same" },
  PortReset: { ...task(502, "What listens there cut the connection."), retry: "same" },
  PortTaken: task(409, "Choose another port, or end what listens there."),
  Internal: kind(
    "defect",
    "after-backoff",
    500,
    1,
    "error",
    "This is a defect of Holdfast; the hub's log has the details.",
  ),
} as const satisfies Record<string, FaultKind>;

export type FaultCode = keyof typeof faults;

/** Whether this version knows the code; another one may have sent it. */
export function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === "string" && Object.hasOwn(faults, code);
}
