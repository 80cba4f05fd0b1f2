/**
 * One budget of calls for all sessions, as a token bucket that never lets through more than its
 * limit in any minute. Owns the pace; who calls and what a failure means is decided elsewhere.
 *
 * A short wait is waited out. A longer one is refused at once with PlatformRateLimited: a probe
 * that stood in a queue of ours would blame the sandbox for it.
 *
 * A platform that says "too many" and for how long is obeyed, for the calls that its limit is
 * about. One that only says "too many" halves the pace, which then grows back slowly.
 *
 * Hubs that share a platform keep to a part of the limit each, by how many they are.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/deadline.ts";
import { HubError, type RetryAfter } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";

/** A platform that asks for more than this is looked at again all the same. */
const HOLD_MS_MAX = 5 * 60_000;
/** Without a header: a pause of this length at most, so that callers do not come back as one. */
const BLIND_HOLD_MS_MAX = 2_000;
/** Answers to calls that were under way together are one sign, not many. */
const SAME_SIGN_MS = 2_000;
/** How the pace grows back: this share of the configured limit, this often. */
const GROW_SHARE = 0.05;
const GROW_EVERY_MS = 10_000;
/** The slowest pace: still enough to notice that the platform wants us again. */
const LIMIT_SHARE_MIN = 0.02;
/** What may go out at once; the refill is slower by as much, so that a minute keeps its limit. */
const BURST_SHARE = 0.1;
const MINUTE_MS = 60_000;

export interface RateFacts {
  /** What is kept to now; below the configured limit after a refusal. */
  readonly limitPerMinute: number;
  /** Of several hubs this one's part. */
  readonly configuredPerMinute: number;
  /** Calls of the last minute. */
  readonly used: number;
  readonly waiting: number;
  readonly refused: number;
  readonly last429: { readonly at: number; readonly scope: string | null } | null;
  /** Limits of the platform that are being waited for, by name; "" stands for all calls. */
  readonly heldUntil: Readonly<Record<string, number>>;
}

export interface Wanted {
  /** The platform's limits that such a call counts against. */
  readonly scopes: readonly string[];
  /** Calls on the wire that it stands for. */
  readonly cost: number;
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class RateBudget {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #whole: number;
  readonly #sharers: () => number;
  /** How many there were at the last look; 0 before this hub was one of them. */
  #parts: number;
  #limit: number;
  #tokens: number;
  #refilledAt: number;
  #grownAt: number;
  #loweredAt = -Infinity;
  /** Monotonic ms by scope. */
  readonly #holds = new Map<string, number>();
  readonly #spending = new MinuteSum();
  #waiting = 0;
  #refused = 0;
  #last429: RateFacts["last429"] = null;

  /** `sharers` counts the hubs that share the limit; a hub of its own is one. */
  constructor(options: {
    limitPerMinute: number;
    clock: Clock;
    random: Random;
    sharers?: (() => number) | undefined;
  }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#whole = options.limitPerMinute;
    this.#sharers = options.sharers ?? (() => 1);
    this.#parts = this.#sharers();
    this.#limit = this.#configured;
    this.#tokens = this.#burst();
    this.#refilledAt = options.clock.mono();
    this.#grownAt = this.#refilledAt;
  }

  get facts(): RateFacts {
    const mono = this.#clock.mono();
    const now = this.#clock.now();
    this.#refill(mono);
    const held = [...this.#holds].filter(([, until]) => until > mono);
    return {
      limitPerMinute: Math.round(this.#limit),
      configuredPerMinute: Math.round(this.#configured),
      used: this.#spending.at(mono),
      waiting: this.#waiting,
      refused: this.#refused,
      last429: this.#last429,
      heldUntil: Object.fromEntries(held.map(([scope, until]) => [scope, now + until - mono])),
    };
  }

  /**
   * Lets a call through: null at once, else a promise of the moment when it may go.
   * @throws HubError PlatformRateLimited when that moment is further away than its patience.
   */
  take(wanted: Wanted): Promise<void> | null {
    const mono = this.#clock.mono();
    this.#refill(mono);
    const holdMs = this.#holdMs(wanted.scopes, mono);
    const debt = wanted.cost - this.#tokens;
    const waitMs = Math.max(holdMs, debt > 0 ? Math.ceil(debt / this.#perMs()) : 0);
    if (waitMs > wanted.patienceMs) throw this.#refusal(waitMs, holdMs);
    this.#tokens -= wanted.cost;
    if (waitMs === 0) {
      this.#spending.add(mono, wanted.cost);
      return null;
    }
    return this.#wait(wanted, waitMs);
  }

  /** A call that asks for no leave counts all the same. */
  spend(cost: number): void {
    const mono = this.#clock.mono();
    this.#refill(mono);
    this.#tokens -= cost;
    this.#spending.add(mono, cost);
  }

  /** Why the platform is better left alone altogether; null when it asked for no such thing. */
  held(): HubError | null {
    const holdMs = this.#holdMs([], this.#clock.mono());
    return holdMs === 0 ? null : refusalOf(holdMs, holdMs, this.#limit);
  }

  /** The platform refused a call of these scopes for being one too many. */
  throttled(retryAfter: RetryAfter | undefined, scopes: readonly string[]): void {
    const mono = this.#clock.mono();
    const scope = retryAfter?.scope ?? null;
    this.#last429 = { at: this.#clock.now(), scope };
    if (retryAfter !== undefined) {
      // A limit that this call does not count against is one we do not know: then all calls wait.
      const known = scope !== null && scopes.includes(scope);
      this.#hold(known ? scope : "", Math.min(HOLD_MS_MAX, retryAfter.waitMs), mono);
      return;
    }
    if (mono - this.#loweredAt < SAME_SIGN_MS) return;
    this.#loweredAt = mono;
    this.#grownAt = mono;
    this.#refill(mono);
    this.#limit = Math.max(this.#configured * LIMIT_SHARE_MIN, this.#limit / 2);
    this.#tokens = Math.min(this.#tokens, this.#burst());
    this.#hold("", BLIND_HOLD_MS_MAX * this.#random.next(), mono);
  }

  async #wait(wanted: Wanted, waitMs: number): Promise<void> {
    this.#waiting += 1;
    try {
      await sleep(this.#clock, waitMs, wanted.signal);
    } catch (error) {
      this.#tokens += wanted.cost;
      throw error;
    } finally {
      this.#waiting -= 1;
    }
    const mono = this.#clock.mono();
    // The platform may have asked for more while this call waited.
    const holdMs = this.#holdMs(wanted.scopes, mono);
    if (holdMs > 0) {
      this.#tokens += wanted.cost;
      throw this.#refusal(holdMs, holdMs);
    }
    this.#spending.add(mono, wanted.cost);
  }

  #refusal(waitMs: number, holdMs: number): HubError {
    this.#refused += 1;
    return refusalOf(waitMs, holdMs, this.#limit);
  }

  #holdMs(scopes: readonly string[], mono: number): number {
    let untilMs = this.#holds.get("") ?? 0;
    for (const scope of scopes) untilMs = Math.max(untilMs, this.#holds.get(scope) ?? 0);
    return Math.max(0, Math.ceil(untilMs - mono));
  }

  #hold(scope: string, holdMs: number, mono: number): void {
    this.#holds.set(scope, Math.max(this.#holds.get(scope) ?? 0, mono + holdMs));
  }

  #refill(mono: number): void {
    this.#grow(mono);
    const gained = (mono - this.#refilledAt) * this.#perMs();
    this.#tokens = Math.min(this.#burst(), this.#tokens + gained);
    this.#refilledAt = mono;
    this.#divide();
  }

  /**
   * All that the sharers have in hand, and what they gain, is never more than one's alone would be:
   * who joins has nothing in hand, and the others let go of what is above their part.
   */
  #divide(): void {
    const parts = this.#sharers();
    if (parts === this.#parts) return;
    const isNew = this.#parts === 0;
    const before = this.#configured;
    this.#parts = parts;
    this.#limit *= this.#configured / before;
    this.#tokens = isNew ? 0 : Math.min(this.#tokens, this.#burst());
  }

  get #configured(): number {
    return this.#whole / Math.max(1, this.#parts);
  }

  #grow(mono: number): void {
    const steps = Math.floor((mono - this.#grownAt) / GROW_EVERY_MS);
    if (steps <= 0) return;
    this.#grownAt += steps * GROW_EVERY_MS;
    const grown = this.#limit + steps * GROW_SHARE * this.#configured;
    this.#limit = Math.min(this.#configured, grown);
  }

  #burst(): number {
    return Math.max(1, this.#limit * BURST_SHARE);
  }

  #perMs(): number {
    return (this.#limit * (1 - BURST_SHARE)) / MINUTE_MS;
  }
}

function refusalOf(waitMs: number, holdMs: number, limit: number): HubError {
  const seconds = Math.ceil(waitMs / 1_000);
  const why =
    holdMs >= waitMs
      ? `the platform asked to be left alone for another ${seconds} s`
      : `the budget of ${Math.round(limit)} calls a minute is used up for ${seconds} s`;
  return new HubError("PlatformRateLimited", `not asked: ${why}`);
}

/** A sum over the last minute, in seconds: a thousand calls cost no more than one. */
class MinuteSum {
  readonly #sums = new Float64Array(60);
  readonly #seconds = new Float64Array(60).fill(-Infinity);

  add(mono: number, cost: number): void {
    const second = Math.floor(mono / 1_000);
    const slot = second % 60;
    if (this.#seconds[slot] !== second) this.#sums[slot] = 0;
    this.#seconds[slot] = second;
    this.#sums[slot] = (this.#sums[slot] ?? 0) + cost;
  }

  at(mono: number): number {
    const second = Math.floor(mono / 1_000);
    return this.#sums.reduce((sum, cost, slot) => {
      return second - (this.#seconds[slot] ?? -Infinity) < 60 ? sum + cost : sum;
    }, 0);
  }
}
