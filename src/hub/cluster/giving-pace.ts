/**
 * How fast a hub that drains gives its sessions back: no faster than others prove them again, so
 * that none waits in silence behind a crowd, and fast enough to be through before a stop must end.
 * Owns the pace; who is given, and in which order, is ownership.ts.
 */
import type { Clock } from "../../base/clock.ts";

/** All are given back within this, however slow those are that take them. */
const SPREAD_MS = 15_000;
export const RELEASE_EVERY_MS = 200;
/** Given and not yet proven: what a machine of two cores works off in a third of a second. */
const UNDER_WAY_MAX = 20;
/** One after the other, not as a storm. */
const AT_ONCE_MAX = 10;
/** One on its way for longer waits for something else: a driver that is gone, a platform. */
const UNDER_WAY_MS_MAX = 5_000;

export class GivingPace {
  readonly #clock: Clock;
  readonly #unproven: (ids: readonly string[]) => Promise<readonly string[]>;
  /** Monotonic ms. */
  readonly #beganAt: number;
  #givenCount = 0;
  #given: { readonly at: number; readonly ids: readonly string[] }[] = [];

  /** `unproven`: of these, those that nobody has proven again. */
  constructor(clock: Clock, unproven: (ids: readonly string[]) => Promise<readonly string[]>) {
    this.#clock = clock;
    this.#unproven = unproven;
    this.#beganAt = clock.mono();
  }

  /** How many of those that are left to give now. */
  async part(left: number): Promise<number> {
    const now = this.#clock.mono();
    // By the time that has passed, for a step may take longer than it should.
    const share = Math.min(1, (now - this.#beganAt + RELEASE_EVERY_MS) / SPREAD_MS);
    const due = Math.ceil((this.#givenCount + left) * share) - this.#givenCount;
    this.#given = this.#given.filter(({ at }) => now - at < UNDER_WAY_MS_MAX);
    const ids = this.#given.flatMap((part) => part.ids);
    const underWay = ids.length === 0 ? 0 : (await this.#unproven(ids)).length;
    return Math.max(due, Math.min(AT_ONCE_MAX, UNDER_WAY_MAX - underWay));
  }

  gave(ids: readonly string[]): void {
    this.#givenCount += ids.length;
    this.#given.push({ at: this.#clock.mono(), ids });
  }
}
