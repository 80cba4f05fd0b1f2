/**
 * What runs for people in this sandbox: commands that are under way, and terminals in which
 * something else runs than a shell that waits. Tells whoever listens when that changes. Probes
 * never come here.
 */
import type { Clock } from "../base/clock.ts";
import type { Away, JobsTold } from "../protocol/control.ts";

export interface Job {
  readonly kind: "exec" | "terminal";
  readonly pid: number;
  readonly program: string;
}

/** Whether something runs in the terminal that `pid` leads; `null` when that cannot be seen. */
export type TerminalIsBusy = (pid: number) => boolean | null;

/** A build that starts in a terminal is told this soon; the hub asks itself every few minutes. */
const LOOK_MS = 10_000;
const PROGRAM_CHARS_MAX = 64;

const NOTHING: JobsTold = { running: 0, away: null, oldest: null };

interface Entered extends Job {
  readonly startedAt: number;
}

export class Jobs {
  readonly #clock: Clock;
  readonly #isBusy: TerminalIsBusy;
  readonly #entered = new Set<Entered>();
  readonly #listeners = new Set<(told: JobsTold) => void>();
  #away: Away | null = null;
  #timer: unknown = null;
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
    const running = [...this.#entered].filter(
      ({ kind, pid }) => kind === "exec" || this.#isBusy(pid) !== false,
    );
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
    // Only what happens inside a terminal comes without a word.
    if (![...this.#entered].some(({ kind }) => kind === "terminal")) return;
    this.#timer = this.#clock.setTimeout(() => this.#look(), LOOK_MS);
  }
}

/** Without path and arguments: those may hold what is nobody's business. */
function nameOf(program: string): string {
  return (program.split("/").at(-1) ?? program).slice(0, PROGRAM_CHARS_MAX);
}
