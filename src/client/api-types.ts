/** The JSON of the hub's HTTP API, as the hub sends it. Times are ISO 8601 in UTC. */
import type { PlatformGuard, PlatformStray } from "./platform-types.ts";

export type SessionState =
  "creating" | "resuming" | "nudging" | "connected" | "error" | "suspended" | "ended";

/** States in which a session rests: nothing more happens until someone asks. */
export const restingStates: readonly SessionState[] = ["connected", "error", "suspended", "ended"];

export interface Session {
  readonly id: string;
  readonly name: string;
  readonly state: SessionState;
  /** Nested state, for example `creating.bootstrapping`. */
  readonly detail: string | null;
  readonly desired: string;
  readonly platform: string;
  readonly sandboxId: string | null;
  /** What the sandbox was started from; null until one was asked for, absent from older hubs. */
  readonly source?: StartSource | null;
  /** Incarnation of the driver; grows by one with every proven attach. */
  readonly epoch: number;
  /** Grows by one with each start, resume, retry, heal, pause and removal. */
  readonly attempt?: number;
  /** As they were given with it; absent from older hubs. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Replaced sandboxes that are kept for what may be unsaved in them. */
  readonly quarantine?: readonly KeptSandbox[];
  readonly createdAt: string;
  readonly updatedAt: string;
  /** When the running attempt ends at the latest; null while nothing runs. */
  readonly deadlineAt: string | null;
  readonly lastError: SessionError | null;
  /** Absent from hubs that do not count yet. */
  readonly cost?: SessionCost;
  /** Which of several hubs has it; null while none has, absent from a hub without others. */
  readonly hub?: string | null;
  /**
   * Why a list has this from the store, as of `updatedAt`, and not from its hub: whatever the state
   * says, nothing of it is proven now.
   */
  readonly stale?: string;
  /** In a list that was asked for with health. */
  readonly health?: HealthBrief;
}

export interface StartSource {
  readonly kind: "default" | "image" | "snapshot" | "image-fallback";
  readonly name: string | null;
  readonly because: string | null;
  /** One sentence when it is not what was asked for. */
  readonly warning: string | null;
}

/** What sandboxes have cost so far. Seconds add up over sandboxes that lived at the same time. */
export interface SessionCost {
  readonly sandboxSeconds: SandboxSeconds;
  /** Sandboxes that were given up and are known to be gone. */
  readonly cleaned: number;
}

export interface SandboxSeconds {
  /** In use: a session had it and was not suspended. */
  readonly owned: number;
  readonly suspended: number;
  /** Given up, and not yet known to be gone. */
  readonly orphaned: number;
  /** Replaced, and kept for a while because it may hold unsaved work. */
  readonly quarantined: number;
}

/** The same for all sessions that the hub ever had, and for sandboxes without a session. */
export interface HubCost {
  readonly sandboxSeconds: SandboxSeconds & { readonly control: number };
  readonly cleaned: number;
  /** Sandboxes at this moment. */
  readonly now: {
    readonly owned: number;
    readonly suspended: number;
    readonly orphaned: number;
    readonly quarantined: number;
    readonly control: number;
  };
}

export interface KeptSandbox {
  readonly sandboxName: string;
  readonly sandboxId: string | null;
  /** When it is deleted. */
  readonly until: string;
  /** Why it was replaced. */
  readonly why: string;
}

/** What a retry would do, rung by rung, if all stays as it was last seen. */
export interface LadderPlan {
  readonly session: string;
  readonly name: string;
  readonly state: SessionState;
  readonly detail: string;
  /** Of the session's error. */
  readonly code: string | null;
  readonly steps: readonly PlannedRung[];
}

export interface PlannedRung {
  readonly rung: "recheck" | "nudge" | "relaunch" | "restart" | "replace";
  /** It ends what runs in the sandbox, or leaves its files behind. */
  readonly destructive: boolean;
  /** `skip`: it is of no use here. `refuse`: it may not be done. */
  readonly would: "do" | "skip" | "refuse";
  readonly why: string;
  readonly budgetLeft: number;
  readonly deadlineMs: number;
}

export interface SessionError {
  readonly code: string;
  /** How it failed, where the code only says that it did. */
  readonly diagnosis?: string;
  readonly category: string;
  readonly message: string;
  readonly hint: string;
  readonly phase: string;
  readonly rung: string | null;
  readonly retryable: boolean;
  readonly at: string;
  readonly evidence: readonly EvidenceLine[];
}

export interface EvidenceLine {
  readonly what: string;
  readonly ok: boolean | null;
  readonly at: string;
  readonly detail: string;
}

export interface SessionPage {
  readonly items: readonly Session[];
  readonly nextCursor: string | null;
  /** The newest event that this list already shows; `after` for an event stream that goes on. */
  readonly eventSeq: number;
}

/** One probe's last answer. `ok` is null before the first one. */
export interface ProbeFact {
  readonly ok: boolean | null;
  readonly at: string | null;
  readonly ageMs: number | null;
  readonly latencyMs: number | null;
  /** The way the probe went: the platform's API, the driver inside, or the driver's link itself. */
  readonly path: "platform" | "driver" | "link" | null;
  readonly detail: string | null;
}

/** What people use a session for, over each path that leads to it. */
export interface Capability {
  /** True when every path that was looked at works, false when one does not, null when unknown. */
  readonly ok: boolean | null;
  readonly text: string;
  readonly paths: readonly ProbeFact[];
}

/** What tells a session from others in a list. */
export interface HealthBrief {
  readonly status: "pass" | "warn" | "fail";
  readonly claim: {
    readonly platform: string;
    readonly state: string | null;
    readonly at: string | null;
    readonly ageMs: number | null;
  };
  readonly evidence: {
    readonly driver: ProbeFact;
    readonly exec: ProbeFact;
    readonly filesystem: ProbeFact;
  };
  readonly verdict: { readonly code: string; readonly text: string };
  /** One sentence when the claim and the evidence contradict each other. */
  readonly disagreement: string | null;
}

export interface Health extends HealthBrief {
  readonly session: string;
  readonly state: string;
  readonly epoch: number;
  /** Absent from a hub that is older than this client. */
  readonly capabilities?: {
    readonly link: Capability;
    readonly exec: Capability;
    readonly filesystem: Capability;
    readonly terminal: Capability;
  };
  readonly source?: StartSource | null;
  /** The driver's own word on itself: a claim, like the platform's. */
  readonly driverSays?: {
    readonly text: string;
    readonly at: string;
    readonly ageMs: number;
  } | null;
  /** The version of the driver inside; absent from a hub that is older than this client. */
  readonly driver?: {
    readonly version: string | null;
    /** What the hub would launch. */
    readonly newest: string | null;
    /** While that is newer: what the update waits for, or why none comes. */
    readonly update: string | null;
  };
  /** What breaks nothing now and should be looked at: a twin, a rollback, a starved driver. */
  readonly warnings?: readonly {
    readonly code: string;
    readonly text: string;
    readonly at: string;
    readonly ageMs: number;
  }[];
  /** One sentence while a fault is switched on at the platform on purpose. */
  readonly drill?: string | null;
  /** What is wrong with the platform as a whole: then it is not about this session alone. */
  readonly platform?: string | null;
  readonly ladder: {
    readonly rung: string | null;
    readonly attempts: number;
    readonly deadlineAt: string | null;
    /** When the rung that is being climbed ends. */
    readonly rungDeadlineAt?: string | null;
    /** Steps of each kind that the attempt has used up: `rechecks`, `nudges`, `relaunches`… */
    readonly used?: Readonly<Record<string, number>>;
    readonly quarantined?: readonly KeptSandbox[];
  };
  readonly lastError: SessionError | null;
  /** Absent from a hub that is older than this client. */
  readonly activity?: Activity;
}

/** Who uses a session, counted apart. */
export interface Activity {
  /** Somebody types, a process runs or the driver reconnects: the sandbox is kept awake. */
  readonly wanted: boolean;
  readonly because: "input" | "process" | "reconnecting" | "unknown" | null;
  /** When the platform stops the sandbox if nobody comes; null while it is kept awake. */
  readonly stopsAt: string | null;
  readonly human: { readonly bytes: number; readonly lastAt: string | null };
  /** `running` is null until the driver has told it. */
  readonly process: {
    readonly running: number | null;
    readonly oldest: { readonly program: string; readonly startedAt: string } | null;
    readonly lastAt: string | null;
  };
  /** Clients that lost their link while something of theirs runs: it is theirs until `endsAt`. */
  readonly away?: { readonly clients: number; readonly endsAt: string } | null;
  readonly probe: { readonly lastAt: string | null };
  /** Attached clients; `passive` are those that have not typed anything. */
  readonly viewer: {
    readonly attached: number;
    readonly passive: number;
    readonly lastAt: string | null;
  };
}

export interface HubEvent {
  /** Grows by one per event of this hub; what `after` and Last-Event-ID take. */
  readonly seq: number;
  readonly at: string;
  /** Session id, or null for what concerns the hub. */
  readonly session: string | null;
  readonly name: string | null;
  readonly kind: string;
  readonly state: string | null;
  readonly detail: string | null;
  /** A ready sentence. */
  readonly text: string;
  readonly data: unknown;
}

export interface TimelinePage {
  /** In the order in which they happened. */
  readonly items: readonly HubEvent[];
  /** `cursor` of the page before it in time; null at the beginning. */
  readonly nextCursor: string | null;
}

/** An older hub sends no guard. */
export interface PlatformReport extends Partial<PlatformGuard> {
  readonly platform: string;
  readonly apiUrl: string | null;
  readonly reachable: boolean | null;
  readonly tier: string | null;
  readonly root: string | null;
  readonly pause: string | null;
  readonly auth: "ok" | "rejected" | "unknown";
  readonly checkedAt: string | null;
  readonly ageMs?: number | null;
  readonly detail: string | null;
  readonly cost?: HubCost;
  /** With the hub's label and unknown to its store; absent from older hubs. */
  readonly strays?: readonly PlatformStray[];
}

/** The hubs that serve these sessions. */
export interface HubList {
  /** The cluster's id; absent for a hub of its own. */
  readonly cluster?: string;
  readonly items: readonly HubInfo[];
}

/** One of them. What only a hub itself knows is absent from the entries of the others. */
export interface HubInfo {
  readonly id: string;
  /** It is the one that answers. */
  readonly self: boolean;
  readonly version: string;
  readonly startedAt: string;
  readonly ready?: boolean;
  readonly sessions?: number;
  readonly drivers?: number;
  readonly clients?: number;
  /** This and what follows is there only where hubs share their sessions. */
  readonly name?: string;
  readonly state?: "live" | "draining" | "dead" | "gone";
  /** Where the other hubs reach it, `host:port`. */
  readonly advertise?: string;
  /** What is left of its lease; at 0 it may not act. */
  readonly leaseMs?: number;
  /** How it gives its sessions back; null while it serves. */
  readonly drain?: HubDrain | null;
}

export interface HubDrain {
  /** Balancers are told; sessions are given back; it has none. */
  readonly step: "announced" | "moving" | "done";
  readonly startedAt: string;
  /** What it had when it was asked to. */
  readonly sessions: number;
}

export interface NewSession {
  readonly name?: string;
  readonly image?: string;
  readonly snapshot?: string;
  /** Image to start from when the snapshot is inactive or missing. */
  readonly fallbackImage?: string;
  /** More tries of a start that failed, by class of failure. */
  readonly retry?: Readonly<Record<string, number>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A port of a session on which somebody listens. */
export interface ListeningPort {
  readonly port: number;
  /** Of its preview, without a pass. */
  readonly address: string;
}

/** The way of a browser to a port of a session. */
export interface PreviewLink {
  readonly session: string;
  readonly port: number;
  /** Opens for whoever has followed a link to it, or carries the admin's token. */
  readonly address: string;
  /** The address with a pass in it: whoever has it may look until it expires. */
  readonly url: string;
  readonly expiresAt: string;
}

/** Preview links that were taken back. */
export interface LinksRevoked {
  readonly session: string;
  /** Null for all ports. */
  readonly port: number | null;
}
