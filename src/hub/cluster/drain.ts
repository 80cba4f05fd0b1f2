/**
 * How a hub of several gives all its sessions back: first balancers learn that nobody is to be sent
 * here, then sessions go in parts, while the hub beats and serves what is left. Asked for by a stop
 * or by an operator; behind an operator's it stays, serves none, and joins people to the others.
 */
import type { Clock } from "../../base/clock.ts";

/** A balancer asks `/readyz` every second or two; nothing is closed before it knows. */
const BALANCER_MS = 3_000;

export const drainSteps = ["announced", "moving", "done"] as const;

export interface DrainView {
  readonly step: (typeof drainSteps)[number];
  readonly startedAt: string;
  /** What the hub had when it was asked to. */
  readonly sessions: number;
}

export interface DrainWork {
  readonly clock: Clock;
  readonly sessions: number;
  /** Nobody else is there to be sent to: nothing waits for balancers. */
  readonly isAlone: boolean;
  readonly giveBack: () => Promise<void>;
}

export class Drain {
  #step: DrainView["step"] = "announced";
  readonly #startedAt: number;
  readonly #sessions: number;
  readonly ended: Promise<void>;

  constructor(work: DrainWork) {
    this.#startedAt = work.clock.now();
    this.#sessions = work.sessions;
    this.ended = this.#run(work);
  }

  get view(): DrainView {
    const startedAt = new Date(this.#startedAt).toISOString();
    return { step: this.#step, startedAt, sessions: this.#sessions };
  }

  async #run({ clock, isAlone, giveBack }: DrainWork): Promise<void> {
    if (!isAlone) await new Promise<void>((next) => void clock.setTimeout(next, BALANCER_MS));
    this.#step = "moving";
    await giveBack();
    this.#step = "done";
  }
}
