/**
 * Many sessions that fail alike within a minute are one event of the platform, not many broken
 * sandboxes. Then no session climbs above a nudge before a control sandbox says that the platform
 * works: restarting them all would only add to it. Owns that decision and the pace of asking again.
 */
import type { Clock } from "../../base/clock.ts";
import { faults, type FaultCode } from "../../base/faults.ts";
import { HubError } from "../../base/hub-error.ts";
import type { SessionEvent } from "../../store/facts.ts";
import type { ControlAnswer } from "../session/work-desk.ts";

/** Two may be a coincidence. */
const SESSIONS_MIN = 3;
/** Of the sessions that should be running, at least this share. */
const SHARE_MIN = 0.5;
const WINDOW_MS = 60_000;
/** Waits before the control sandbox is asked again; the last one is repeated. */
const ASK_WAITS_MS: readonly number[] = [60_000, 120_000, 300_000];

export interface AlikeFacts {
  readonly held: boolean;
  /** Wall ms. */
  readonly since: number | null;
  readonly code: FaultCode | null;
  /** Sessions that failed alike when it began. */
  readonly sessions: number;
  readonly text: string | null;
}

interface Hold {
  readonly since: number;
  readonly code: FaultCode;
  readonly sessions: number;
  readonly living: number;
  /** What the control sandbox said last; null while the first one is under way. */
  readonly answer: ControlAnswer | null;
}

export interface AlikeWatchOptions {
  readonly clock: Clock;
  /** Sessions that should be running now. */
  readonly living: () => number;
  readonly ask: (signal: AbortSignal) => Promise<ControlAnswer>;
  readonly onChange: (facts: AlikeFacts) => void;
}

export class AlikeWatch {
  readonly #options: AlikeWatchOptions;
  readonly #stop = new AbortController();
  /** The newest failure of each session. */
  readonly #failures = new Map<string, { readonly code: FaultCode; readonly at: number }>();
  #hold: Hold | null = null;
  #asks = 0;
  #timer: unknown = null;

  constructor(options: AlikeWatchOptions) {
    this.#options = options;
  }

  get facts(): AlikeFacts {
    const hold = this.#hold;
    return {
      held: hold !== null,
      since: hold?.since ?? null,
      code: hold?.code ?? null,
      sessions: hold?.sessions ?? 0,
      text: hold === null ? null : sentence(hold),
    };
  }

  /** Why no rung above a nudge may be climbed; null when it may. */
  refusal(): HubError | null {
    return this.#hold === null ? null : new HubError("PlatformBroken", sentence(this.#hold));
  }

  observe(event: SessionEvent): void {
    if (event.kind === "session.connected" || event.kind === "session.ended") {
      this.#failures.delete(event.session);
    }
    const code = failureOf(event);
    if (code === null) return;
    this.#failures.set(event.session, { code, at: this.#options.clock.mono() });
    if (this.#hold === null) this.#judge(code);
  }

  /** A control sandbox ended, whoever asked for it. */
  answered(answer: ControlAnswer): void {
    if (this.#hold === null) return;
    this.#hold = { ...this.#hold, answer };
    if (answer.verdict === "platform-ok") this.#release();
  }

  stop(): void {
    this.#stop.abort(new HubError("HubUnreachable", "the hub is going down"));
    this.#options.clock.clearTimeout(this.#timer);
  }

  #judge(code: FaultCode): void {
    const { clock, living } = this.#options;
    const from = clock.mono() - WINDOW_MS;
    let sessions = 0;
    for (const [session, failure] of this.#failures) {
      if (failure.at < from) this.#failures.delete(session);
      else if (failure.code === code) sessions += 1;
    }
    const all = living();
    if (sessions < SESSIONS_MIN || sessions < all * SHARE_MIN) return;
    this.#hold = { since: clock.now(), code, sessions, living: all, answer: null };
    this.#asks = 0;
    this.#options.onChange(this.facts);
    this.#ask();
  }

  #ask(): void {
    const { clock, ask } = this.#options;
    const { signal } = this.#stop;
    void ask(signal).then(
      (answer) => {
        this.answered(answer);
        if (this.#hold === null || signal.aborted) return;
        const waitMs = ASK_WAITS_MS[Math.min(this.#asks, ASK_WAITS_MS.length - 1)] ?? 0;
        this.#asks += 1;
        this.#timer = clock.setTimeout(() => this.#ask(), waitMs);
      },
      () => {
        // The hub is going down: the next one judges anew.
      },
    );
  }

  #release(): void {
    this.#hold = null;
    this.#failures.clear();
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.onChange(this.facts);
  }
}

function sentence({ sessions, living, code, answer }: Hold): string {
  const asked = answer === null ? "a control sandbox is being asked" : answer.text;
  return (
    `${sessions} of ${living} sessions failed with ${code} within a minute, ` +
    `so none is restarted or replaced before a control sandbox works: ${asked}`
  );
}

/** The fault that a session failed or heals with, when it is about its surroundings. */
function failureOf({ kind, state, data }: SessionEvent): FaultCode | null {
  const healing = state === "nudging" || state === "resuming";
  const source =
    kind === "session.failed"
      ? data
      : kind === "session.entered" && healing
        ? data["because"]
        : null;
  const code = (source as { code?: unknown } | null | undefined)?.code;
  if (typeof code !== "string" || !Object.hasOwn(faults, code)) return null;
  const known = code as FaultCode;
  const { category } = faults[known];
  return category === "environment" || category === "verification" ? known : null;
}
