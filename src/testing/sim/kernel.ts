/**
 * Simulated time: one heap of events for every process of a world, and clocks that processes own.
 * An event runs to its end, promises included, before the next one starts; two events of the same
 * instant run in an order drawn from the seed. Nothing here is real time.
 */
import { assert } from "../../base/assert.ts";
import type { Clock, TimerId } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { drainMicrotasks } from "./drain.ts";

interface Entry {
  readonly at: number;
  /** Random tie-break, then order of birth. */
  readonly tie: number;
  readonly id: number;
  /** Whose timer it is; null for what happens to the world. */
  readonly owner: SimProcess | null;
  run: (() => void) | null;
}

const TIMER_MS_MIN = 1;

/** Small enough to be an integer of the engine, which costs no allocation. */
const TIES = 2 ** 30;

/** Wall time at which every simulated world begins. */
export const EPOCH_MS = Date.UTC(2030, 0, 1);

export class SimKernel {
  readonly #heap: Entry[] = [];
  readonly #random: Random;
  #now = 0;
  #births = 0;
  #ran = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  get eventsRun(): number {
    return this.#ran;
  }

  /** Whole milliseconds: two times that should be equal are. */
  at(delayMs: number, run: () => void, owner: SimProcess | null = null): Entry {
    const entry: Entry = {
      at: this.#now + Math.max(0, Math.round(delayMs)),
      tie: Math.floor(this.#random.next() * TIES),
      id: this.#births++,
      owner,
      run,
    };
    this.#push(entry);
    return entry;
  }

  /** Runs everything up to `untilMs`; `after` sees the world between any two events. */
  run(untilMs: number, after: () => void): void {
    for (;;) {
      const [next] = this.#heap;
      if (next === undefined || next.at > untilMs) break;
      this.#pop();
      if (next.run === null) continue;
      this.#now = next.at;
      if (next.owner === null) next.run();
      else next.owner.ring(next);
      drainMicrotasks();
      this.#ran += 1;
      after();
    }
    this.#now = untilMs;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !before(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, left)) child += 1;
      const best = heap[child];
      if (best === undefined || !before(best, last)) break;
      heap[at] = best;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.id < b.id : a.tie < b.tie;
}

/**
 * A simulated process: its clock, and whether it runs. A frozen process gets its timers and
 * messages when it thaws, all at once and late; a dead one never.
 */
export class SimProcess {
  readonly clock: Clock;
  readonly #kernel: SimKernel;
  #alive = true;
  #frozen = false;
  /** It runs again, and does first what came while it was frozen. */
  #thawing = false;
  #lagMs = 0;
  /** Messages that it does not read, while it is deaf; null while it reads. */
  #unread: (() => void)[] | null = null;
  /** When it has done what it was given while it lagged. */
  #busyUntilMs = 0;
  /** Since when nothing has held it up. */
  #promptSinceMs = -Infinity;
  #wallSkewMs = 0;
  #held: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];

  constructor(kernel: SimKernel) {
    this.#kernel = kernel;
    this.clock = {
      now: () => EPOCH_MS + kernel.now + this.#wallSkewMs,
      mono: () => kernel.now,
      // No timer of a real process is shorter than this.
      setTimeout: (fn, ms) => kernel.at(Math.max(TIMER_MS_MIN, ms), fn, this),
      clearTimeout: (id: TimerId) => {
        if (typeof id === "object" && id !== null) (id as Entry).run = null;
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Its event loop is busy: it has still to do what came before. */
  get late(): boolean {
    return this.#lagMs > 0 || this.#kernel.now < this.#busyUntilMs;
  }

  /** It has read and done everything at once for this long. */
  prompt(forMs: number): boolean {
    const { now } = this.#kernel;
    const free = !this.#frozen && this.#lagMs === 0 && this.#unread === null;
    return free && now - Math.max(this.#promptSinceMs, this.#busyUntilMs) > forMs;
  }

  /** Runs `fn` as this process would: now, late, after the thaw, or never. */
  run(fn: () => void): void {
    if (this.#isIdle()) fn();
    else if (!this.#alive) return;
    else if (this.#frozen || this.#thawing) this.#held.push(fn);
    else {
      const { now } = this.#kernel;
      // In order: what was given first is done first, also when the lag ends.
      this.#busyUntilMs = Math.max(this.#busyUntilMs, now + this.#lagMs);
      this.#kernel.at(this.#busyUntilMs - now, () => {
        if (this.#frozen) this.#held.push(fn);
        else if (this.#alive) fn();
      });
    }
  }

  /** A timer is due. One that is cleared while its process is frozen does not run after it. */
  ring(timer: Entry): void {
    if (this.isFree()) timer.run?.();
    else this.run(() => timer.run?.());
  }

  /** What it is given now is done now. */
  protected isFree(): boolean {
    return this.#isIdle();
  }

  #isIdle(): boolean {
    const held = !this.#alive || this.#frozen || this.#thawing;
    return !held && this.#lagMs === 0 && this.#kernel.now >= this.#busyUntilMs;
  }

  /** A message arrived: it is read now, or when the process reads again. */
  hear(fn: () => void): void {
    if (this.#unread === null) this.run(fn);
    else this.#unread.push(fn);
  }

  /** From now on its sockets are up, and it reads none of them. */
  block(): void {
    this.#unread ??= [];
  }

  unblock(): void {
    const unread = this.#unread ?? [];
    this.#unread = null;
    this.#promptSinceMs = this.#kernel.now;
    for (const fn of unread) this.run(fn);
  }

  /** A busy event loop: from now on everything is done this much later. */
  lag(byMs: number): void {
    this.#lagMs = byMs;
    this.#promptSinceMs = this.#kernel.now;
  }

  jumpWall(byMs: number): void {
    this.#wallSkewMs += byMs;
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#promptSinceMs = this.#kernel.now;
    if (!this.#thawing) this.#doHeld();
  }

  /** One by one and in order: each may freeze or end the process again. */
  #doHeld(): void {
    this.#thawing = this.#held.length > 0;
    if (!this.#thawing) return;
    this.#kernel.at(0, () => {
      this.#thawing = false;
      if (this.#frozen || !this.#alive) return;
      this.#held.shift()?.();
      if (!this.#frozen) this.#doHeld();
    });
  }

  onDeath(fn: () => void): void {
    this.#onDeath.push(fn);
  }

  /** kill -9: no timer, no message, no promise of this process runs again. */
  kill(): void {
    assert(this.#alive, "a process dies once");
    this.#alive = false;
    this.#held = [];
    for (const fn of this.#onDeath) fn();
  }
}
