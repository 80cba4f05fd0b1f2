/** The parts of /v1/platform that tell how the hub stands to its platform. Times are ISO 8601. */
export interface PlatformBreaker {
  readonly state: "closed" | "open" | "half-open";
  /** When it opened, or closed the last time. */
  readonly since: string | null;
  readonly why: { readonly code: string; readonly text: string } | null;
  readonly nextLookAt: string | null;
  readonly openings: number;
}

/** Many sessions that failed alike: none is restarted before a control sandbox works. */
export interface PlatformAlike {
  readonly held: boolean;
  readonly since: string | null;
  readonly code: string | null;
  readonly sessions: number;
  readonly text: string | null;
}

export interface ControlStep {
  readonly name: string;
  readonly outcome: "waiting" | "running" | "ok" | "failed" | "skipped";
  readonly tookMs: number | null;
  readonly text: string;
}

export interface PlatformControl {
  /** Of the last control sandbox; null before the first. */
  readonly verdict: "platform-ok" | "platform-broken" | "unknown" | null;
  readonly text: string;
  readonly at: string | null;
  readonly ageMs: number | null;
  readonly tookMs: number | null;
  readonly failed: {
    readonly step: string;
    readonly code: string;
    readonly text: string;
    /** What the platform really said. */
    readonly raw: string | null;
  } | null;
  readonly steps: readonly ControlStep[];
  /** False when its sandbox may still be there; it is deleted in the background. */
  readonly deleted: boolean | null;
  readonly running: { readonly startedAt: string; readonly steps: readonly ControlStep[] } | null;
  readonly runsToday: number;
  readonly sandboxSeconds: number;
  readonly automaticLeftThisHour: number;
  readonly leftovers: number;
  readonly destructive: { readonly running: number; readonly waiting: number };
}

/** A sandbox of this hub's that no session's record speaks of. The hub leaves it alone. */
export interface PlatformStray {
  readonly sandboxId: string;
  readonly name: string;
  /** Name or id of the session that it was made for. */
  readonly session: string | null;
  readonly state: string;
  readonly createdAt: string | null;
  readonly why: string;
}

export interface PlatformRate {
  readonly limitPerMinute: number;
  readonly configuredPerMinute: number;
  readonly used: number;
  readonly waiting: number;
  readonly refused: number;
  readonly last429: { readonly at: string; readonly scope: string | null } | null;
  readonly heldUntil: Readonly<Record<string, string>>;
}

export interface PlatformCalls {
  readonly calls: number;
  readonly failed: number;
  readonly refused: number;
  readonly medianMs: number | null;
}

export interface PlatformGuard {
  readonly breaker: PlatformBreaker;
  readonly alike: PlatformAlike;
  readonly control: PlatformControl;
  readonly rate: PlatformRate & { readonly toolbox: PlatformRate };
  readonly calls: Readonly<Record<string, PlatformCalls>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Newest first. */
  readonly lastErrors: readonly {
    readonly at: string;
    readonly call: string;
    readonly code: string;
    readonly text: string;
  }[];
}
