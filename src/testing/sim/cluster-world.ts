/**
 * One to three hubs on one store, with the real membership and the real ownership, under kills,
 * freezes, cut lines, an engine that stops and one that comes back with an older state. What must
 * never happen is told as `wrong`; what was seen is counted, so that no campaign is empty.
 */
import { silentLogger } from "../../base/log.ts";
import { nextEpoch } from "../../base/next-epoch.ts";
import { seededRandom, type Random } from "../../base/random.ts";
import { LEASE_TTL_MS, Membership } from "../../hub/cluster/membership.ts";
import { Ownership } from "../../hub/cluster/ownership.ts";
import { FormerOwner } from "../../hub/session/former-owner.ts";
import { BEAT_ANSWER_MS, ClusterDisk, type SessionRow } from "./cluster-disk.ts";
import { ClusterJob } from "./cluster-jobs.ts";
import { ClusterPlatform } from "./cluster-platform.ts";
import type { ClusterPlant } from "./cluster-plants.ts";
import { ClusterStrikes, type StruckHub } from "./cluster-strikes.ts";
import { Unmanned } from "./cluster-unmanned.ts";
import { SimKernel, SimProcess } from "./kernel.ts";

const TROUBLE_MS = 60_000;
const CALM_MS = 40_000;
const SESSIONS = 12;
const ACT_EVERY_MS = 300;
const QUEUE_MS_MAX = 8_000;
const REDIAL_MS = 250;
const DIAL_MS = 5_000;
/** A hub that was undisturbed for so long must not be declared dead. */
const WELL_MS = 9_000;
/** Once all is calm every session is served again within this. */
const HEAL_MS = 25_000;

interface Hub extends StruckHub {
  readonly name: string;
  readonly ownership: Ownership<SessionRow>;
  readonly rows: Map<string, SessionRow>;
  /** By session: since which claim of all it is this hub's, and whose it was before. */
  readonly claimed: Map<string, { readonly number: number; readonly former: FormerOwner }>;
  /** Sessions whose driver is here. */
  readonly attached: Set<string>;
  readonly ask: ReturnType<ClusterDisk["line"]>;
}

interface Driver {
  readonly session: string;
  epoch: number;
  hub: Hub | null;
  /** The newest; what comes of older ones is nobody's. */
  attempt: number;
}

export class ClusterWorld {
  readonly #kernel: SimKernel;
  readonly #random: Random;
  readonly #disk: ClusterDisk;
  readonly #platform: ClusterPlatform;
  readonly #job: ClusterJob;
  readonly #unmanned: Unmanned;
  readonly #plant: ClusterPlant | null;
  readonly #strikes: ClusterStrikes<Hub>;
  readonly #hubs = new Set<Hub>();
  readonly #drivers: Driver[] = [];
  /** Whose epoch it is, by session and epoch. */
  readonly #epochs = new Map<string, string>();
  readonly wrong: string[] = [];
  readonly #counts = { acts: 0, takeovers: 0, declared: 0, soon: 0, spliced: 0 };
  /** When a life ended, by its name. */
  readonly #endedAt = new Map<string, number>();
  /** Once dead, dead again for who knows it when the store forgot. */
  readonly #declaredBefore = new Set<string>();
  #births = 0;
  #claims = 0;
  #moves = 0;

  constructor(seed: number, plant: ClusterPlant | null = null) {
    this.#random = seededRandom(`${seed}/cluster`);
    this.#kernel = new SimKernel(seededRandom(`${seed}/kernel`));
    this.#disk = new ClusterDisk(this.#kernel);
    const flights = seededRandom(`${seed}/platform`);
    this.#platform = new ClusterPlatform(this.#kernel, flights, (text) => this.#fail(text));
    this.#plant = plant;
    const told = { disk: this.#disk, kernel: this.#kernel, plant };
    const lostWritesAt = (): number => this.#strikes.lostWritesAt;
    this.#unmanned = new Unmanned({ ...told, lostWritesAt });
    const random = seededRandom(`${seed}/job`);
    this.#strikes = new ClusterStrikes({
      ...{ ...told, random: this.#random, platform: this.#platform },
      hubs: this.#hubs,
      kill: (hub) => this.#kill(hub),
    });
    this.#job = new ClusterJob({ ...told, random, lostWritesAt });
    this.#disk.comparesNothing = plant === "claim-without-compare";
    this.#disk.onWrong = (text) => this.#fail(text);
    this.#disk.onDeclared = (inc) => this.#declared(inc);
    const count = 1 + Math.floor(this.#random.next() * 3);
    for (let n = 1; n <= count; n++) this.#startHub(`hub${n}`);
    for (let n = 1; n <= SESSIONS; n++) {
      const id = `ses_${n}`;
      const row = { id, owner: null, fence: 1, version: 1, epochIssued: 0 };
      this.#disk.sessions.set(id, row);
      const driver = { session: id, epoch: 0, hub: null, attempt: 0 };
      this.#drivers.push(driver);
      this.#kernel.at(500 + n * 20, () => this.#dial(driver));
    }
    this.#strikes.draw(TROUBLE_MS);
  }

  run(): this {
    this.#kernel.run(TROUBLE_MS + CALM_MS, () => undefined);
    for (const { session, hub } of this.#drivers) {
      const served = hub?.process.alive === true && hub.attached.has(session);
      const acts = hub?.members.mayAct() === true && hub.rows.has(session);
      if (!served || !acts) this.#fail(`${session} is served by nobody ${HEAL_MS} ms after all`);
    }
    if (this.#kernel.now - this.#job.doneAt > HEAL_MS) this.#fail("nobody does the job");
    if (this.#kernel.now - this.#unmanned.keptAt > HEAL_MS) this.#fail("nobody has the unmanned");
    return this;
  }

  get counts(): Readonly<Record<string, number>> {
    const { drains, failovers } = this.#strikes;
    return {
      ...this.#counts,
      drains,
      failovers,
      jobMoves: this.#job.moves,
      forgotten: this.#unmanned.forgotten,
    };
  }

  #fail(text: string): void {
    this.wrong.push(`${this.#kernel.now} ms: ${text}`);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random.next() * from.length)];
  }

  #startHub(name: string): void {
    const process = new SimProcess(this.#kernel);
    const inc = `${name}-${(this.#births += 1)}`;
    const ask = this.#disk.line(inc, process);
    const isShared = this.#plant === "beat-shared-with-queries";
    const beats = isShared ? ask : this.#disk.line(inc, process, BEAT_ANSWER_MS);
    const rows = new Map<string, SessionRow>();
    const { clock } = process;
    // The mistake: what jumps when somebody sets the time decides who is dead.
    const lease =
      this.#plant === "wall-clock-lease" ? { ...clock, mono: () => clock.now() } : clock;
    const members = new Membership({
      self: { inc, name, advertise: "", version: "", started: 0 },
      book: this.#disk.book(beats),
      refuses: (row) => this.#refuses(row.inc, process),
      clock: lease,
      log: silentLogger,
      onDeclaredDead: () => this.#kill(hub),
      onDead: () => (this.#counts.takeovers += 1),
    });
    const ownership = new Ownership<SessionRow>({
      claims: this.#disk.claims(inc, ask),
      household: {
        has: (id) => rows.has(id),
        owned: () => [...rows.keys()],
        adopt: (row) => this.#adopt(hub, row),
        let: (ids) => this.#let(hub, ids),
        isCrowded: () => false,
      },
      members,
      clock,
      log: silentLogger,
    });
    const attached = new Set<string>();
    const own = { rows, claimed: new Map(), attached, ask, draining: false, refuses: false };
    const [job, disturbedAt] = [this.#job.start({ process, members }), this.#kernel.now];
    const hub: Hub = { inc, name, process, members, ownership, job, disturbedAt, ...own };
    this.#hubs.add(hub);
    const again = (): void => void process.clock.setTimeout(join, 1_000);
    const join = (): void => void members.start().then(() => ownership.start(), again);
    join();
    this.#act(hub);
    this.#unmanned.start(hub);
  }

  /** As a dial tells it: a process that stands still is dialled all the same. */
  #refuses(inc: string, by: SimProcess): Promise<boolean> {
    const told = Promise.withResolvers<boolean>();
    const isSure = this.#plant === "dead-by-its-line-alone";
    this.#kernel.at(2, () => {
      const hub = [...this.#hubs].find((one) => one.inc === inc);
      by.run(() => told.resolve(isSure || hub === undefined || hub.refuses));
    });
    return told.promise;
  }

  /** A driver dials whatever the balancer gives it, until a hub has it and its session. */
  #dial(driver: Driver): void {
    const attempt = (driver.attempt += 1);
    const later = (): void => {
      if (driver.attempt === attempt) this.#kernel.at(REDIAL_MS, () => this.#dial(driver));
    };
    // A hub that died or stands still answers nobody.
    this.#kernel.at(DIAL_MS, () => {
      if (driver.hub === null) later();
    });
    const hub = this.#pick([...this.#hubs].filter(({ draining }) => !draining));
    if (hub === undefined || hub.process.frozen) {
      later();
      return;
    }
    hub.process.run(() => {
      void hub.ownership.land(driver.session, true).then((landing) => {
        if (landing.kind === "here") this.#welcome(hub, driver, later);
        else if (landing.kind === "elsewhere") this.#splice(landing.owner, driver, later);
        else later();
      }, later);
    });
  }

  #splice(owner: string, driver: Driver, later: () => void): void {
    this.#counts.spliced += 1;
    const hub = [...this.#hubs].find(({ inc }) => inc === owner);
    if (hub === undefined || hub.process.frozen || !hub.rows.has(driver.session)) later();
    else hub.process.run(() => this.#welcome(hub, driver, later));
  }

  /** The epoch is kept before the driver hears of it. */
  #welcome(hub: Hub, driver: Driver, later: () => void): void {
    const { attempt } = driver;
    const row = hub.rows.get(driver.session);
    if (row === undefined) {
      later();
      return;
    }
    const told = this.#plant === "epoch-reuse-after-failover" ? 0 : driver.epoch;
    const epoch = nextEpoch(row.epochIssued, told);
    void hub
      .ask(() => this.#disk.commit(row, hub.inc, epoch))
      .then((kept) => {
        if (kept === null) this.#let(hub, [row.id])();
        if (kept !== null) hub.rows.set(row.id, kept);
        if (kept === null || !hub.process.alive || driver.attempt !== attempt) {
          later();
          return;
        }
        const known = this.#epochs.get(`${row.id} ${epoch}`);
        if (known !== undefined)
          this.#fail(`epoch ${epoch} of ${row.id} was told by ${known} before`);
        this.#epochs.set(`${row.id} ${epoch}`, hub.inc);
        driver.epoch = epoch;
        driver.hub = hub;
        hub.attached.add(row.id);
      }, later);
  }

  /** Every hub acts on what it owns: a kept fact, then a call that nobody can fence. */
  #act(hub: Hub): void {
    hub.process.clock.setTimeout(() => {
      this.#act(hub);
      const row = this.#pick([...hub.rows.values()].filter(({ id }) => hub.attached.has(id)));
      if (row === undefined || hub.draining) return;
      const write = (): SessionRow | null => this.#disk.commit(row, hub.inc, row.epochIssued);
      const kept = (next: SessionRow | null): void => {
        if (next === null) {
          if (hub.rows.get(row.id) === row) this.#let(hub, [row.id])();
          return;
        }
        hub.rows.set(row.id, next);
        // It waits for its turn at the platform, and asks only then whether it may.
        const waitMs = this.#random.next() ** 2 * QUEUE_MS_MAX;
        hub.process.clock.setTimeout(() => void this.#call(hub, row.id), waitMs);
      };
      void hub.ask(write).then(kept, () => hub.ownership.doubt());
    }, ACT_EVERY_MS);
  }

  async #call(hub: Hub, id: string): Promise<void> {
    const ends = this.#platform.draw();
    const quiet = ends ? hub.claimed.get(id)?.former.quiet() : null;
    if (quiet && this.#plant !== "end-right-after-claim") await quiet;
    if (!hub.members.mayAct() || !hub.rows.has(id)) return;
    this.#counts.acts += 1;
    // Who was an owner before a fail-over may hold itself for one until its next fact.
    const isSure = this.#kernel.now - this.#strikes.lostWritesAt > WELL_MS + LEASE_TTL_MS;
    this.#platform.ask(id, hub.claimed.get(id)?.number ?? 0, ends && isSure);
    const owner = this.#disk.sessions.get(id)?.owner;
    // What a standby never got is nobody's knowledge; the next fenced write tells.
    if (this.#kernel.now - this.#strikes.lostWritesAt < WELL_MS) return;
    if (owner !== hub.inc) this.#fail(`${hub.inc} acts for ${id}, which is ${owner ?? "nobody"}'s`);
  }

  #adopt({ process, rows, claimed }: Hub, row: SessionRow): void {
    rows.set(row.id, row);
    const former = new FormerOwner(process.clock, LEASE_TTL_MS);
    claimed.set(row.id, { number: (this.#claims += 1), former });
  }

  /** No act on them follows; once their drivers are told to go, they dial again. */
  #let(hub: Hub, ids: readonly string[]): () => void {
    for (const id of ids) hub.rows.delete(id);
    return () => this.#tellDrivers(hub, ids);
  }

  #tellDrivers(hub: Hub, ids: readonly string[]): void {
    for (const id of ids) {
      hub.attached.delete(id);
      const driver = this.#drivers.find(({ session }) => session === id);
      if (driver === undefined || driver.hub !== hub) continue;
      driver.hub = null;
      this.#kernel.at(20, () => this.#dial(driver));
    }
  }

  #kill(hub: Hub): void {
    if (!hub.process.alive) return;
    hub.process.kill();
    this.#hubs.delete(hub);
    this.#disk.linked.delete(hub.inc);
    this.#endedAt.set(hub.inc, this.#kernel.now);
    for (const driver of this.#drivers) {
      if (driver.hub !== hub) continue;
      driver.hub = null;
      this.#kernel.at(50 + this.#random.next() * 500, () => this.#dial(driver));
    }
    // A supervisor starts it again; sometimes under another name, as on another machine.
    const name = this.#random.next() < 0.5 ? hub.name : `moved${(this.#moves += 1)}`;
    this.#kernel.at(500 + this.#random.next() * 9_000, () => this.#startHub(name));
  }

  #declared(inc: string): void {
    this.#counts.declared += 1;
    const endedMs = this.#kernel.now - (this.#endedAt.get(inc) ?? -Infinity);
    if (endedMs < LEASE_TTL_MS / 2) this.#counts.soon += 1;
    const hub = [...this.#hubs].find((one) => one.inc === inc);
    if (this.#declaredBefore.has(inc)) return;
    this.#declaredBefore.add(inc);
    if (hub === undefined || this.#kernel.now - hub.disturbedAt < WELL_MS) return;
    this.#fail(`${inc} was declared dead, and was well`);
  }
}
