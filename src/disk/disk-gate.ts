/**
 * Lets only so many filesystem calls run at once. A call on a dead mount never returns and keeps
 * one of the few threads that Node has for all of them, and a check of health needs one, too.
 */
import type { Clock } from "../base/clock.ts";
import { DiskFault } from "./disk-fault.ts";

/** Half of the threads that Node starts with. */
const AT_ONCE = 2;
/** A disk under load is slow; one that takes longer than this for one call is not there. */
const ANSWER_MS = 60_000;

interface Waiting {
  /** Its caller was told that it is too late. */
  late: boolean;
  readonly begin: () => void;
}

export class DiskGate {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A call that is late is told so. Its thread is free again only when it returns; one that had no
   * turn until then is not made any more.
   */
  run<T>(call: () => Promise<T>, answerMs: number = ANSWER_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        const done = (): void => {
          this.#clock.clearTimeout(timer);
          this.#next();
        };
        call().then(
          (value) => {
            done();
            resolve(value);
          },
          (error: unknown) => {
            done();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      };
      const turn: Waiting = { late: false, begin };
      const timer = this.#clock.setTimeout(() => {
        turn.late = true;
        const seconds = answerMs / 1_000;
        reject(new DiskFault("TIMEOUT", `the filesystem has not answered for ${seconds} s`));
      }, answerMs);
      if (this.#running >= AT_ONCE) this.#waiting.push(turn);
      else {
        this.#running += 1;
        begin();
      }
    });
  }

  #next(): void {
    let turn = this.#waiting.shift();
    while (turn?.late === true) turn = this.#waiting.shift();
    if (turn === undefined) this.#running -= 1;
    else turn.begin();
  }
}
