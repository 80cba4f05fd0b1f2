/**
 * How many hellos a hub takes in a second. When all links of a hub come back at once, each costs an
 * epoch in the store or an attach, and whoever waits in the socket's queue for longer than its own
 * patience dials again and makes the queue longer. So the rest is told when to come, each at a time
 * of its own. Drivers go first: without them clients have nothing to attach to. Their proofs are
 * dearer by far and have a row of their own (ProofQueue).
 *
 * It also knows for how long a driver that is missing may only be waiting here.
 */
import type { Clock } from "../../base/clock.ts";
import { limits } from "../../base/limits.ts";
import type { DriverQueue } from "../session/work-desk.ts";

/** Each is under a millisecond of the hub's processor. */
const HELLOS_PER_SECOND = 1_000;
/** A thousand sessions with a client each are back at once. */
const BURST = 2_000;
/** Of these, only for drivers. */
const FOR_DRIVERS = 800;
/** More than these at a start come one behind the other. */
const STARTED_WITH = 500;
/** More than these break together. */
const LOST_TOGETHER = 50;
/** Nobody is sent away for longer, however many ask. */
const LATER_MS_MAX = 60_000;
const EVERY_MS = 1_000 / HELLOS_PER_SECOND;
/** While one follows the other within this time, the next one is on its way. */
const STREAM_GAP_MS = 2_000;

export class HelloRate implements DriverQueue {
  readonly #clock: Clock;
  #left = BURST;
  #countedAtMs: number;
  /** The last moment that somebody was told to come at. */
  #promisedAtMs = 0;
  #queueUntilMs = -Infinity;
  #crowdedUntilMs = -Infinity;
  #losses = 0;
  #lossesSinceMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedAtMs = clock.mono();
  }

  get leftMs(): number {
    return Math.max(0, this.#queueUntilMs - this.#clock.mono());
  }

  expects(drivers: number): void {
    if (drivers > STARTED_WITH) this.#queues(Math.max(limits.REDIAL_MAX_MS, drivers * EVERY_MS));
  }

  /**
   * Turn after turn drivers dialled as fast as the doors give: more wait behind them, in the
   * kernel, where nobody can count them.
   */
  crowded(): void {
    this.#crowdedUntilMs = this.#clock.mono() + STREAM_GAP_MS;
    this.#queues(STREAM_GAP_MS);
  }

  /** Whether who comes next may have to wait at the door. */
  get isCrowded(): boolean {
    return this.#clock.mono() < this.#crowdedUntilMs;
  }

  /** A driver's link broke. Many that break at once come back at once, a pause later at most. */
  lost(): void {
    const nowMs = this.#clock.mono();
    if (nowMs - this.#lossesSinceMs > limits.REDIAL_MAX_MS) {
      this.#lossesSinceMs = nowMs;
      this.#losses = 0;
    }
    this.#losses += 1;
    if (this.#losses > LOST_TOGETHER) this.#queues(limits.REDIAL_MAX_MS);
  }

  /** Null when it may go on, else after how many ms it should come again. */
  ask(role: "driver" | "client"): number | null {
    const nowMs = this.#clock.mono();
    this.#left = Math.min(BURST, this.#left + (nowMs - this.#countedAtMs) / EVERY_MS);
    this.#countedAtMs = nowMs;
    if (this.#left >= 1 + (role === "client" ? FOR_DRIVERS : 0)) {
      this.#left -= 1;
      if (role === "driver" && this.leftMs > 0) this.#queues(STREAM_GAP_MS);
      return null;
    }
    const fromMs = Math.max(this.#promisedAtMs, nowMs);
    this.#promisedAtMs = Math.min(fromMs + EVERY_MS, nowMs + LATER_MS_MAX);
    const laterMs = Math.ceil(this.#promisedAtMs - nowMs);
    if (role === "driver") this.#queues(laterMs + STREAM_GAP_MS);
    return laterMs;
  }

  #queues(forMs: number): void {
    this.#queueUntilMs = Math.max(this.#queueUntilMs, this.#clock.mono() + forMs);
  }
}
