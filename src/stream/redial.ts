/**
 * Keeps one link up for ever: dial, hello, live, wait, dial again. Pure: the connect function,
 * the clock and the back-off come from outside. Driver and client share it.
 *
 * It never gives up by itself. Only a close code that says stop ends it, or `stop()`.
 */
import type { Backoff } from "../base/backoff.ts";
import type { Clock, TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import {
  CloseCodes,
  NO_CLOSE_FRAME,
  redialAfter,
  type Redial as AfterEnd,
} from "../protocol/close-codes.ts";

/** From the dial to the WELCOME: 5 s to connect and 5 s for the hello. */
const ATTEMPT_MS = 10_000;
/** Nudges that come faster than this are one nudge, and a dial that is younger needs none. */
const NUDGE_EVERY_MS = 1_000;

export interface LinkEnd {
  readonly code: number;
  readonly reason: string;
  /** Replaces what the close code alone would say. */
  readonly then?: AfterEnd;
  /** The peer's wish; the back-off never waits less than this, nor a minute instead of it. */
  readonly retryAfterMs?: number;
  /** Why this side ended it, as the next hello will say. */
  readonly why?: "silence" | "checkpoint";
}

/** One try. After `abandon` it ends its socket hard and says nothing more. */
export interface Attempt {
  abandon(): void;
}

export interface AttemptEvents {
  /** The hello is answered: the link works. */
  live(): void;
  ended(end: LinkEnd): void;
}

export type RedialPhase =
  | { readonly name: "idle" }
  | { readonly name: "dialling"; readonly attempt: Attempt; readonly timer: TimerId }
  | { readonly name: "live"; readonly attempt: Attempt; readonly sinceMs: number }
  | { readonly name: "waiting"; readonly timer: TimerId; readonly end: LinkEnd }
  | { readonly name: "stopped"; readonly end: LinkEnd };

export interface RedialOptions {
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Starts one try. `reason` says why: start, lost, nudge, jump, silence, fenced. */
  readonly connect: (reason: string, events: AttemptEvents) => Attempt;
  readonly onPhase?: (phase: RedialPhase) => void;
}

export class Redial {
  readonly #options: RedialOptions;
  #phase: RedialPhase = { name: "idle" };
  /** Wall ms, as the next one: what a machine that was kept and restored dialled before is old. */
  #nudgedAtMs = -Infinity;
  #dialledAtMs = -Infinity;
  /** Events of older tries are ignored by this number. */
  #generation = 0;

  constructor(options: RedialOptions) {
    this.#options = options;
  }

  get phase(): RedialPhase {
    return this.#phase;
  }

  start(): void {
    if (this.#phase.name === "idle") this.#dial("start");
  }

  /**
   * Drops whatever is there and dials now, at most once per second. What was dialled within that
   * time is the dial that is asked for, and may have its epoch already: it is left alone.
   */
  nudge(reason: string): void {
    const phase = this.#phase;
    if (phase.name === "stopped" || phase.name === "idle") return;
    // Also for a dial that is left alone: should it fail, the next one comes soon.
    this.#options.backoff.reset();
    const nowMs = this.#options.clock.now();
    const lastMs = phase.name === "waiting" ? this.#nudgedAtMs : this.#dialledAtMs;
    const againMs = NUDGE_EVERY_MS - Math.abs(nowMs - lastMs);
    if (againMs > 0) {
      if (phase.name === "waiting") this.#wait(phase.end, againMs, reason);
      return;
    }
    this.#nudgedAtMs = nowMs;
    this.#dial(reason);
  }

  stop(end: LinkEnd): void {
    if (this.#phase.name === "stopped") return;
    this.#leave();
    this.#enter({ name: "stopped", end });
  }

  #dial(reason: string): void {
    this.#leave();
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation;
    const { clock } = this.#options;
    this.#dialledAtMs = clock.now();
    const timer = clock.setTimeout(() => {
      if (current()) this.#ended({ code: NO_CLOSE_FRAME, reason: "no welcome in time" });
    }, ATTEMPT_MS);
    let early: (() => void) | null = null;
    let started = false;
    const whenStarted = (act: () => void): void => {
      if (!current()) return;
      if (started) act();
      else early = act;
    };
    const attempt = this.#options.connect(reason, {
      live: () => whenStarted(() => this.#live(attempt, timer)),
      ended: (end) => whenStarted(() => this.#ended(end)),
    });
    started = true;
    this.#enter({ name: "dialling", attempt, timer });
    (early as (() => void) | null)?.();
  }

  #live(attempt: Attempt, timer: TimerId): void {
    if (this.#phase.name !== "dialling") return;
    this.#options.clock.clearTimeout(timer);
    this.#enter({ name: "live", attempt, sinceMs: this.#options.clock.mono() });
  }

  #ended(end: LinkEnd): void {
    const { backoff, clock } = this.#options;
    if (this.#phase.name === "live") {
      const proved = clock.mono() - this.#phase.sinceMs >= limits.REDIAL_RESET_AFTER_MS;
      // A hub that says that it goes has not failed: its successor is asked for at once.
      if (proved || end.code === CloseCodes.goingAway.code) backoff.reset();
    }
    this.#leave();
    const then = end.then ?? redialAfter(end.code);
    if (then === "stop") {
      this.#enter({ name: "stopped", end });
      return;
    }
    const { retryAfterMs } = end;
    const laterMs = retryAfterMs ?? limits.REDIAL_LATER_MS;
    const waitMs = then === "retry-later" ? laterMs : Math.max(backoff.next(), retryAfterMs ?? 0);
    this.#wait(end, waitMs, reasonAfter(end));
  }

  #wait(end: LinkEnd, waitMs: number, reason: string): void {
    this.#leave();
    const timer = this.#options.clock.setTimeout(() => this.#dial(reason), waitMs);
    this.#enter({ name: "waiting", timer, end });
  }

  /** Ends what the phase owns. Late events of its attempt are then ignored. */
  #leave(): void {
    this.#generation += 1;
    const phase = this.#phase;
    if ("timer" in phase) this.#options.clock.clearTimeout(phase.timer);
    if ("attempt" in phase) phase.attempt.abandon();
  }

  #enter(phase: RedialPhase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase);
  }
}

/** A side that knows that it was replaced says so, and is not taken for one from the past. */
function reasonAfter(end: LinkEnd): string {
  const { fenced, cloneSuspected } = CloseCodes;
  if (end.why !== undefined) return end.why;
  return end.code === fenced.code || end.code === cloneSuspected.code ? "fenced" : "lost";
}
