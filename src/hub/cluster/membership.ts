/**
 * Whether this hub may act, and which others are dead. A hub beats in the store; it may act until a
 * deadline that it counts from the moment in which its last good beat was sent. Another is dead
 * when its beat stood still for longer than that, on the observer's own clock, and the observer
 * itself beat well all the while. So no clock of another machine, and none of the database, decides
 * anything: whoever is declared dead has stopped acting before.
 *
 * A process that ended is known sooner: its beat stands still, its connection to the store is
 * closed, and its door refuses who dials. Each alone happens to hubs that live, so all three are
 * asked for; and a hub whose own connection broke stops acting before others may conclude anything.
 *
 * Owns the beat and its verdicts; what is owned, claimed or given back is ownership.ts.
 */
import type { Clock } from "../../base/clock.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import type { HubRow, HubSelf, RollBook } from "./roll-book.ts";

const BEAT_MS = 500;
/** After one that failed: a store that was away for a moment must not cost the lease. */
const AGAIN_MS = 250;
/** A beat that stands still for longer is a hub that is dead. One that hangs, and the next, fit. */
export const LEASE_TTL_MS = 4_000;
/** For what lies between the check of a deadline and the act, and for clocks that drift. */
const MARGIN_MS = 1_000;
/** So long without a beat and without a connection: it is asked for at its door. */
const ENDED_MS = 1_000;
/** Whose own connection broke acts no longer than this: less than others wait. */
const CUT_OFF_MS = 500;
/** One that takes so long is told of: half as much again, and this hub may not act. */
const LATE_MS = 2_000;
/** Two beats that are further apart mean that this hub stood still, and saw nobody. */
const STOOD_STILL_MS = 2_000;

export interface MembershipOptions {
  readonly self: HubSelf;
  readonly book: RollBook;
  /** Its machine answers and no process listens there. Nothing that is silent or late refuses. */
  readonly refuses: (hub: HubRow) => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
  /** This hub was declared dead: others have its sessions, and it must end. */
  readonly onDeclaredDead: () => void;
  /** Other hubs that are dead, each time that one more is. */
  readonly onDead: (incs: readonly string[]) => void;
}

interface Seen {
  readonly beat: number;
  /** Monotonic ms since which it is the same, as far as this hub could see. */
  readonly since: number;
  /** The same of its connection's being closed; null while it stands, or was never seen. */
  readonly unlinkedSince: number | null;
  readonly wasLinked: boolean;
  readonly row: HubRow;
}

export class Membership {
  readonly #options: MembershipOptions;
  #seen = new Map<string, Seen>();
  #rows: readonly HubRow[] = [];
  /** Owners that are on no list, and monotonic ms since when. */
  #unlisted = new Map<string, number>();
  readonly #dead = new Set<string>();
  /** Null before the first good beat, and once declared dead. */
  #deadline: { readonly mono: number; readonly wall: number } | null = null;
  /** Monotonic ms since which each beat was good and none was late. */
  #steadySince: number | null = null;
  #beatAt: number | null = null;
  /** Why beats failed since the last good one, each reason told once. */
  readonly #silence = new Set<string>();
  #stopped = false;
  #draining = false;
  #timer: unknown = null;
  /** What waits for the next good beat. */
  #acting: PromiseWithResolvers<undefined> | null = null;
  readonly #mourners = new Set<() => void>();
  /** A beat failed, or the connection broke, since the last good one. */
  #wasAway = false;
  readonly #welcomers = new Set<() => void>();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Enters this life and beats for the first time. */
  async start(): Promise<void> {
    const { book, self } = this.#options;
    await book.register(self);
    await this.#beat();
    this.#arm();
  }

  /** A hub that has only just entered knows no others yet. */
  get isAlone(): boolean {
    return !this.#rows.some(({ inc, state }) => inc !== this.inc && state !== "dead");
  }

  /** Hubs that ask the platform, this one included; 0 before it is one of them. */
  get asking(): number {
    return this.#rows.filter(({ state }) => state === "live" || state === "draining").length;
  }

  /** Another hub would take what this one gives back. */
  get hasHeir(): boolean {
    return this.#rows.some(({ inc, state }) => inc !== this.inc && state === "live");
  }

  /** Beats no more. What this hub owns is others' once its beat has stood still for long enough. */
  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** The last word of this life: it owns nothing any more. */
  async leave(): Promise<void> {
    this.stop();
    this.#deadline = null;
    await this.#options.book.enter(this.#options.self.inc, "gone");
  }

  /** Asks for no new sessions, and beats on for those that it has. */
  drain(): Promise<void> {
    this.#draining = true;
    return this.#options.book.enter(this.#options.self.inc, "draining");
  }

  /** Asks for sessions again, as before it drained. */
  async serve(): Promise<void> {
    await this.#options.book.enter(this.#options.self.inc, "live");
    this.#draining = false;
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** It may act for as long as `forMs` from now. Asked right before each act, never earlier. */
  mayAct(forMs = 0): boolean {
    return this.leaseMs > forMs;
  }

  /**
   * Null while it may act; else there once it may again. A hub that was declared dead never may:
   * its process ends.
   */
  acting(): Promise<void> | null {
    if (this.mayAct()) return null;
    this.#acting ??= Promise.withResolvers<undefined>();
    return this.#acting.promise;
  }

  /**
   * It may write down what it learns for one lease longer: the fence of each row judges that, and a
   * beat that was late by a moment begins no work of a session anew. What is asked of the platform
   * waits for the next beat all the same.
   */
  mayNote(): boolean {
    return this.#leftMs > -LEASE_TTL_MS;
  }

  /** The connection on which it beats broke: the next good beat gives the whole lease again. */
  cutOff(): void {
    this.#wasAway = true;
    if (this.#deadline === null) return;
    const { clock } = this.#options;
    const { mono, wall } = this.#deadline;
    this.#deadline = {
      mono: Math.min(mono, clock.mono() + CUT_OFF_MS),
      wall: Math.min(wall, clock.now() + CUT_OFF_MS),
    };
  }

  /** What is left of it. */
  get leaseMs(): number {
    return Math.max(0, this.#leftMs);
  }

  /** Below zero once it is over; a clock that was set only ever takes some away. */
  get #leftMs(): number {
    if (this.#deadline === null) return -Infinity;
    const { clock } = this.#options;
    const { mono, wall } = this.#deadline;
    // A machine that slept may have stopped one of the two.
    return Math.min(mono - clock.mono(), wall - clock.now());
  }

  get inc(): string {
    return this.#options.self.inc;
  }

  /** All that are not gone, as the last good beat saw them. */
  get hubs(): readonly HubRow[] {
    return this.#rows;
  }

  get dead(): readonly string[] {
    return [...this.#dead];
  }

  /** Told of each death, until the answer is called. */
  onDeath(told: () => void): () => void {
    this.#mourners.add(told);
    return () => this.#mourners.delete(told);
  }

  /** Told each time that the store is back: it may be a copy that has not the newest of all. */
  onReturn(told: () => void): void {
    this.#welcomers.add(told);
  }

  #arm(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    const waitMs = this.#waitMs();
    const due = clock.mono() + waitMs;
    this.#timer = clock.setTimeout(() => {
      const late = clock.mono() - due;
      void this.#beat()
        .finally(() => this.#arm())
        .then(() => this.#tellLate(late, clock.mono() - due - late));
    }, waitMs);
  }

  /** Late before it was sent is this hub's own event loop; afterwards it may be the store, too. */
  #tellLate(sentLateMs: number, tookMs: number): void {
    if (sentLateMs + tookMs < LATE_MS) return;
    const told = { sentLateMs: Math.round(sentLateMs), tookMs: Math.round(tookMs) };
    this.#options.log.warn(told, "a beat came late");
  }

  /** Whoever is due before the next beat is looked at when it is due: that beat has the verdict. */
  #waitMs(): number {
    if (this.#steadySince === null) return AGAIN_MS;
    const now = this.#options.clock.mono();
    const due = [...this.#seen.values()].map((seen) => dueAt(seen) + 1 - now);
    // Overdue is whom another hub was faster with, or who beat after all: the next beat tells.
    return Math.min(BEAT_MS, ...due.map((ms) => (ms > 0 ? ms : AGAIN_MS)));
  }

  async #beat(): Promise<void> {
    const { book, clock, self, log } = this.#options;
    const sent = { mono: clock.mono(), wall: clock.now() };
    try {
      const rows = await book.beat(self.inc);
      if (this.#stopped) return;
      if (rows === null) {
        this.#declaredDead();
        return;
      }
      this.#heard();
      const leaseMs = LEASE_TTL_MS - MARGIN_MS;
      this.#deadline = { mono: sent.mono + leaseMs, wall: sent.wall + leaseMs };
      if (this.mayAct()) this.#acting?.resolve(undefined);
      if (this.mayAct()) this.#acting = null;
      this.#look(rows);
      await this.#judge();
    } catch (error) {
      this.#wasAway = true;
      // Nobody was seen meanwhile: all get their whole time again.
      this.#steadySince = null;
      const why = toHubError(error).message;
      if (!this.#silence.has(why)) log.warn({ error: why }, "no beat: the store does not answer");
      this.#silence.add(why);
    }
  }

  #heard(): void {
    if (this.#wasAway) for (const told of this.#welcomers) told();
    this.#wasAway = false;
    if (this.#silence.size === 0) return;
    this.#silence.clear();
    this.#options.log.warn({}, "the store answers again: this hub beats");
  }

  #declaredDead(): void {
    this.stop();
    this.#deadline = null;
    this.#options.log.error({ inc: this.#options.self.inc }, "declared dead by another hub");
    this.#options.onDeclaredDead();
  }

  #look(rows: readonly HubRow[]): void {
    const { clock, self } = this.#options;
    const now = clock.mono();
    const stoodStill = this.#beatAt !== null && now - this.#beatAt > STOOD_STILL_MS;
    this.#beatAt = now;
    if (stoodStill) this.#steadySince = null;
    const amnesty = this.#steadySince === null;
    this.#steadySince ??= now;
    this.#rows = rows;
    const before = this.#seen;
    this.#seen = new Map();
    for (const row of rows) {
      if (row.inc === self.inc) continue;
      if (row.state === "dead") this.#bury(row.inc, "another hub declared it dead");
      else
        this.#seen.set(row.inc, this.#sight(row, amnesty ? undefined : before.get(row.inc), now));
    }
  }

  #sight(row: HubRow, known: Seen | undefined, now: number): Seen {
    const { beat, linked } = row;
    // A store that went back in time calls it living again: once dead it stays so.
    if (this.#dead.has(row.inc)) {
      return { row, beat, since: -Infinity, unlinkedSince: null, wasLinked: false };
    }
    const since = known?.beat === beat ? known.since : now;
    const wasLinked = linked || known?.wasLinked === true;
    const unlinkedSince = linked || !wasLinked ? null : (known?.unlinkedSince ?? now);
    return { row, beat, since, unlinkedSince, wasLinked };
  }

  /**
   * Owners of sessions, as the store names them. One that is on no list any more, because the store
   * came back with an older one, beats nowhere: it is as dead as one that stands still.
   */
  hearOwners(owners: readonly string[]): void {
    const now = this.#options.clock.mono();
    const listed = new Set(this.#rows.map(({ inc }) => inc));
    const before = this.#unlisted;
    this.#unlisted = new Map();
    if (this.#steadySince === null) return;
    for (const inc of owners) {
      if (listed.has(inc) || inc === this.inc) continue;
      const since = Math.max(before.get(inc) ?? now, this.#steadySince);
      if (now - since > LEASE_TTL_MS && this.mayAct()) {
        this.#bury(inc, "the store has it on no list any more");
      } else this.#unlisted.set(inc, since);
    }
  }

  #bury(inc: string, why: string): void {
    if (this.#dead.has(inc)) return;
    this.#dead.add(inc);
    this.#options.log.warn({ inc, why }, "a hub is dead");
    this.#options.onDead(this.dead);
    for (const told of this.#mourners) told();
  }

  /** One compare-and-swap ends all that a dead hub owned; one that beats after all stays. */
  async #judge(): Promise<void> {
    const now = this.#options.clock.mono();
    const due = [...this.#seen.values()].filter((seen) => now > dueAt(seen));
    // All doors at once: the next beat waits for those that say nothing.
    const whys = await Promise.all(due.map((seen) => this.#whyDead(seen, now)));
    for (const [at, { row, beat }] of due.entries()) {
      const why = whys[at] ?? null;
      if (why === null || !this.mayAct()) continue;
      if (await this.#options.book.declareDead(row.inc, beat)) this.#bury(row.inc, why);
    }
  }

  /** Null of one that may live. */
  async #whyDead({ row, since }: Seen, now: number): Promise<string | null> {
    if (now - since > LEASE_TTL_MS) return "its beat stood still";
    return (await this.#options.refuses(row)) ? "its process ended" : null;
  }
}

/** When there is something to conclude of it at the soonest, monotonic ms. */
function dueAt({ since, unlinkedSince }: Seen): number {
  const lateAt = since + LEASE_TTL_MS;
  if (unlinkedSince === null) return lateAt;
  return Math.min(lateAt, Math.max(since, unlinkedSince) + ENDED_MS);
}
