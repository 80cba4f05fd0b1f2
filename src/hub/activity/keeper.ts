/**
 * Keeps sandboxes awake while they are wanted, and never otherwise. The platform stops a sandbox
 * that nobody used for the auto-stop time, and does not see what goes through the hub; so the hub
 * says so in its place: when somebody typed, while a process runs, and while a driver is on its way
 * back. Also pauses what nobody used, where that is asked for.
 *
 * AY1  Without input, process or a driver that reconnects nothing is ever kept awake.
 * AY2  While one of them lasts, no auto-stop comes: no gap between two calls is over a third of it,
 *      whichever hubs have the session meanwhile.
 * AY3  A call that fails is repeated sooner, and told with the time at which the stop will come.
 */
import { crc32 } from "node:zlib";
import type { Clock } from "../../base/clock.ts";
import { writeDuration } from "../../base/duration.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { SandboxProvider } from "../../providers/provider.ts";
import { whereKept } from "../../store/refusal.ts";
import type { Session } from "../session/session.ts";
import type { WantedBecause } from "./session-activity.ts";

export interface KeeperOptions {
  readonly provider: SandboxProvider;
  readonly sessions: () => readonly Session[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly autoStopMs: number | null;
  readonly idlePauseMs: number | null;
}

/** Two more calls may fail before the platform stops what is wanted. */
const LOOKS_PER_INTERVAL = 3;
/** After a failure it is tried this much sooner. */
const RETRIES_PER_LOOK = 5;
/** Steps in the time between two calls for one session: sessions are spread over them. */
const STEPS_PER_LOOK = 20;
/** A turn that came while a session had no hub is made up for within this share of the next. */
const MISSED_SHARE = 0.1;
const HASHES = 2 ** 32;

interface Watched {
  /** Monotonic ms before which nothing is asked of the platform again. */
  dueAt: number;
  /** Monotonic ms of the last look; before the first, all that this hub saw counts. */
  lookedAt: number;
  /** Monotonic ms of the last look at which it was wanted, or of the first sight. */
  wantedAt: number;
  /** Wall ms of the last call that the platform took; before the first, an earlier hub's guess. */
  refreshedAt: number;
  /** The same, monotonic. */
  refreshedMono: number;
  failing: boolean;
}

export class ActivityKeeper {
  readonly #options: KeeperOptions;
  readonly #lookMs: number;
  /** Between two turns of one session: with the step that it may come late it is a look. */
  readonly #turnMs: number;
  readonly #watched = new WeakMap<Session, Watched>();
  #timer: unknown = null;
  #stopped = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const shortest = Math.min(options.autoStopMs ?? Infinity, options.idlePauseMs ?? Infinity);
    this.#lookMs = shortest / LOOKS_PER_INTERVAL;
    this.#turnMs = this.#lookMs * (1 - 2 / STEPS_PER_LOOK);
  }

  start(): void {
    if (Number.isFinite(this.#lookMs)) this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.setTimeout(this.#tick, this.#lookMs / STEPS_PER_LOOK);
  }

  readonly #tick = (): void => {
    this.#step();
    this.#arm();
  };

  #step(): void {
    const now = this.#options.clock.mono();
    for (const session of this.#options.sessions()) {
      const watched = this.#watchedOf(session);
      if (now >= watched.dueAt) this.#look(session, watched);
    }
  }

  /**
   * Each session has turns of its own on the wall clock, the same for every hub: one that takes it
   * over goes on where the last one was, instead of counting anew, and many do not call as one.
   */
  #sinceTurnMs({ record }: Session): number {
    const phaseMs = (crc32(record.id) / HASHES) * this.#turnMs;
    return (this.#options.clock.now() + phaseMs) % this.#turnMs;
  }

  #watchedOf(session: Session): Watched {
    const { clock } = this.#options;
    let watched = this.#watched.get(session);
    if (watched === undefined) {
      const now = clock.mono();
      const sinceMs = this.#sinceTurnMs(session);
      const isMissed = sinceMs < this.#turnMs * MISSED_SHARE;
      const dueAt = isMissed ? now : now + this.#turnMs - sinceMs;
      const refreshedAt = clock.now() - this.#lookMs;
      const refreshed = { refreshedAt, refreshedMono: now - this.#lookMs };
      watched = { dueAt, lookedAt: -Infinity, wantedAt: now, ...refreshed, failing: false };
      this.#watched.set(session, watched);
    }
    return watched;
  }

  #look(session: Session, watched: Watched): void {
    const { record } = session;
    const since = watched.lookedAt;
    watched.lookedAt = this.#options.clock.mono();
    if (record.sandboxId === null || !["connected", "nudging"].includes(record.state)) return;
    const because = session.activity.wantedSince(since, record);
    this.#noteWanted(session, watched, because);
    if (because === null) {
      // It stays due: whoever comes back after a quiet time is told to the platform at once.
      this.#pauseIdle(session, watched);
      return;
    }
    watched.wantedAt = watched.lookedAt;
    watched.dueAt = watched.lookedAt + this.#turnMs - this.#sinceTurnMs(session);
    void this.#refresh(session, watched, record.sandboxId, since);
  }

  /** The record changes when the answer does, not with each look. */
  #noteWanted(session: Session, watched: Watched, because: WantedBecause | null): void {
    const { wanted } = session.record.activity;
    if (wanted === (because !== null)) return;
    const { autoStopMs, clock } = this.#options;
    // What the platform saw last is what its auto-stop time runs from.
    const [at, mono] =
      because === null ? [watched.refreshedAt, watched.refreshedMono] : [clock.now(), clock.mono()];
    const rest =
      autoStopMs === null
        ? "nobody uses it"
        : `nobody uses it: the platform stops it after ${writeDuration(autoStopMs)} of that`;
    const text = because === null ? rest : `kept awake: ${SENTENCES[because]}`;
    const activity = { wanted: because !== null, at };
    session.ledger.noteActivity(text, { because }, activity, mono);
  }

  async #refresh(
    session: Session,
    watched: Watched,
    sandboxId: string,
    since: number,
  ): Promise<void> {
    const { provider, clock, autoStopMs } = this.#options;
    if (autoStopMs === null) return;
    try {
      await provider.refreshActivity(sandboxId);
      watched.refreshedAt = clock.now();
      watched.refreshedMono = clock.mono();
      watched.failing = false;
    } catch (error) {
      if (this.#stopped || session.record.sandboxId !== sandboxId) return;
      watched.dueAt = clock.mono() + this.#lookMs / RETRIES_PER_LOOK;
      // What made it wanted still counts then, for as long as the platform may not have stopped it.
      if (clock.mono() - since < autoStopMs) watched.lookedAt = since;
      this.#tellFailure(session, watched, toHubError(error).message);
    }
  }

  /** Once per row of failures in the timeline; each in the log. */
  #tellFailure(session: Session, watched: Watched, said: string): void {
    const { log, autoStopMs } = this.#options;
    const stopsAt = new Date(watched.refreshedAt + (autoStopMs ?? 0)).toISOString();
    log.warn({ session: session.record.id, stopsAt, said }, "a sandbox cannot be kept awake");
    if (watched.failing) return;
    watched.failing = true;
    const text = `cannot be kept awake (${said}): the platform stops it at about ${stopsAt}`;
    session.ledger.tryNote("activity.changed", text, { stopsAt, said });
  }

  #pauseIdle(session: Session, watched: Watched): void {
    const { idlePauseMs, clock, log } = this.#options;
    const { record } = session;
    if (idlePauseMs === null || record.state !== "connected" || session.halted !== null) return;
    // By both clocks: one that was set forward makes nobody idle.
    const idleMs = Math.min(clock.now() - record.activity.at, clock.mono() - watched.wantedAt);
    if (idleMs < idlePauseMs) return;
    const because = `after ${writeDuration(idlePauseMs)} without input or process`;
    log.info({ session: record.id, idleMs }, "pausing what nobody uses");
    whereKept(() => session.operate("operator.paused", because));
  }
}

const SENTENCES: Readonly<Record<WantedBecause, string>> = {
  input: "somebody types",
  process: "a process runs",
  reconnecting: "its driver is on its way back",
  unknown: "its driver does not tell what runs",
};
