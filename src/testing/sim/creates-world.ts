/**
 * Sessions that are asked for at several hubs on one store, by tenants with a small bound, while
 * hubs die and freeze in the middle of it, the store loses answers or itself, and the platform
 * starts what nobody hears of. Hubs are creates-hub.ts, what must hold is creates-law.ts.
 */
import { seededRandom, type Random } from "../../base/random.ts";
import { tenantOf } from "../../base/tenant.ts";
import { ClusterDisk } from "./cluster-disk.ts";
import { ClusterStrikes } from "./cluster-strikes.ts";
import { CreatesClients, type Step } from "./creates-clients.ts";
import { CreatesHub, type HubSurroundings } from "./creates-hub.ts";
import { CreatesLaw } from "./creates-law.ts";
import { CreatesRows, type CreatesRow } from "./creates-rows.ts";
import { SimDriver, type SimDial } from "./driver.ts";
import { servicesInside } from "./inside.ts";
import { SimKernel, SimProcess } from "./kernel.ts";
import { calmMood, type Mood } from "./mood.ts";
import { SimLink } from "./network.ts";
import { SimPlatform } from "./platform.ts";
import type { SimSandbox } from "./sandbox.ts";

const TROUBLE_MS = 25_000;
/** By then what was under way has ended, and each tenant has what it wishes. */
const FILL_MS = 68_000;
const END_MS = 85_000;
const HUBS_MAX = 3;
const LATENCY_MS = 5;
const CREATE_MS = 800;
const SYNCHRONOUS_SHARE = 0.6;
/** Chance that a standby takes over, beside all else that may be done to the store. */
const FAILOVER_SHARE = 0.4;
/** Chance that a hub is struck at a step of a create, and how soon after it. */
const STRUCK_SHARE = 0.03;
const STRUCK_MS_MAX = 8;
const FROZEN_MS_MAX = 9_000;
const TROUBLES_MAX = 4;
const CREATE_TROUBLES = ["stuck", "fails", "lost", "late"] as const;
const API_TROUBLES = ["errors", "hangs", "lost"] as const;

export class CreatesWorld {
  readonly #kernel: SimKernel;
  readonly #random: Record<"hubs" | "driver" | "network" | "steps" | "pool" | "platform", Random>;
  readonly #disk: ClusterDisk<CreatesRow>;
  readonly #platform: SimPlatform;
  readonly #rows: CreatesRows;
  readonly #strikes: ClusterStrikes<CreatesHub, CreatesRow>;
  readonly #clients: CreatesClients;
  readonly #law: CreatesLaw;
  readonly #hubs = new Set<CreatesHub>();
  readonly #storeMood = { lost: 0, late: 0 };
  #births = 0;
  #struck = 0;

  constructor(seed: number) {
    const stream = (name: string): Random => seededRandom(`${seed}/creates/${name}`);
    this.#random = {
      hubs: stream("hubs"),
      driver: stream("driver"),
      network: stream("network"),
      steps: stream("steps"),
      pool: stream("pool"),
      platform: stream("platform"),
    };
    const { steps, pool, platform } = this.#random;
    const kernel = new SimKernel(stream("kernel"));
    this.#kernel = kernel;
    const disk = new ClusterDisk<CreatesRow>(kernel);
    this.#disk = disk;
    this.#rows = new CreatesRows(disk, () => pool.next());
    this.#platform = new SimPlatform({
      ...{ kernel, random: platform, createMs: CREATE_MS },
      launch: (config, sandbox) => this.#launch(config, sandbox),
    });
    const hubs = this.#hubs;
    this.#law = new CreatesLaw({
      ...{ kernel, disk, hubs, platform: this.#platform },
      hasForgotten: () => this.#strikes.failovers > 0,
    });
    const law = this.#law;
    disk.onWrong = (text) => law.fail(text);
    this.#rows.onWritten = (row, before) => law.written(row, before);
    this.#platform.onCall = ({ name, target }) => {
      const isIts = ({ sessions }: CreatesHub): boolean =>
        sessions.all.some(({ record }) => record.sandboxName === target);
      const hub = name === "create" ? [...hubs].find(isIts) : undefined;
      if (hub !== undefined) this.#step("sandbox-asked", hub);
    };
    const store = stream("store");
    this.#strikes = new ClusterStrikes({
      ...{ kernel, disk, hubs, plant: null, random: stream("strikes") },
      platform: { forget: () => undefined },
      kill: (hub) => this.#kill(hub),
      isSynchronous: store.next() < SYNCHRONOUS_SHARE,
    });
    this.#clients = new CreatesClients({
      ...{ kernel, law, random: stream("clients") },
      pick: () => this.#pick(),
      onStep: (step, hub) => this.#step(step, hub),
    });
    const count = 2 + Math.floor(steps.next() * (HUBS_MAX - 1));
    for (let n = 1; n <= count; n++) this.#startHub(`hub${n}`);
    this.#strikes.draw(TROUBLE_MS);
    if (store.next() < FAILOVER_SHARE) {
      const forMs = 200 + store.next() * 3_000;
      const atMs = 3_000 + store.next() * (TROUBLE_MS - 4_000 - forMs);
      kernel.at(atMs, () => this.#strikes.outage(true, forMs));
    }
    this.#clients.draw(TROUBLE_MS);
    this.#drawTroubles(stream("troubles"));
  }

  get wrong(): readonly string[] {
    return this.#law.wrong;
  }

  get counts(): Readonly<Record<string, number>> {
    const { drains, failovers } = this.#strikes;
    return { ...this.#clients.counts, struck: this.#struck, drains, failovers };
  }

  run(): this {
    const ignored = (): void => undefined;
    this.#kernel.run(FILL_MS, ignored);
    const judgeFill = this.#clients.fill((tenant) => {
      const isTheirs = ({ name, gone }: CreatesRow): boolean => !gone && tenantOf(name) === tenant;
      const theirs = [...this.#disk.sessions.values()].filter(isTheirs);
      const ending = theirs.filter(({ read }) => read.desired === "ended");
      return { taken: theirs.length, ending: ending.length };
    });
    this.#kernel.run(END_MS, ignored);
    if (this.#strikes.failovers === 0) judgeFill();
    this.#law.judgeEnd();
    return this;
  }

  /** Answers that get lost and statements that come late, and what the platform does wrong. */
  #drawTroubles(random: Random): void {
    const kernel = this.#kernel;
    this.#storeMood.lost = random.next() < 0.5 ? random.next() * 0.1 : 0;
    this.#storeMood.late = random.next() < 0.5 ? random.next() * 0.05 : 0;
    const { mood } = this.#platform;
    for (let n = Math.floor(random.next() * (TROUBLES_MAX + 1)); n > 0; n--) {
      const atMs = random.next() * TROUBLE_MS;
      const forMs = random.next() * 6_000;
      const pick = <T>(from: readonly T[]): T | null =>
        from[Math.floor(random.next() * from.length)] ?? null;
      const [create, api] = [pick(CREATE_TROUBLES), pick(API_TROUBLES)];
      const isCreate = random.next() < 0.6;
      kernel.at(atMs, () => {
        if (isCreate) mood.create = create;
        else mood.api = api;
        kernel.at(forMs, () => (mood.api = null));
      });
    }
    kernel.at(TROUBLE_MS, () => {
      Object.assign(mood, calmMood() satisfies Mood);
      Object.assign(this.#storeMood, { lost: 0, late: 0 });
    });
  }

  #pick(): CreatesHub | null {
    const open = [...this.#hubs].filter(({ draining }) => !draining);
    return open[Math.floor(this.#random.steps.next() * open.length)] ?? null;
  }

  #startHub(name: string): void {
    const inc = `${name}-${(this.#births += 1)}`;
    const around: HubSurroundings = {
      ...{ kernel: this.#kernel, random: this.#random.hubs, disk: this.#disk, rows: this.#rows },
      ...{ mood: this.#storeMood, platform: this.#platform },
      hubOf: (wanted) => [...this.#hubs].find((one) => one.inc === wanted) ?? null,
      onDeclaredDead: (dead) => this.#kill(dead),
      onStep: (step) => this.#step(step, hub),
    };
    const hub = new CreatesHub(inc, name, around);
    this.#hubs.add(hub);
  }

  #kill(hub: CreatesHub): void {
    if (!hub.process.alive) return;
    hub.process.kill();
    this.#hubs.delete(hub);
    this.#disk.linked.delete(hub.inc);
    const { steps } = this.#random;
    this.#kernel.at(500 + steps.next() * 6_000, () => this.#startHub(hub.name));
  }

  /** A hub in the middle of a create: sometimes it goes no further, or only later. */
  #step(step: Step, hub: CreatesHub): void {
    const { steps } = this.#random;
    if (this.#kernel.now > TROUBLE_MS || steps.next() >= STRUCK_SHARE) return;
    this.#struck += 1;
    const isFrozen = steps.next() < 0.5;
    const forMs = steps.next() * FROZEN_MS_MAX;
    this.#kernel.at(steps.next() * STRUCK_MS_MAX, () => {
      if (!isFrozen) this.#kill(hub);
      else if (hub.process.alive) {
        hub.process.freeze();
        this.#kernel.at(forMs, () => hub.process.thaw());
      }
    });
  }

  #launch(config: string, sandbox: SimSandbox): SimDriver {
    const launched = JSON.parse(config) as { session: string; ticket?: string; startedAt?: number };
    const { session, ticket = null, startedAt = null } = launched;
    const process = new SimProcess(this.#kernel);
    const dial: SimDial = (dialler, id, opened) => {
      const answer = (socket: Parameters<typeof opened>[0]): void =>
        dialler.run(() => opened(socket));
      this.#kernel.at(LATENCY_MS * 2, () => this.#connect(dialler, id, sandbox.name, answer));
    };
    return new SimDriver({
      ...{ process, session, ticket, startedAt, dial, random: this.#random.driver },
      ...{ sandboxId: sandbox.id, services: servicesInside(sandbox, process.clock) },
      onEpoch: () => undefined,
    });
  }

  /** It dials whatever the balancer gives it, which brings it to the hub of its session. */
  #connect(
    driver: SimProcess,
    id: string,
    sandboxName: string,
    answer: Parameters<SimDial>[2],
  ): void {
    const kernel = this.#kernel;
    const accept = (hub: CreatesHub): void => {
      const session = hub.sessions.known(id);
      if (session?.record.sandboxName !== sandboxName) {
        answer(null);
        return;
      }
      const random = this.#random.network;
      const ends = { hub: hub.process, driver };
      const link = new SimLink({ kernel, random, latencyMs: () => LATENCY_MS, ...ends });
      hub.switchboard.acceptDriver(link.hub, session);
      answer(link.driver);
    };
    const refused = (): void => answer(null);
    const first = this.#pick();
    if (first === null) refused();
    first?.process.run(() => {
      void first.ownership.land(id, true).then((landing) => {
        const owner = landing.kind === "elsewhere" ? landing.owner : first.inc;
        const hub = [...this.#hubs].find(({ inc }) => inc === owner);
        const isFound = landing.kind === "here" || landing.kind === "elsewhere";
        if (hub === undefined || !isFound) refused();
        else hub.process.run(() => accept(hub));
      }, refused);
    });
  }
}
