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

export class DiskGate {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
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
      let late = false;
      const timer = this.#clock.setTimeout(() => {
        late = true;
        const seconds = answerMs / 1_000;
        reject(new DiskFault("TIMEOUT", `the filesystem has not answered for ${seconds} s`));
      }, answerMs);
      this.#enter(() => {
        if (late) {
          this.#leave();
          return;
        }
        const done = (): void => {
          this.#clock.clearTimeout(timer);
          this.#leave();
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
      });
    });
  }

  #enter(begin: () => void): void {
    if (this.#running >= AT_ONCE) {
      this.#waiting.push(begin);
      return;
    }
    this.#running += 1;
    begin();
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
