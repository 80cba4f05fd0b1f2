/**
 * All that the hub knows of its platform as a whole: the guarded door to it, the breaker, the rate
 * budgets, what was asked and how it went. Answers from memory; a slow look of its own keeps the
 * memory fresh. What a single session does about it is decided in hub/session.
 */
import type { Clock } from "../../base/clock.ts";
import type { HubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { createRedact } from "../../base/redact.ts";
import type { Random } from "../../base/random.ts";
import type { PlatformFacts, SandboxProvider } from "../../providers/provider.ts";
import { LABELS } from "../labels.ts";
import type { SoleJob } from "../sole-job.ts";
import type { SessionEvent } from "../../store/facts.ts";
import { AlikeWatch, type AlikeFacts } from "./alike-watch.ts";
import { Breaker, type BreakerFacts } from "./breaker.ts";
import { CallLedger, type CallError, type CallFacts } from "./call-ledger.ts";
import type { ControlResult } from "./control-run.ts";
import { PlatformControl, type ControlFacts } from "./control-desk.ts";
import { GuardedProvider } from "./guarded-provider.ts";
import { RateBudget, type RateFacts } from "./rate-budget.ts";

export interface PlatformWatchOptions {
  readonly hubId: string;
  /** The adapter; nobody else may call it. */
  readonly inner: SandboxProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limitPerMinute?: number;
  /** Hidden in all that is reported: a platform may repeat what it was sent. The list may grow. */
  readonly secrets?: readonly string[];
  /** Sessions that should be running now. */
  readonly living: () => number;
  /** Whether people are attached to a session. */
  readonly hasClients: (sessionId: string) => boolean;
  /** Who keeps the accounts is told of each control sandbox, once it is deleted. */
  readonly onControl: (result: ControlResult) => void;
  /** As in RateBudget. */
  readonly sharers?: (() => number) | undefined;
  /** As in ControlDeskOptions. */
  readonly job?: SoleJob | undefined;
}

/**
 * Daytona's smallest organisations get more than this; a thousand sessions under patrol need a
 * third of it.
 */
const LIMIT_PER_MINUTE = 6_000;
/** A proof is one call of the API and about seven into the sandbox. */
const TOOLBOX_SHARE = 8;
/** Between two looks at the platform itself. */
const FACTS_MS = 15_000;

export interface PlatformWatchReport {
  /** Null before the first look ended. */
  readonly facts: PlatformFacts | null;
  readonly breaker: BreakerFacts;
  readonly alike: AlikeFacts;
  readonly control: ControlFacts;
  readonly rate: RateFacts;
  readonly toolboxRate: RateFacts;
  readonly calls: Readonly<Record<string, CallFacts>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly lastErrors: readonly CallError[];
}

export class PlatformWatch {
  /** What everyone else in the hub calls the platform through. */
  readonly provider: SandboxProvider;
  readonly control: PlatformControl;
  readonly #options: PlatformWatchOptions;
  readonly #breaker: Breaker;
  readonly #alike: AlikeWatch;
  readonly #api: RateBudget;
  readonly #toolbox: RateBudget;
  readonly #ledger = new CallLedger();
  #facts: PlatformFacts | null = null;
  #timer: unknown = null;
  #stopped = false;

  constructor(options: PlatformWatchOptions) {
    const { clock, random, log, hubId, inner, limitPerMinute = LIMIT_PER_MINUTE } = options;
    this.#options = options;
    const budgetOf = (perMinute: number): RateBudget =>
      new RateBudget({ limitPerMinute: perMinute, clock, random, sharers: options.sharers });
    this.#api = budgetOf(limitPerMinute);
    this.#toolbox = budgetOf(limitPerMinute * TOOLBOX_SHARE);
    this.#breaker = new Breaker({
      clock,
      random,
      // Needs the platform, its database and its trust in our key, and is empty nearly always.
      look: async (signal) => {
        await ungated.list({ [LABELS.control]: "1", [LABELS.hub]: hubId }, signal);
      },
      onChange: (breaker) => log.warn({ breaker }, `platform breaker ${breaker.state}`),
    });
    const guards = {
      inner,
      breaker: this.#breaker,
      api: this.#api,
      toolbox: this.#toolbox,
      ledger: this.#ledger,
      clock,
      onFacts: (facts: PlatformFacts) => (this.#facts = facts),
    };
    this.provider = new GuardedProvider(guards, true);
    const ungated = new GuardedProvider(guards, false);
    this.control = new PlatformControl({
      ...options,
      provider: ungated,
      known: () => this.#breaker.refusal() ?? this.#api.held(),
      whyNotDestructive: () => this.whyNoRung(),
      onResult: (result) => {
        options.onControl(result);
        this.#alike.answered(result);
      },
    });
    this.#alike = new AlikeWatch({
      clock,
      living: options.living,
      ask: (signal) => this.control.consult(signal),
      onChange: (alike) => log.warn({ alike }, alike.text ?? "sessions may be healed again"),
    });
  }

  start(): void {
    void this.#look();
    this.control.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#breaker.stop();
    this.#alike.stop();
    this.control.stop();
  }

  /** What the sessions of this hub write down: many that fail alike are one event. */
  observe(event: SessionEvent): void {
    this.#alike.observe(event);
  }

  /** Why no rung above a nudge may be climbed now, in any session; null when it may. */
  whyNoRung(): HubError | null {
    return this.#breaker.refusal() ?? this.#alike.refusal();
  }

  /** What is wrong with the platform as a whole, in one sentence; null when nothing is known. */
  notice(): string | null {
    const reason = this.whyNoRung();
    if (reason === null) return null;
    return createRedact(this.#options.secrets ?? [])(`${reason.code}: ${reason.message}`);
  }

  report(): PlatformWatchReport {
    const redact = createRedact(this.#options.secrets ?? []);
    return redact({
      facts: this.#facts,
      breaker: this.#breaker.facts,
      alike: this.#alike.facts,
      control: this.control.facts,
      rate: this.#api.facts,
      toolboxRate: this.#toolbox.facts,
      calls: this.#ledger.calls,
      outcomes: this.#ledger.outcomes,
      lastErrors: this.#ledger.errors,
    });
  }

  async #look(): Promise<void> {
    // It never throws: a platform that does not answer is a fact.
    await this.provider.facts();
    if (this.#stopped) return;
    this.#timer = this.#options.clock.setTimeout(() => void this.#look(), FACTS_MS);
  }
}
