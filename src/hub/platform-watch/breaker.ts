/**
 * The hub-wide breaker: when the platform fails all callers alike, nobody asks it any more but one
 * look after another, until a look succeeds. Owns its windows and the timer of the next look; what
 * a look is, is given.
 *
 * It opens when more than half of the newest calls failed, and only after a look of its own failed,
 * too: refusals may have been about one sandbox each, and half of the calls may have been of one
 * session. While it looks, calls go on.
 */
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";

/** Fewer calls than this say nothing about a platform. */
const CALLS_MIN = 20;
/** The newest this many: at the pace of 500 sessions that is six seconds. */
const CALLS_MAX = 100;
const WINDOW_MS = 30_000;
/** More than this share of them failed. */
const FAILED_SHARE = 0.5;
/** A key that is refused once may be a hiccup of the platform; twice in a row is a refusal. */
const REJECTIONS_MIN = 2;
/** Waits between two looks; the last one is repeated. */
const LOOK_WAITS_MS: readonly number[] = [5_000, 10_000, 20_000, 30_000];
/** Share of a wait that is drawn by chance, so that many hubs do not look as one. */
const JITTER_SHARE = 0.2;
const LOOK_MS_MAX = 5_000;
/** Opened again within this, it goes on with the waits where they were. */
const FLAP_MS = 60_000;

/** Faults that are about the platform, whoever asked for whatever. */
export const PLATFORM_WIDE: readonly FaultCode[] = [
  "PlatformDown",
  "PlatformTimeout",
  "PlatformAuthRejected",
];

export interface BreakerFacts {
  readonly state: "closed" | "open" | "half-open";
  /** Wall ms; when it opened, or closed the last time. Null when it never opened. */
  readonly since: number | null;
  readonly why: { readonly code: FaultCode; readonly text: string } | null;
  readonly nextLookAt: number | null;
  readonly openings: number;
}

interface Cause {
  readonly code: FaultCode;
  readonly text: string;
  readonly raw: string | undefined;
}

type Phase =
  | { readonly kind: "closed"; readonly since: number | null }
  /** Failures are many: one look decides whether it opens. */
  | { readonly kind: "doubting"; readonly since: number | null; readonly stop: AbortController }
  | {
      readonly kind: "open";
      readonly since: number;
      readonly cause: Cause;
      readonly nextLookAt: number;
      readonly timer: unknown;
    }
  | {
      readonly kind: "half-open";
      readonly since: number;
      readonly cause: Cause;
      readonly stop: AbortController;
    };

export interface BreakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The smallest call that needs the platform and its trust. It throws HubError. */
  readonly look: (signal: AbortSignal) => Promise<void>;
  readonly onChange: (facts: BreakerFacts) => void;
}

export class Breaker {
  readonly #options: BreakerOptions;
  #phase: Phase = { kind: "closed", since: null };
  /** Newest calls, oldest first: monotonic ms, and whether it failed. */
  #calls: { readonly at: number; readonly failed: boolean }[] = [];
  #rejections = 0;
  #looks = 0;
  #closedAtMono = -Infinity;
  #openings = 0;
  #stopped = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get facts(): BreakerFacts {
    const phase = this.#phase;
    const open = phase.kind === "open" || phase.kind === "half-open";
    return {
      state: phase.kind === "doubting" ? "closed" : phase.kind,
      since: phase.since,
      why: open ? { code: phase.cause.code, text: phase.cause.text } : null,
      nextLookAt: phase.kind === "open" ? phase.nextLookAt : null,
      openings: this.#openings,
    };
  }

  /** Why no call may go out now; null when it may. Its code is the one that the platform caused. */
  refusal(): HubError | null {
    const phase = this.#phase;
    if (phase.kind !== "open" && phase.kind !== "half-open") return null;
    const { code, text, raw } = phase.cause;
    const next =
      phase.kind === "open" ? `the next look is at ${clockTime(phase.nextLookAt)}` : LOOKS;
    const message = `not asked since ${clockTime(phase.since)}: ${text}; ${next}`;
    return new HubError(code, message, raw === undefined ? {} : { raw });
  }

  /** A call of the API was answered. */
  succeeded(): void {
    this.#rejections = 0;
    this.#count(false);
  }

  /** A call of the API failed for a reason of the whole platform. */
  failed(error: HubError): void {
    if (this.#phase.kind !== "closed") return;
    const rejected = error.code === "PlatformAuthRejected";
    if (rejected) this.#rejections += 1;
    this.#count(true);
    if (this.#rejections >= REJECTIONS_MIN || this.#tooManyFailed()) this.#doubt();
  }

  stop(): void {
    this.#stopped = true;
    const phase = this.#phase;
    if (phase.kind === "open") this.#options.clock.clearTimeout(phase.timer);
    if (phase.kind === "doubting" || phase.kind === "half-open") phase.stop.abort();
  }

  #count(failed: boolean): void {
    if (this.#phase.kind !== "closed") return;
    this.#calls.push({ at: this.#options.clock.mono(), failed });
    if (this.#calls.length > CALLS_MAX) this.#calls.shift();
  }

  #tooManyFailed(): boolean {
    const from = this.#options.clock.mono() - WINDOW_MS;
    const recent = this.#calls.filter(({ at }) => at >= from);
    const failed = recent.filter((call) => call.failed).length;
    return recent.length >= CALLS_MIN && failed > recent.length * FAILED_SHARE;
  }

  #doubt(): void {
    const { since } = this.#phase;
    const failed = this.#calls.filter((call) => call.failed).length;
    const seen =
      this.#rejections >= REJECTIONS_MIN
        ? "the platform rejects the API key"
        : `${failed} of the last ${this.#calls.length} calls failed`;
    const stop = new AbortController();
    this.#phase = { kind: "doubting", since, stop };
    this.#forget();
    void this.#look(stop).then((error) => {
      if (this.#stopped) return;
      if (error === null) this.#phase = { kind: "closed", since };
      else this.#open(causeOf(error, seen));
    });
  }

  #open(cause: Cause, since = this.#options.clock.now()): void {
    const { clock, random, onChange } = this.#options;
    const wasOpen = this.#phase.kind === "half-open";
    if (!wasOpen) {
      this.#openings += 1;
      if (clock.mono() - this.#closedAtMono > FLAP_MS) this.#looks = 0;
    }
    const last = LOOK_WAITS_MS.length - 1;
    const plainMs = LOOK_WAITS_MS[Math.min(this.#looks, last)] ?? 0;
    const waitMs = Math.round(plainMs * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random.next()));
    this.#looks += 1;
    const timer = clock.setTimeout(() => this.#try(), waitMs);
    this.#phase = { kind: "open", since, cause, nextLookAt: clock.now() + waitMs, timer };
    if (!wasOpen) onChange(this.facts);
  }

  #try(): void {
    const phase = this.#phase;
    if (phase.kind !== "open") return;
    const { since, cause } = phase;
    const stop = new AbortController();
    this.#phase = { kind: "half-open", since, cause, stop };
    void this.#look(stop).then((error) => {
      if (this.#stopped) return;
      if (error === null) this.#close();
      else this.#open(causeOf(error, null), since);
    });
  }

  #close(): void {
    const { clock, onChange } = this.#options;
    this.#closedAtMono = clock.mono();
    this.#phase = { kind: "closed", since: clock.now() };
    this.#forget();
    onChange(this.facts);
  }

  #forget(): void {
    this.#calls = [];
    this.#rejections = 0;
  }

  /** Null when the platform answered; a fault that is not of the whole platform is an answer. */
  async #look(stop: AbortController): Promise<HubError | null> {
    const { clock, look } = this.#options;
    try {
      await withDeadline(
        clock,
        LOOK_MS_MAX,
        look,
        () => new HubError("PlatformTimeout", `a look at it had no answer in ${LOOK_MS_MAX} ms`),
        stop.signal,
      );
      return null;
    } catch (error) {
      const fault = toHubError(error);
      return PLATFORM_WIDE.includes(fault.code) ? fault : null;
    }
  }
}

const LOOKS = "a look at it is under way";

function causeOf(error: HubError, seen: string | null): Cause {
  const text = seen === null ? error.message : `${seen}, and a look failed, too: ${error.message}`;
  return { code: error.code, text, raw: error.raw };
}

function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
