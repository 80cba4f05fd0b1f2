/**
 * Judges one link by time: sends pings, says suspect and dead, and notices when this process
 * itself was frozen. Pure: a clock, callbacks, no socket. Hub, driver and client share it.
 *
 * It does not decide what follows: the hub fences a dead driver, a driver re-dials.
 *
 * Two rules keep it honest
 * - A ticker that fires late by more than STALL_MS was stopped with its process. The silence of
 *   the peer is then unproven (its bytes may wait in the kernel), so the count starts anew.
 * - Wall and monotonic time that part by more than CLOCK_JUMP_MS, or a tick that late, mean a
 *   suspend, a restore or a freeze: the other end of the socket may be long gone.
 */
import type { Clock, TimerId } from "../base/clock.ts";
import { limits } from "../base/limits.ts";
import { decodePing, encodePing } from "../protocol/bodies.ts";

/** A freeze is noticed this soon after it ends. */
const TICK_MS = 500;
/** Pings whose answer is awaited; older ones are forgotten. */
const OUTSTANDING_MAX = 32;

export interface ClockJump {
  /** How late this tick was on monotonic time. */
  readonly lateMs: number;
  /** Wall time that passed since the last tick minus monotonic time that passed. */
  readonly skewMs: number;
}

export interface Pong {
  readonly n: number;
  /** Clock.mono() when it arrived. */
  readonly atMonoMs: number;
  /** Clock.now() when it arrived. */
  readonly atMs: number;
  readonly roundTripMs: number;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly pingMs: number;
  /**
   * The other side asks in this rhythm, and each of its questions is a word from it. This side asks
   * once at first, and then only when it suspects the other or stood still itself: thousands that
   * are late together would ask twice as much of who is late with them.
   */
  readonly isAsked?: boolean;
  /** Silence after which the peer is suspected; it may come back from that. */
  readonly suspectMs: number;
  /** Silence after which the link is dead, for good. */
  readonly deadMs: number;
  /** Sends one PING body (8 bytes). */
  readonly send: (body: Uint8Array) => void;
  readonly onSuspect?: (silentMs: number) => void;
  /** The suspected peer spoke again. */
  readonly onAlive?: () => void;
  /** Called once; the heartbeat has stopped by then. */
  readonly onDead: (silentMs: number) => void;
  readonly onJump?: (jump: ClockJump) => void;
  /** The next ping number (u32). The hub draws its own, so that an answer is proof. */
  readonly nextPing?: () => number;
}

export interface Heartbeat {
  readonly state: "alive" | "suspect" | "dead" | "stopped";
  /** Any inbound frame, also a PONG: the peer lives. */
  received(): void;
  /** A PONG body. Returns the pong when it answers a ping of this heartbeat, else null. */
  ponged(body: Uint8Array): Pong | null;
  /** Sends a ping now, outside the rhythm. Returns its number. */
  ping(): number;
  /** The body that answers this PING: its number, and how late this side's own loop was. */
  answer(body: Uint8Array): Uint8Array;
  readonly lastPong: Pong | null;
  /** The peer's is in its pings and answers; this is our own since we last told it. */
  readonly loopLagMs: number;
  readonly silentMs: number;
  stop(): void;
}

/** Sends the first ping at once. */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  return new TimedHeartbeat(options);
}

class TimedHeartbeat implements Heartbeat {
  state: Heartbeat["state"] = "alive";
  lastPong: Pong | null = null;
  loopLagMs = 0;
  readonly #options: HeartbeatOptions;
  readonly #clock: Clock;
  readonly #outstanding = new Map<number, number>();
  #counter = 0;
  #heardAtMs: number;
  #pingedAtMs: number;
  #tickedAtMs: number;
  #tickedAtWallMs: number;
  #dueAtMs: number;
  #timer: TimerId = null;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const nowMs = this.#clock.mono();
    this.#heardAtMs = nowMs;
    this.#pingedAtMs = nowMs;
    this.#tickedAtMs = nowMs;
    this.#dueAtMs = nowMs;
    this.#tickedAtWallMs = this.#clock.now();
    this.ping();
    this.#arm();
  }

  get silentMs(): number {
    return this.#clock.mono() - this.#heardAtMs;
  }

  ping(): number {
    const n = (this.#options.nextPing?.() ?? ++this.#counter) >>> 0;
    this.#pingedAtMs = this.#clock.mono();
    if (this.#outstanding.size >= OUTSTANDING_MAX) {
      const [oldest] = this.#outstanding.keys();
      if (oldest !== undefined) this.#outstanding.delete(oldest);
    }
    this.#outstanding.set(n, this.#pingedAtMs);
    this.#options.send(this.#tell(n));
    return n;
  }

  answer(body: Uint8Array): Uint8Array {
    return this.#tell(decodePing(body).n);
  }

  #tell(n: number): Uint8Array {
    const told = encodePing({ n, loopLagMs: this.loopLagMs });
    this.loopLagMs = 0;
    return told;
  }

  received(): void {
    if (!this.#running) return;
    this.#heardAtMs = this.#clock.mono();
    if (this.state !== "suspect") return;
    this.state = "alive";
    this.#options.onAlive?.();
  }

  ponged(body: Uint8Array): Pong | null {
    const { n } = decodePing(body);
    const sentAtMs = this.#outstanding.get(n);
    if (sentAtMs === undefined) return null;
    this.#outstanding.delete(n);
    const atMonoMs = this.#clock.mono();
    this.lastPong = { n, atMonoMs, atMs: this.#clock.now(), roundTripMs: atMonoMs - sentAtMs };
    this.received();
    return this.lastPong;
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#running) this.state = "stopped";
  }

  get #running(): boolean {
    return this.state === "alive" || this.state === "suspect";
  }

  get #pingDueAtMs(): number {
    const { pingMs, isAsked } = this.#options;
    return isAsked === true ? Infinity : this.#pingedAtMs + pingMs;
  }

  #arm(): void {
    const { suspectMs, deadMs, onJump } = this.#options;
    const nowMs = this.#clock.mono();
    const limitAtMs = this.#heardAtMs + (this.state === "alive" ? suspectMs : deadMs);
    // Where nobody wants to hear of a freeze at once, its lateness at the next ping is enough: a
    // hub has two of these for each session.
    const tickAtMs = onJump === undefined ? Infinity : nowMs + TICK_MS;
    const nextMs = Math.min(tickAtMs, this.#pingDueAtMs, limitAtMs);
    this.#dueAtMs = Math.max(nowMs, nextMs);
    this.#timer = this.#clock.setTimeout(this.#tick, Math.ceil(this.#dueAtMs - nowMs));
  }

  readonly #tick = (): void => {
    const nowMs = this.#clock.mono();
    const wallMs = this.#clock.now();
    const lateMs = Math.max(0, nowMs - this.#dueAtMs);
    const skewMs = wallMs - this.#tickedAtWallMs - (nowMs - this.#tickedAtMs);
    this.#tickedAtMs = nowMs;
    this.#tickedAtWallMs = wallMs;
    this.loopLagMs = Math.max(this.loopLagMs, lateMs);
    if (lateMs > limits.STALL_MS) {
      this.#heardAtMs = nowMs;
      this.ping();
    }
    if (lateMs > limits.CLOCK_JUMP_MS || Math.abs(skewMs) > limits.CLOCK_JUMP_MS) {
      this.#options.onJump?.({ lateMs, skewMs });
    }
    this.#judge(nowMs);
    if (!this.#running) return;
    if (nowMs >= this.#pingDueAtMs) this.ping();
    this.#arm();
  };

  #judge(nowMs: number): void {
    const silentMs = nowMs - this.#heardAtMs;
    if (this.state === "alive" && silentMs >= this.#options.suspectMs) {
      this.state = "suspect";
      this.ping();
      this.#options.onSuspect?.(silentMs);
    }
    if (this.state === "suspect" && silentMs >= this.#options.deadMs) {
      this.state = "dead";
      this.#options.onDead(silentMs);
    }
  }
}
