/**
 * A hub among others while it runs: joins when it can be reached, takes what is nobody's, and gives
 * all back before it goes. Owns the order of these; who may act is membership.ts, whose a session
 * is ownership.ts.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Clock } from "../../base/clock.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Seen } from "../auth/principal.ts";
import type { SessionRecord } from "../../store/facts.ts";
import type { ClusterSeat } from "./open-cluster.ts";
import type { Company, Way } from "./company.ts";
import { Drain } from "./drain.ts";
import { Ownership, type Household } from "./ownership.ts";
import { dialPeer } from "./peer-greeting.ts";
import { Roster } from "./roster.ts";
import { viewOf, type ClusterNumbers, type ClusterView } from "./view.ts";

/** Claimed at once at the start; others may start in the same moment. */
const CLAIM_COUNT = 200;
/** A database that does not hear the end of a connection keeps no hub from its own. */
const GOODBYE_MS = 2_000;
/** Between two looks at where its session is; a death and its arrival here are told at once. */
const PARK_LOOK_MS = 250;
/** Of thousands each looks more seldom: all drivers together so often, and all clients. */
const PARK_LOOKS_PER_MS = 1;
/** More at once are sent away, and come again. */
const PARKED_MAX = 2_000;

export interface ClusterOptions {
  readonly seat: ClusterSeat;
  readonly household: Household<SessionRecord>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Cluster implements Company {
  readonly roster: Roster;
  readonly #seat: ClusterSeat;
  readonly #ownership: Ownership<SessionRecord>;
  readonly #household: Household<SessionRecord>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #phase: "joining" | "serving" | "left" = "joining";
  #drain: Drain | null = null;
  readonly #parked = { driver: 0, client: 0 };
  readonly #counts = { claims: 0, releases: 0, splices: 0, splicesOpen: 0 };
  /** Those that wait for a session, by the id or name that they asked for. */
  readonly #awaited = new Map<string, Set<() => void>>();
  /** Hubs by life that could not be reached, and monotonic ms until which nobody tries again. */
  readonly #silent = new Map<string, { readonly error: HubError; untilMs: number }>();

  constructor({ seat, household, clock, log }: ClusterOptions) {
    const { store: claims, members } = seat;
    this.#seat = seat;
    this.#household = {
      ...household,
      adopt: (record) => {
        this.#counts.claims += 1;
        household.adopt(record);
        this.#arrived(record);
      },
      let: (ids) => {
        this.#counts.releases += ids.length;
        return household.let(ids);
      },
    };
    this.#clock = clock;
    this.#log = log;
    this.roster = new Roster({ seat, clock, log });
    const told = { claims, household: this.#household, members, clock, log };
    this.#ownership = new Ownership({ ...told, onCalledOff: () => this.#calledOff() });
  }

  get view(): ClusterView {
    return viewOf(this.#seat.members, this.#drain?.view ?? null);
  }

  get superseded(): Promise<void> {
    return this.#seat.superseded;
  }

  get numbers(): ClusterNumbers {
    const { members } = this.#seat;
    const hubs = { live: 0, draining: 0, dead: 0, gone: 0 };
    for (const { state } of members.hubs) hubs[state] += 1;
    const { leaseMs, dead } = members;
    return { ...this.#counts, hubs, leaseMs, deaths: dead.length, parked: this.#allParked };
  }

  get #allParked(): number {
    return this.#parked.driver + this.#parked.client;
  }

  readonly isShared = true;

  isPeer(request: IncomingMessage): boolean {
    return this.#seat.peers.isPeer(request);
  }

  async reach(session: string, isDriver: boolean): Promise<Way | null> {
    const endAt = this.#clock.mono() + limits.UPGRADE_PARKED_MS_MAX;
    const kind = isDriver ? "driver" : "client";
    let isParked = false;
    try {
      for (;;) {
        const tried = await this.#tryToReach(session, isDriver);
        if (!(tried instanceof HubError)) return tried;
        const isOver = this.#phase === "left" || this.#clock.mono() >= endAt;
        if (isOver || (!isParked && this.#allParked >= PARKED_MAX)) throw tried;
        if (!isParked) this.#parked[kind] += 1;
        isParked = true;
        const lookMs = Math.max(PARK_LOOK_MS, this.#parked[kind] / PARK_LOOKS_PER_MS);
        await this.#orDeath(this.#orArrival(session, lookMs));
      }
    } finally {
      if (isParked) this.#parked[kind] -= 1;
    }
  }

  /**
   * A hub that died standing still keeps its sockets: who was joined to it is let go with the
   * verdict, and dials again, instead of waiting for what will not come.
   */
  #joined(inc: string, way: Way): Way {
    const { members } = this.#seat;
    this.#counts.splices += 1;
    this.#counts.splicesOpen += 1;
    const forget = members.onDeath(() => {
      if (members.dead.includes(inc)) way.peer.destroy();
    });
    way.peer.once("close", () => {
      forget();
      this.#counts.splicesOpen -= 1;
    });
    return way;
  }

  /** Where the session is and the line there, or why there is none yet. */
  async #tryToReach(session: string, isDriver: boolean): Promise<Way | null | HubError> {
    const { members, peerKey } = this.#seat;
    const landing = await this.#ownership.land(session, isDriver);
    if (landing.kind === "here" || landing.kind === "unknown") return null;
    const owner = landing.kind === "elsewhere" ? landing.owner : null;
    const hub = members.hubs.find(({ inc }) => inc === owner);
    if (hub === undefined) return new HubError("SessionMoved", `no hub has session ${session} yet`);
    const silence = this.#silenceOf(hub.inc);
    if (silence !== null) return silence;
    const dialled = dialPeer(hub, peerKey).catch(toHubError);
    void dialled.then((outcome) => this.#heardOf(hub.inc, outcome));
    const first = await this.#orDeath(dialled);
    if (first instanceof HubError) return first;
    if (first !== null) return this.#joined(hub.inc, { to: hub.name, peer: first });
    // One that stands still says nothing for as long as it is dialled: it may be the dead one.
    void dialled.then((late) => {
      if (!(late instanceof HubError)) late.destroy();
    });
    return this.#tryToReach(session, isDriver);
  }

  /**
   * Of the thousands that wait for the sessions of one hub, one tries for all: a dial for each of
   * them, four times a second, would take the processor from those whose hub lives.
   */
  #silenceOf(inc: string): HubError | null {
    const silent = this.#silent.get(inc);
    if (silent === undefined) return null;
    const now = this.#clock.mono();
    if (now < silent.untilMs) return silent.error;
    silent.untilMs = now + PARK_LOOK_MS;
    return null;
  }

  #heardOf(inc: string, outcome: Way["peer"] | HubError): void {
    const living = new Set(this.#seat.members.hubs.map((hub) => hub.inc));
    for (const known of this.#silent.keys()) if (!living.has(known)) this.#silent.delete(known);
    if (!(outcome instanceof HubError)) this.#silent.delete(inc);
    else this.#silent.set(inc, { error: outcome, untilMs: this.#clock.mono() + PARK_LOOK_MS });
  }

  /** Until the session is here, or it is time to look again. */
  async #orArrival(session: string, lookMs: number): Promise<void> {
    const arrived = Promise.withResolvers<undefined>();
    const told = (): void => arrived.resolve(undefined);
    const awaited = this.#awaited.get(session) ?? new Set();
    this.#awaited.set(session, awaited.add(told));
    await Promise.race([arrived.promise, this.#pause(lookMs)]);
    awaited.delete(told);
    if (awaited.size === 0) this.#awaited.delete(session);
  }

  #arrived({ id, name }: SessionRecord): void {
    for (const asked of [id, name]) {
      for (const told of this.#awaited.get(asked) ?? []) told();
    }
  }

  /** Null when a hub died sooner. */
  #orDeath<T>(work: Promise<T>): Promise<T | null> {
    return new Promise((resolve) => {
      const forget = this.#seat.members.onDeath(() => resolve(null));
      void work.then(resolve).finally(forget);
    });
  }

  place(session: string): Promise<Seen | null> {
    return this.#seat.store.whereabouts(session);
  }

  made(requestKey: string): Promise<Seen | null> {
    return this.#seat.store.madeUnder(requestKey);
  }

  async explain(session: string): Promise<(Seen & { error: HubError }) | null> {
    const { store, members } = this.#seat;
    const place = await store.whereabouts(session);
    if (place === null) return null;
    const hub = members.hubs.find(({ inc }) => inc === place.owner);
    const other = hub === undefined ? "no hub yet" : `the hub ${hub.name} at ${hub.advertise}`;
    // Claimed while it was looked for, or by an answer that was lost: it is anything but not there.
    const who = place.owner === members.inc ? "this hub in a moment" : other;
    const hint = "Dial again with the session in the URL: /v1/client?session=NAME.";
    const error = new HubError("SessionMoved", `session ${session} has ${who}`, { hint });
    return { id: place.id, name: place.name, error };
  }

  /**
   * Enters the roll, waiting for a store that is away; alone it takes at once what it had in its
   * life before.
   * @throws HubError StoreUnreachable
   */
  async join(http: Server): Promise<void> {
    const { members, peers, untilThere } = this.#seat;
    peers.serve(http);
    await untilThere(() => members.start());
    if (members.isAlone) await this.#takeAll();
    this.#ownership.start();
    this.#phase = "serving";
  }

  async #takeAll(): Promise<void> {
    const { store, members, untilThere } = this.#seat;
    for (;;) {
      const orphans = await untilThere(() => store.orphans(members.dead, CLAIM_COUNT));
      if (orphans.length === 0) return;
      const claimed = await untilThere(() => this.#ownership.orDoubt(store.claimAll(orphans)));
      for (const record of claimed) this.#household.adopt(record);
    }
  }

  /**
   * A fact was refused that named this hub as the owner. Mostly the session is another's; but a
   * store that lost its newest writes refuses it, too, and still calls the session this hub's.
   */
  doubt(): void {
    this.#ownership.doubt();
  }

  beginDrain(): void {
    if (this.#drain === null && !this.#seat.members.hasHeir) {
      throw new HubError("StateConflict", "no other hub is there to take its sessions", {
        hint: "Start another on the same PostgreSQL first. SIGTERM stops this one all the same.",
      });
    }
    // A stop that gives them back already goes on.
    this.#ownership.stays ||= this.#drain === null;
    void this.#drained();
  }

  #calledOff(): void {
    this.#drain = null;
    this.#log.warn({}, "the drain is called off: no other hub is there to take the sessions");
  }

  /** So that others have them before this hub goes. */
  async drain(): Promise<void> {
    if (this.#phase !== "serving") return;
    this.#ownership.stays = false;
    await Promise.race([this.#drained(), this.#pause(limits.HUB_GIVES_BACK_MS_MAX)]);
    this.#ownership.stop();
  }

  /** One for all who ask. */
  #drained(): Promise<void> {
    this.#drain ??= new Drain({
      clock: this.#clock,
      sessions: this.#household.owned().length,
      isAlone: this.#seat.members.isAlone,
      giveBack: () => this.#ownership.drain(),
    });
    return this.#drain.ended;
  }

  /** The last word to the others; then nothing is asked of the store any more. */
  async leave(): Promise<void> {
    const { members, roll, store, jobs } = this.#seat;
    this.#phase = "left";
    this.#ownership.stop();
    try {
      // One that was declared dead has no word left to say.
      if (members.mayAct()) {
        await members.leave();
        // Behind the last word, after which nothing more of them is asked of the platform.
        for (const job of Object.values(jobs)) await job.end();
      }
    } catch (error) {
      this.#log.warn({ error: toHubError(error).message }, "left without a word to the others");
    }
    members.stop();
    await this.#seat.peers.close();
    await this.#orLate(Promise.all([roll.close(), store.close()]));
  }

  async #orLate(closing: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<undefined>();
    const timer = this.#clock.setTimeout(() => {
      this.#log.warn({ waitedMs: GOODBYE_MS }, "left while PostgreSQL did not answer");
      late.resolve(undefined);
    }, GOODBYE_MS);
    await Promise.race([closing, late.promise]).finally(() => this.#clock.clearTimeout(timer));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((next) => void this.#clock.setTimeout(next, ms));
  }
}
