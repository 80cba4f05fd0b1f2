/**
 * What goes wrong in a world, as data: a list of moments that can be printed, kept as a file,
 * replayed and shrunk. What each kind does is in trouble.ts; which come when, in plan.ts.
 */
export const FAULT_KINDS = [
  "hub-killed",
  "hub-frozen",
  "hub-clock-jumped",
  /** The hub's disk is full: no fact can be kept. */
  "store-refuses",
  "driver-killed",
  "driver-frozen",
  /** Its event loop is so busy that everything is seconds late. */
  "driver-starved",
  /** Its socket is up, its pings come, and it answers nothing. */
  "driver-deaf",
  /** A second process with the same token: a launch that raced. */
  "driver-doubled",
  /** The sandbox goes back to a checkpoint: a driver that remembers an older epoch. */
  "driver-restored",
  /** Each driver that is launched dies soon. */
  "driver-crashes",
  "link-cut",
  "link-stalled",
  "link-lost-to-hub",
  "link-lost-to-driver",
  "link-slow",
  "sandbox-stopped",
  "sandbox-deleted",
  "sandbox-paused",
  "sandbox-copied",
  /** A copy with all that runs in it: its driver has the token and the memory of the first. */
  "sandbox-forked",
  "sandbox-flaps",
  /** The platform tells a state that nobody knows. */
  "sandbox-odd",
  "exec-broken",
  "exec-queued",
  "exec-lies",
  /** Queued, and run when nobody waits for it any more. */
  "exec-late",
  "filesystem-missing",
  "filesystem-read-only",
  "filesystem-full",
  "filesystem-hung",
  "inside-no-fork",
  "inside-no-files",
  "egress-blocked",
  "api-errors",
  "api-hangs",
  "api-down",
  "api-auth",
  "api-rate",
  "api-slow",
  /** Calls take effect, and their answers get lost. */
  "api-lost",
  /** Calls take effect, and their answers are nonsense. */
  "api-junk",
  /** Nothing works inside any sandbox: what a control sandbox is there to tell. */
  "api-hollow",
  "quota-reached",
  "create-stuck",
  "create-fails",
  "create-lost",
  "create-late",
  "create-image-broken",
  /** Inactive, and active again once that is asked for. */
  "snapshot-sleeps",
  /** Inactive, and an activation is refused. */
  "snapshot-refuses",
  /** Inactive, and an activation never ends. */
  "snapshot-never-wakes",
  "snapshot-missing",
  "list-lags",
  "list-skips",
  "list-doubles",
  "delete-ignored",
  "delete-conflict",
  "asked-pause",
  "asked-resume",
  "asked-retry",
  "asked-remove",
  "asked-create",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Which session, by birth; ignored by faults of the hub or platform. */
  readonly target: number;
  /** How long it lasts, where it ends by itself. */
  readonly forMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly sessions: number;
  /** Faults come until here; then everything that can be mended is. */
  readonly troubleMs: number;
  /** The world must have settled by then. */
  readonly untilMs: number;
  readonly createMs: number;
  readonly latencyMs: number;
  /** Of a commit, where facts are kept after they are applied; 0 or absent keeps at once. */
  readonly storeLateMs?: number;
  readonly faults: readonly Fault[];
}
