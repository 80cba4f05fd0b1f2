/**
 * Which sessions this hub has. Ownership follows the driver: the hub on which it lands claims the
 * session when it is nobody's, or a dead hub's; what no driver came for is shared out after a
 * while. A claim compares what was seen, so of many that want one session, one gets it.
 *
 * Owns when to claim and to give back. Whether this hub may do anything at all is membership.ts.
 */
import type { Clock } from "../../base/clock.ts";
import { toHubError } from "../../base/hub-error.ts";
import type { Logger } from "../../base/log.ts";
import { GivingPace, RELEASE_EVERY_MS } from "./giving-pace.ts";
import type { Membership } from "./membership.ts";

/** Drivers redial within this: whoever holds the driver should have the session, too. */
const PREFER_DRIVER_MS = 2_000;
/** While so many are taken between two looks, the others stand in a queue, for so long at most. */
const STREAM_COUNT = 20;
const STREAM_MS_MAX = 15_000;
const SWEEP_MS = 1_000;
/** It reads all sessions, and matters only after a store went back in time. */
const LOOKS_PER_OWNERS = 5;
/** What was sent and given up may arrive at the store so much later: it is looked at again then. */
const ARRIVES_MS_MAX = 15_000;
/** Claimed at once: each becomes an actor that looks at its sandbox. */
const SWEEP_COUNT = 200;
/** More than are claimed while the first of them wait for their drivers. */
const LOOK_COUNT = 1_000;

export interface Place {
  readonly id: string;
  readonly owner: string | null;
  readonly fence: number;
}

/** The part of a store that says whose a session is; `R` is what a claim brings. */
export interface Claims<R> {
  /** Null when there is none. */
  whereabouts(idOrName: string): Promise<Place | null>;
  claim(id: string, seenFence: number): Promise<R | null>;
  /** What is this hub's, whether it knows or not. */
  places(): Promise<readonly Place[]>;
  /** Every hub that has a session, or a job that only one does. */
  owners(): Promise<readonly string[]>;
  /** Of nobody and of these hubs, the oldest. */
  orphans(dead: readonly string[], limit: number): Promise<readonly Place[]>;
  /** As `claim`: those of them that nobody took meanwhile. */
  claimAll(seen: readonly Place[]): Promise<readonly R[]>;
  release(ids: readonly string[]): Promise<readonly string[]>;
  /** Of those that were given back, those that wait for another hub to prove them. */
  unproven(ids: readonly string[]): Promise<readonly string[]>;
}

/** What this hub does with sessions. */
export interface Household<R> {
  has(id: string): boolean;
  owned(): readonly string[];
  /** It is this hub's from now on. */
  adopt(claimed: R): void;
  /** Drivers wait at this hub's doors: what nobody has may be theirs. */
  isCrowded(): boolean;
  /** To be given back: no act follows. What is returned tells the links, which live until then. */
  let(ids: readonly string[]): () => void;
}

export type Landing =
  | { readonly kind: "here" }
  | { readonly kind: "elsewhere"; readonly owner: string }
  /** Nobody can tell now, or its owner is about to be declared dead: ask again soon. */
  | { readonly kind: "wait" }
  | { readonly kind: "unknown" };

export class Ownership<R> {
  readonly #claims: Claims<R>;
  readonly #household: Household<R>;
  readonly #members: Membership;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onCalledOff: () => void;
  #phase: "serving" | "giving" | "given" = "serving";
  /** It lives on when all is given: not for as long as nobody else is there. */
  stays = false;
  /**
   * Monotonic ms at which the store is asked what it calls this hub's, because an answer was lost:
   * it may be more than this hub knows of.
   */
  #looksDue: readonly number[] = [];
  #stopped = false;
  #looks = 0;
  #timer: unknown = null;
  /** Orphans of the last look, by id, and monotonic ms since which they are seen. */
  #waiting = new Map<string, { readonly fence: number; readonly since: number }>();

  constructor(options: {
    claims: Claims<R>;
    household: Household<R>;
    members: Membership;
    clock: Clock;
    log: Logger;
    onCalledOff?: () => void;
  }) {
    this.#claims = options.claims;
    this.#household = options.household;
    this.#members = options.members;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onCalledOff = options.onCalledOff ?? (() => undefined);
  }

  start(): void {
    this.#members.onReturn(() => this.doubt());
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
  }

  /** Somebody wants the session here. A driver brings it along; all others only ask where it is. */
  async land(idOrName: string, isDriver: boolean): Promise<Landing> {
    if (this.#household.has(idOrName)) return { kind: "here" };
    const place = await this.#claims.whereabouts(idOrName);
    if (place === null) return { kind: "unknown" };
    const { owner } = place;
    // A claim whose answer was lost made it this hub's, and nobody else may take it.
    const free =
      owner === null || owner === this.#members.inc || this.#members.dead.includes(owner);
    if (!free) return this.#livesElsewhere(owner);
    if (!isDriver || this.#phase !== "serving" || !this.#members.mayAct()) return { kind: "wait" };
    return (await this.#claim(place)) ? { kind: "here" } : { kind: "wait" };
  }

  /**
   * It is not known what became of a write, or what a store that was away has of them: what is this
   * hub's is read again soon.
   */
  doubt(): void {
    const now = this.#clock.mono();
    this.#looksDue = [now, now + ARRIVES_MS_MAX];
  }

  async #claim({ id, fence }: Place): Promise<boolean> {
    const claimed = await this.orDoubt(this.#claims.claim(id, fence));
    if (claimed !== null) this.#household.adopt(claimed);
    return claimed !== null;
  }

  /** What is asked may bring sessions here, although its answer never comes. */
  async orDoubt<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      this.doubt();
      throw error;
    }
  }

  /**
   * Gives all back, in parts, and beats meanwhile. Over when it is called off, or when the store
   * calls nothing this hub's: an answer that was lost leaves no session with a hub that is gone.
   */
  async drain(): Promise<void> {
    this.#phase = "giving";
    const pace = new GivingPace(this.#clock, (ids) => this.#claims.unproven(ids));
    for (let left = true; left && !this.#stopped;) {
      try {
        if (await this.#callsOff()) return;
        await this.#members.drain();
        left = await this.#releaseSome(this.#members.isAlone ? null : pace);
      } catch (error) {
        this.#log.warn({ error: toHubError(error).message }, "nothing was given back");
      }
      const pauseMs = left ? RELEASE_EVERY_MS : 0;
      await new Promise<void>((next) => void this.#clock.setTimeout(next, pauseMs));
    }
    this.#phase = "given";
  }

  /** A hub that stays would be the last one, and have none: it serves as before. */
  async #callsOff(): Promise<boolean> {
    if (!this.stays || this.#members.hasHeir) return false;
    await this.#members.serve();
    this.#phase = "serving";
    this.#onCalledOff();
    return true;
  }

  /** False when nothing was left. Where nobody is to prove them there is nobody to wait for. */
  async #releaseSome(pace: GivingPace | null): Promise<boolean> {
    const places = await this.#claims.places();
    if (places.length === 0) return false;
    const count = pace === null ? places.length : await pace.part(places.length);
    const ids = places.slice(0, count).map(({ id }) => id);
    if (ids.length === 0) return true;
    const tellLinks = this.#household.let(ids);
    try {
      await this.#claims.release(ids);
      pace?.gave(ids);
    } finally {
      // Bytes flow until it is nobody's: who comes again sooner would be sent back here.
      tellLinks();
    }
    return true;
  }

  #livesElsewhere(owner: string): Landing {
    const lives = this.#members.hubs.some(({ inc }) => inc === owner);
    return lives ? { kind: "elsewhere", owner } : { kind: "wait" };
  }

  #arm(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimeout(() => {
      void this.#sweep()
        .catch((error: unknown) => {
          this.#log.warn({ error: toHubError(error).message }, "nothing was claimed");
        })
        .finally(() => this.#arm());
    }, SWEEP_MS);
  }

  /** What no driver brought to any hub; nobody else would ever look at it. */
  async #sweep(): Promise<void> {
    if (this.#phase === "giving" || !this.#members.mayAct()) return;
    if (this.#phase === "given" && !(await this.#callsOff())) return;
    const now = this.#clock.mono();
    if (this.#looksDue.some((at) => at <= now)) await this.#recall(now);
    this.#looks += 1;
    if (this.#looks % LOOKS_PER_OWNERS === 0) this.#members.hearOwners(await this.#claims.owners());
    const left = this.#leftFor(await this.#claims.orphans(this.#members.dead, LOOK_COUNT));
    if (left.length === 0) return;
    const some = left.slice(0, SWEEP_COUNT);
    // What this look takes is no driver's coming.
    for (const { id } of some) this.#waiting.delete(id);
    const claimed = await this.orDoubt(this.#claims.claimAll(some));
    for (const one of claimed) this.#household.adopt(one);
  }

  /**
   * Those that stood there for as long as their drivers may take. Whether drivers come is told by
   * what all hubs took, and by this hub's own doors where these are so full that little is taken: a
   * hub to which few come would take what stands in the queue of another, whose drivers would be
   * joined to it through that one, and lost with either.
   */
  #leftFor(orphans: readonly Place[]): readonly Place[] {
    const now = this.#clock.mono();
    const before = this.#waiting;
    this.#waiting = new Map(
      orphans.map(({ id, fence }) => {
        const known = before.get(id);
        return [id, known?.fence === fence ? known : { fence, since: now }];
      }),
    );
    const taken = [...before.keys()].filter((id) => !this.#waiting.has(id)).length;
    const comes = taken > STREAM_COUNT || this.#household.isCrowded();
    const waitMs = comes ? STREAM_MS_MAX : PREFER_DRIVER_MS;
    return orphans.filter(({ id }) => now - (this.#waiting.get(id)?.since ?? now) >= waitMs);
  }

  /** Takes what the store calls this hub's and this hub does not know of, and lets the rest go. */
  async #recall(now: number): Promise<void> {
    this.#looksDue = this.#looksDue.filter((at) => at > now);
    const before = this.#household.owned();
    const places = await this.orDoubt(this.#claims.places());
    const mine = new Set(places.map(({ id }) => id));
    this.#household.let(before.filter((id) => !mine.has(id)))();
    for (const place of places) if (!this.#household.has(place.id)) await this.#claim(place);
  }
}
