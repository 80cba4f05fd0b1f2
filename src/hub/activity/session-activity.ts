/**
 * Who uses a session, counted apart: what people type, what runs, what the hub's own probes do, and
 * who only looks on. In memory; what must outlive the hub is in the record. Decides nothing: what
 * follows from it is in keeper.ts.
 */
import type { Clock } from "../../base/clock.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { Evidence } from "../../probes/probe.ts";

/** What a driver says of the processes that it started for people. */
export interface Jobs {
  readonly running: number;
  /** Clients without a way to what they run, and when the first lease ends; null where none is. */
  readonly away?: { readonly channels: number; readonly endsInMs: number } | null;
  /** The one that runs longest. */
  readonly oldest: { readonly program: string; readonly startedAt: number } | null;
}

export type WantedBecause = "input" | "process" | "reconnecting" | "unknown";

/** One attached channel of a client. */
export interface Visit {
  /** Bytes that went to a terminal or to the stdin of a command. */
  typed(bytes: number): void;
  left(): void;
}

export interface ActivityView {
  readonly wanted: boolean;
  readonly because: WantedBecause | null;
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
  readonly away: { readonly clients: number; readonly endsAt: string } | null;
  readonly probe: { readonly lastAt: string | null };
  /** Attached clients; `passive` are those that have not typed anything. */
  readonly viewer: {
    readonly attached: number;
    readonly passive: number;
    readonly lastAt: string | null;
  };
}

export class SessionActivity {
  readonly #clock: Clock;
  readonly #visits = new Set<{ hasTyped: boolean }>();
  #bytes = 0;
  #typed: Moment | null = null;
  #jobs: Jobs | null = null;
  #toldAt = 0;
  #ran: Moment | null = null;
  #viewedAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A client attached. One that only observes never counts as a person, whatever it sends. */
  visited(intent: "wake" | "observe"): Visit {
    const visit = { hasTyped: false };
    this.#visits.add(visit);
    this.#viewedAt = this.#clock.now();
    return {
      typed: (bytes) => {
        if (intent === "observe" || bytes === 0) return;
        visit.hasTyped = true;
        this.#bytes += bytes;
        this.#typed = this.#moment();
      },
      left: () => {
        if (this.#visits.delete(visit)) this.#viewedAt = this.#clock.now();
      },
    };
  }

  jobsTold(jobs: Jobs): void {
    if (jobs.running > 0 || this.#isRunning) this.#ran = this.#moment();
    this.#jobs = jobs;
    this.#toldAt = this.#clock.now();
  }

  /** What a driver said before its link ended says nothing about what runs now. */
  driverLeft(): void {
    if (this.#isRunning) this.#ran = this.#moment();
    this.#jobs = null;
  }

  /** Why it is wanted now, or was at some time since `since` (monotonic ms); null when not. */
  wantedSince(since: number, record: SessionRecord): WantedBecause | null {
    if (record.state === "nudging") return "reconnecting";
    if (record.state !== "connected") return null;
    if (this.#isRunning || isAfter(this.#ran, since)) return "process";
    if (isAfter(this.#typed, since)) return "input";
    return this.#jobs === null ? "unknown" : null;
  }

  view(record: SessionRecord, autoStopMs: number | null, evidence: readonly Evidence[]) {
    const { wanted, at } = record.activity;
    const running = record.state === "connected" || record.state === "nudging";
    const probedAt = Math.max(0, ...evidence.map((item) => item.at));
    const stopsAt = wanted || !running || autoStopMs === null ? null : at + autoStopMs;
    return {
      wanted: wanted && running,
      because: wanted ? this.wantedSince(-Infinity, record) : null,
      stopsAt: iso(stopsAt),
      human: { bytes: this.#bytes, lastAt: iso(this.#typed?.at ?? null) },
      process: {
        running: this.#jobs?.running ?? null,
        oldest: oldestOf(this.#jobs),
        lastAt: iso(this.#isRunning ? this.#clock.now() : (this.#ran?.at ?? null)),
      },
      away: this.#away,
      probe: { lastAt: iso(probedAt === 0 ? null : probedAt) },
      viewer: {
        attached: this.#visits.size,
        passive: [...this.#visits].filter(({ hasTyped }) => !hasTyped).length,
        lastAt: iso(this.#visits.size > 0 ? this.#clock.now() : this.#viewedAt),
      },
    } satisfies ActivityView;
  }

  get #isRunning(): boolean {
    return (this.#jobs?.running ?? 0) > 0;
  }

  get #away(): ActivityView["away"] {
    const away = this.#jobs?.away ?? null;
    if (away === null) return null;
    const endsAt = new Date(this.#toldAt + away.endsInMs).toISOString();
    return { clients: away.channels, endsAt };
  }

  #moment(): Moment {
    return { at: this.#clock.now(), mono: this.#clock.mono() };
  }
}

/** Wall time for people, monotonic time for decisions: clocks are set. */
interface Moment {
  readonly at: number;
  readonly mono: number;
}

function isAfter(moment: Moment | null, since: number): boolean {
  return moment !== null && moment.mono >= since;
}

function oldestOf(jobs: Jobs | null): ActivityView["process"]["oldest"] {
  const oldest = jobs?.oldest ?? null;
  if (oldest === null) return null;
  return { program: oldest.program, startedAt: new Date(oldest.startedAt).toISOString() };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
