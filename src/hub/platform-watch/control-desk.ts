/**
 * Who wants to know whether the platform itself is broken asks here. Owns when a control sandbox
 * is made: one at a time, shared by all who ask meanwhile, its answer good for a minute, so many
 * an hour by themselves. Owns what it costs, and the deletion of what an earlier run left behind.
 * Of several hubs one has a control sandbox at a time, and each has its own answer: whether the
 * platform works is seen from where one stands.
 */
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/deadline.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { SandboxProvider } from "../../providers/provider.ts";
import { LABELS } from "../labels.ts";
import type { SoleJob } from "../sole-job.ts";
import type { ControlAnswer, ControlDesk } from "../session/work-desk.ts";
import { ControlRun, CONTROL_NAME, type ControlResult, type ControlStep } from "./control-run.ts";
import { DestructiveLane } from "./destructive-lane.ts";

/** A platform that worked a minute ago works. */
const FRESH_MS = 60_000;
/** By itself; a person who asks is not counted out. */
const RUNS_PER_HOUR = 10;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Between two looks for what a run left behind: gone within a minute of a hub that was killed. */
const SWEEP_MS = 20_000;
/** For other hubs' control sandboxes; a run takes seconds where the platform works. */
const TURN_MS_MAX = 60_000;
const TURN_EVERY_MS = 1_000;

export interface ControlFacts {
  readonly last: ControlResult | null;
  /** Steps of the run that is under way. */
  readonly running: { readonly startedAt: number; readonly steps: readonly ControlStep[] } | null;
  readonly runsToday: number;
  /** Of today's runs, from request to delete. */
  readonly sandboxSeconds: number;
  readonly automaticLeftThisHour: number;
  readonly leftovers: number;
  readonly destructive: { readonly running: number; readonly waiting: number };
}

export interface ControlDeskOptions {
  readonly hubId: string;
  /** Counted, but asked for no leave: it has to look when nobody else may. */
  readonly provider: SandboxProvider;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Why the answer is known without a look; null when it is not. */
  readonly known: () => HubError | null;
  /** Why nothing that ends a sandbox may be done; null when it may. */
  readonly whyNotDestructive: () => HubError | null;
  readonly hasClients: (sessionId: string) => boolean;
  readonly onResult: (result: ControlResult) => void;
  /** Unset in a hub of its own. */
  readonly job?: SoleJob | undefined;
}

export class PlatformControl implements ControlDesk {
  readonly #options: ControlDeskOptions;
  readonly #lane: DestructiveLane;
  readonly #stop = new AbortController();
  #running: { readonly run: ControlRun; readonly result: Promise<ControlResult> } | null = null;
  #last: ControlResult | null = null;
  /** Mono ms, as all ages here: a wall clock that was set back would keep an answer young. */
  #lastAt = -Infinity;
  /** Mono ms of each automatic run of the last hour. */
  #automatic: readonly number[] = [];
  #today = { day: 0, runs: 0, seconds: 0 };
  #leftovers = 0;
  #sweeping: Promise<void> = Promise.resolve();
  #timer: unknown = null;

  constructor(options: ControlDeskOptions) {
    this.#options = options;
    this.#lane = new DestructiveLane(options.hasClients);
  }

  get facts(): ControlFacts {
    const { runs, seconds } = this.#dayOf(this.#options.clock.now());
    const running = this.#running?.run ?? null;
    return {
      last: this.#last,
      running: running === null ? null : { startedAt: running.startedAt, steps: running.steps },
      runsToday: runs,
      sandboxSeconds: Math.round(seconds * 10) / 10,
      automaticLeftThisHour: RUNS_PER_HOUR - this.#recentRuns().length,
      leftovers: this.#leftovers,
      destructive: this.#lane.counts,
    };
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stop.abort(new HubError("HubUnreachable", "the hub is going down"));
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** Whether the platform works, by the cheapest way that is true. */
  async consult(signal: AbortSignal): Promise<ControlAnswer> {
    const { clock, known } = this.#options;
    const at = clock.now();
    const refusal = known();
    if (refusal !== null) {
      const verdict = refusal.kind.category === "environment" ? "platform-broken" : "unknown";
      return { verdict, text: refusal.message, at, tookMs: 0 };
    }
    if (this.#running === null) {
      const isFresh = clock.mono() - this.#lastAt < FRESH_MS;
      if (this.#last !== null && isFresh) return this.#last;
      const recent = this.#recentRuns();
      if (recent.length >= RUNS_PER_HOUR) {
        const text = `no control sandbox was asked: there were ${RUNS_PER_HOUR} in the last hour`;
        return { verdict: "unknown", text, at, tookMs: 0 };
      }
      this.#automatic = [...recent, clock.mono()];
    }
    return raceSignal(this.run(), signal);
  }

  /** Makes a control sandbox now, or joins the one that is under way. */
  run(): Promise<ControlResult> {
    if (this.#running !== null) return this.#running.result;
    const { hubId, provider, clock, random, job } = this.#options;
    const run = new ControlRun({ hubId, provider, clock, random, signal: this.#stop.signal });
    const ended = (told: ControlResult): ControlResult => this.#ended(told);
    const result = job === undefined ? run.run().then(ended) : this.#inTurn(job, run);
    this.#running = { run, result };
    return result;
  }

  #ended(ended: ControlResult): ControlResult {
    const { clock, log, onResult } = this.#options;
    this.#running = null;
    this.#last = ended;
    this.#lastAt = clock.mono();
    const day = this.#dayOf(ended.at);
    this.#today = { ...day, runs: day.runs + 1, seconds: day.seconds + ended.sandboxSeconds };
    const { verdict, text, tookMs, sandboxName, deleted } = ended;
    const level = verdict === "platform-ok" ? "info" : "warn";
    log[level]({ verdict, text, tookMs, sandboxName, deleted }, "control sandbox");
    onResult(ended);
    return ended;
  }

  /** Once no other hub has one; one whose turn does not come knows nothing. */
  async #inTurn(job: SoleJob, run: ControlRun): Promise<ControlResult> {
    const why = await this.#turn(job);
    if (why === null) {
      const ended = await run.run();
      // Before the next of this hub may begin, which would find that it has the job still.
      await this.#giveBack(job);
      return this.#ended(ended);
    }
    this.#running = null;
    // Who asks next may find that its turn has come.
    this.#lastAt = -Infinity;
    this.#last = run.notBegun(why);
    return this.#last;
  }

  /** Null when it has come; else why not. */
  async #turn(job: SoleJob): Promise<string | null> {
    const { clock } = this.#options;
    const endAt = clock.mono() + TURN_MS_MAX;
    try {
      await this.#sweeping;
      while (!(await job.take())) {
        if (clock.mono() >= endAt) return "another hub has one, or this hub may have none";
        await sleep(clock, TURN_EVERY_MS, this.#stop.signal);
      }
      return null;
    } catch (error) {
      return toHubError(error).message;
    }
  }

  /** Where the store does not hear it, this hub has the job for longer, and may go on with it. */
  async #giveBack(job: SoleJob): Promise<void> {
    try {
      await job.end();
    } catch (error) {
      this.#options.log.warn({ error: toHubError(error).message }, "a job was not given back");
    }
  }

  whyNoRung(): string | null {
    return this.#options.whyNotDestructive()?.message ?? null;
  }

  destructive<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    return this.#lane.run(sessionId, () => {
      const refusal = this.#options.whyNotDestructive();
      return refusal === null ? work() : Promise.reject(refusal);
    });
  }

  #recentRuns(): readonly number[] {
    const now = this.#options.clock.mono();
    return this.#automatic.filter((at) => now - at < HOUR_MS);
  }

  #dayOf(at: number): { day: number; runs: number; seconds: number } {
    const day = Math.floor(at / DAY_MS);
    return this.#today.day === day ? this.#today : { day, runs: 0, seconds: 0 };
  }

  #arm(): void {
    const { clock, log, job } = this.#options;
    if (this.#stop.signal.aborted) return;
    this.#timer = clock.setTimeout(() => {
      this.#sweeping = (job === undefined ? this.#sweep() : this.#sweepInTurn(job))
        .catch((error: unknown) => {
          log.debug({ error: toHubError(error).message }, "no look for old control sandboxes");
        })
        .finally(() => this.#arm());
    }, SWEEP_MS);
  }

  async #sweepInTurn(job: SoleJob): Promise<void> {
    // One that is under way may be another hub's, and then so is the turn to sweep.
    if (this.#running !== null || !(await job.take())) return;
    await this.#sweep().finally(() => this.#giveBack(job));
  }

  /** Whatever carries our label and is not of the run that is under way was left behind. */
  async #sweep(): Promise<void> {
    const { provider, hubId, log, known } = this.#options;
    if (known() !== null) return;
    const { signal } = this.#stop;
    const listed = await provider.list({ [LABELS.control]: "1", [LABELS.hub]: hubId }, signal);
    const left = listed.filter(({ name }) => {
      return name.startsWith(CONTROL_NAME) && name !== this.#running?.run.sandboxName;
    });
    this.#leftovers = left.length;
    for (const { sandboxId, name } of left) {
      const gone = await provider.destroy(sandboxId, signal);
      if (gone) this.#leftovers -= 1;
      log.warn({ name, gone }, "deleting a control sandbox that was left behind");
    }
  }
}

/** @throws what the signal aborts with; the work goes on for the others. */
function raceSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(toHubError(signal.reason));
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
