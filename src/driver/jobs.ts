/**
 * What runs for people in this sandbox: commands that are under way, terminals in which something
 * else runs than a shell that waits, and copies and connections as long as bytes move. Tells
 * whoever listens when that changes. Probes never come here.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import type { Away, JobsTold } from "../protocol/control.ts";

export interface Job {
  readonly kind: "exec" | "terminal";
  readonly pid: number;
  readonly program: string;
}

/** A copy, or a connection to a port. */
export interface Carrying {
  readonly closed: boolean;
  /** Grows with each byte that is taken at either end. */
  readonly progress: number;
}

/** Whether something runs in the terminal that `pid` leads; `null` when that cannot be seen. */
export type TerminalIsBusy = (pid: number) => boolean | null;

/** A build that starts in a terminal is told this soon; the hub asks itself every few minutes. */
const LOOK_MS = 10_000;
const PROGRAM_CHARS_MAX = 64;
/** One that stood still for this long is work of nobody: its client was killed, or waits itself. */
const STILL_MS = 60_000;

const NOTHING: JobsTold = { running: 0, away: null, oldest: null };

interface Entered extends Job {
  readonly startedAt: number;
}

interface Carried {
  readonly what: string;
  readonly stream: Carrying;
  readonly startedAt: number;
  progress: number;
  /** When it was last seen to move; null before that. */
  movedAtMs: number | null;
}

export class Jobs {
  readonly #clock: Clock;
  readonly #isBusy: TerminalIsBusy;
  readonly #entered = new Set<Entered>();
  readonly #carried = new Set<Carried>();
  readonly #listeners = new Set<(told: JobsTold) => void>();
  #away: Away | null = null;
  #timer: TimerId = null;
  #told = JSON.stringify(NOTHING);

  constructor(clock: Clock, isBusy: TerminalIsBusy) {
    this.#clock = clock;
    this.#isBusy = isBusy;
  }

  /** A process has started. The returned function says that it is over. */
  entered(job: Job): () => void {
    const entered = { ...job, startedAt: this.#clock.now() };
    this.#entered.add(entered);
    this.#look();
    return () => {
      if (this.#entered.delete(entered)) this.#look();
    };
  }

  /** Bytes are to move on this stream; it is looked at until it is closed. */
  carries(what: string, stream: Carrying): void {
    const startedAt = this.#clock.now();
    this.#carried.add({ what, stream, startedAt, progress: stream.progress, movedAtMs: null });
    this.#arm();
  }

  /** Clients left without a word, or came back, or their time was over. */
  awayIs(away: Away | null): void {
    this.#away = away;
    this.#look();
  }

  /** Calls back with what runs now, and with each change. The returned function ends that. */
  listen(listener: (told: JobsTold) => void): () => void {
    this.#listeners.add(listener);
    listener(this.current());
    return () => this.#listeners.delete(listener);
  }

  current(): JobsTold {
    // A terminal that cannot be looked into counts: ending somebody's work is worse than a wait.
    const processes = [...this.#entered].filter(
      ({ kind, pid }) => kind === "exec" || this.#isBusy(pid) !== false,
    );
    const sinceMs = this.#clock.mono() - STILL_MS;
    const moving = [...this.#carried].filter(
      ({ movedAtMs }) => movedAtMs !== null && movedAtMs > sinceMs,
    );
    const running = [
      ...processes,
      ...moving.map(({ what, startedAt }) => ({ program: what, startedAt })),
    ];
    const [oldest = null] = running.sort((a, b) => a.startedAt - b.startedAt);
    return {
      running: running.length,
      away: this.#away,
      oldest: oldest && { program: nameOf(oldest.program), startedAt: oldest.startedAt },
    };
  }

  #look(): void {
    const told = this.current();
    const key = JSON.stringify(told);
    if (key !== this.#told) {
      this.#told = key;
      for (const listener of this.#listeners) listener(told);
    }
    this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#arm();
  }

  /** Only what happens inside a terminal, and in a stream, comes without a word. */
  #arm(): void {
    const silent = this.#carried.size > 0 || [...this.#entered].some(isTerminal);
    if (!silent) return;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#follow();
      this.#look();
    }, LOOK_MS);
  }

  #follow(): void {
    for (const carried of this.#carried) {
      const { stream, progress } = carried;
      if (stream.progress > progress) carried.movedAtMs = this.#clock.mono();
      carried.progress = stream.progress;
      if (stream.closed) this.#carried.delete(carried);
    }
  }
}

const isTerminal = ({ kind }: Job): boolean => kind === "terminal";

/** Without path and arguments: those may hold what is nobody's business. */
function nameOf(program: string): string {
  return (program.split("/").at(-1) ?? program).slice(0, PROGRAM_CHARS_MAX);
}
