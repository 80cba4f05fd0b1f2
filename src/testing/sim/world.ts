/**
 * A whole Holdfast in one process: the real sessions, machine, works, probes, judge, switchboard
 * and redial over a simulated platform, network, disk and time. Owns the hub's incarnations and
 * applies faults; what must always hold is in invariants.ts.
 */
import { ActivityKeeper } from "../../hub/activity/keeper.ts";
import { Janitor } from "../../hub/janitor.ts";
import { PlatformWatch } from "../../hub/platform-watch/platform-watch.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom, type Random } from "../../base/random.ts";
import type { Session } from "../../hub/session/session.ts";
import { Sessions } from "../../hub/sessions.ts";
import { whereKept } from "../../store/refusal.ts";
import type { Store } from "../../store/store.ts";
import { Switchboard } from "../../hub/switchboard/attach.ts";
import { SimDriver } from "./driver.ts";
import type { FaultKind, Plan } from "./faults.ts";
import { servicesInside } from "./inside.ts";
import { SimKernel, SimProcess } from "./kernel.ts";
import { LateStore } from "./late-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { SimLink } from "./network.ts";
import { SimPlatform } from "./platform.ts";
import { COPY_ENDING, type SimSandbox } from "./sandbox.ts";
import { simPolicy } from "./sim-policy.ts";
import { SIM_FALLBACK, SIM_SNAPSHOT } from "./snapshots.ts";
import { applyFault } from "./trouble.ts";

/** A network that drops what it does not allow says so only by silence. */
const DIAL_BLOCKED_MS = 5_000;
/** Sessions that are there at once, at most. */
const SESSIONS_MAX = 4;

/** One life of the hub process. */
export interface HubLife {
  readonly process: SimProcess;
  readonly sessions: Sessions;
  readonly switchboard: Switchboard;
  readonly janitor: Janitor;
}

/** What a simulated driver reads in its config; a copy knows less than one that was launched. */
interface SimConfig {
  readonly session: string;
  readonly ticket?: string;
  readonly startedAt?: number;
}

/** The simulated platform stops nothing; this only makes the keeper look often in four minutes. */
const KEEPER_AUTO_STOP_MS = 30_000;

export class World {
  readonly kernel: SimKernel;
  readonly store = new MemoryStore();
  readonly platform: SimPlatform;
  readonly plan: Plan;
  readonly links = new Set<SimLink>();
  readonly #linkOf = new WeakMap<SimProcess, SimLink>();
  readonly #random: Record<"hub" | "network" | "driver" | "store", Random>;
  /** Living driver processes of each session, clones included. */
  readonly drivers = new Map<string, Set<SimDriver>>();
  /** The driver that adopted an epoch, alive or not, by session and epoch. */
  readonly #holders = new Map<string, SimDriver>();
  /** Real time at which a hub's wall clock last lied; deadlines on disk are wall times. */
  wallJumpedAt = -Infinity;
  hub: HubLife | null = null;
  /** What each message takes longer than the plan says. */
  slowMs = 0;
  #hubWallSkewMs = 0;
  #created = 0;

  constructor(plan: Plan) {
    const stream = (name: string): Random => seededRandom(`${plan.seed}/${name}`);
    this.plan = plan;
    this.kernel = new SimKernel(stream("kernel"));
    this.#random = {
      hub: stream("hub"),
      network: stream("network"),
      driver: stream("driver"),
      store: stream("store"),
    };
    this.platform = new SimPlatform({
      kernel: this.kernel,
      random: stream("platform"),
      createMs: plan.createMs,
      launch: (config, sandbox) => this.launch(config, sandbox),
    });
    this.startHub();
    for (let n = 0; n < plan.sessions; n++) {
      this.kernel.at(n * 100, () => this.createSession());
    }
    for (const fault of plan.faults) this.kernel.at(fault.atMs, () => applyFault(this, fault));
  }

  /** Set by who watches: a driver adopted an epoch. */
  onEpoch: (driver: SimDriver, epoch: number) => void = () => undefined;

  /** Set by who watches: the hub dies now. */
  onHubKilled: () => void = () => undefined;

  /** Set by who watches: a fault is about to strike. */
  onFault: (kind: FaultKind) => void = () => undefined;

  /** Who adopted that epoch of that session. */
  readonly driverOf = (session: string, epoch: number): SimDriver | null =>
    this.#holders.get(`${session}/${epoch}`) ?? null;

  startHub(): void {
    const process = new SimProcess(this.kernel);
    process.jumpWall(this.#hubWallSkewMs);
    const common = {
      hubId: "hub_sim",
      clock: process.clock,
      random: this.#random.hub,
      log: silentLogger,
    };
    const watch = new PlatformWatch({
      ...common,
      inner: this.platform.provider(process),
      living: () => sessions.living,
      hasClients: () => false,
      onControl: ({ sandboxSeconds }) =>
        sessions.cost.close({ kind: "control", forMs: sandboxSeconds * 1_000 }),
    });
    const { provider, control } = watch;
    const store = this.#storeOf(process);
    const sessions: Sessions = new Sessions(
      {
        ...common,
        provider,
        control,
        policy: simPolicy,
        driver: {
          bundle: () => Promise.resolve(new Uint8Array([1])),
          urls: () => Promise.resolve(["sim:"]),
          token: (_, sandboxName) => sandboxName,
        },
      },
      store,
    );
    const switchboard = new Switchboard({ ...common, find: (id) => sessions.find(id) });
    const janitor = new Janitor({
      ...common,
      provider,
      store,
      sessions: () => sessions.all,
      everyMs: simPolicy.janitorMs,
      youngMs: simPolicy.createMs,
      cost: sessions.cost,
    });
    const keeper = new ActivityKeeper({
      ...common,
      provider,
      sessions: () => sessions.all,
      autoStopMs: KEEPER_AUTO_STOP_MS,
      idlePauseMs: null,
    });
    this.hub = { process, sessions, switchboard, janitor };
    sessions.onEvent((event) => watch.observe(event));
    void sessions.start();
    watch.start();
    janitor.start();
    keeper.start();
  }

  /** The store as this life of the hub sees it. */
  #storeOf({ clock }: SimProcess): Store {
    const { storeLateMs: lateMs = 0 } = this.plan;
    if (lateMs === 0) return this.store;
    const at = (delayMs: number, run: () => void): void => void this.kernel.at(delayMs, run);
    return new LateStore({ disk: this.store, clock, random: this.#random.store, at, lateMs });
  }

  killHub(): void {
    if (this.hub !== null) this.onHubKilled();
    this.hub?.process.kill();
    this.hub = null;
  }

  createSession(): void {
    if (this.#created >= SESSIONS_MAX) return;
    this.#created += 1;
    const name = `s${this.#created}`;
    // The second session has no other choice than its snapshot, the third no snapshot.
    const snapshot = this.#created <= 2 && { snapshot: SIM_SNAPSHOT };
    const fallback = this.#created === 1 && { fallbackImage: SIM_FALLBACK };
    const spec = { ...snapshot, ...fallback, env: {}, labels: {} };
    // A store that refuses it says so to the caller, who is nobody here.
    whereKept(() => this.hub?.sessions.create({ name, spec }));
  }

  /** The wall clock of this and every later hub lies by this much more. */
  jumpWall(byMs: number): void {
    this.#hubWallSkewMs += byMs;
    this.hub?.process.jumpWall(byMs);
    this.wallJumpedAt = this.kernel.now;
  }

  /** Sessions that the running hub knows, in order of birth. */
  get sessions(): readonly Session[] {
    return this.hub?.sessions.all ?? [];
  }

  /** A request of a person; one that is refused is an answer, too. */
  ask(session: Session, type: Parameters<Session["operate"]>[0]): void {
    try {
      session.operate(type);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "HubError") throw error;
    }
  }

  /** This driver hears the hub and is heard: both were prompt, and its link was clear. */
  answers(driver: SimDriver, forMs: number): boolean {
    // A line that was slow may still carry what was sent while it was.
    if (this.plan.faults.some(({ kind }) => kind === "link-slow")) return false;
    const prompt = [driver.process, this.hub?.process].every((one) => one?.prompt(forMs) === true);
    return prompt && driver.live && this.#linkOf.get(driver.process)?.clear === true;
  }

  launch(config: string, sandbox: SimSandbox, lastEpoch?: number): SimDriver {
    const launched = JSON.parse(config) as SimConfig;
    const { session } = launched;
    const process = new SimProcess(this.kernel);
    const driver = new SimDriver({
      process,
      session,
      sandboxId: sandbox.id,
      services: servicesInside(sandbox, process.clock),
      ...(lastEpoch === undefined ? {} : { lastEpoch }),
      startedAt: launched.startedAt ?? null,
      ticket: launched.ticket ?? null,
      onEpoch: (holder, epoch) => {
        this.onEpoch(holder, epoch);
        this.#holders.set(`${session}/${epoch}`, holder);
      },
      random: this.#random.driver,
      dial: (dialler, id, opened) => {
        if (sandbox.egress === "blocked") {
          this.kernel.at(DIAL_BLOCKED_MS, () => dialler.run(() => opened(null)));
          return;
        }
        // A copy of a sandbox has the token that its original was given.
        const token = sandbox.name.replace(COPY_ENDING, "");
        this.kernel.at(this.#latencyMs() * 2, () => this.#connect(dialler, id, token, opened));
      },
    });
    const living = this.drivers.get(session) ?? new Set();
    this.drivers.set(session, living.add(driver));
    driver.process.onDeath(() => living.delete(driver));
    const { driverDiesAfterMs } = sandbox;
    if (driverDiesAfterMs !== null) {
      this.kernel.at(driverDiesAfterMs, () => {
        if (driver.process.alive) driver.process.kill();
      });
    }
    return driver;
  }

  #latencyMs(): number {
    return this.plan.latencyMs + this.slowMs;
  }

  #connect(
    process: SimProcess,
    sessionId: string,
    sandboxName: string,
    opened: Parameters<ConstructorParameters<typeof SimDriver>[0]["dial"]>[2],
  ): void {
    const { hub, kernel } = this;
    const answer = (socket: Parameters<typeof opened>[0]): void =>
      process.run(() => opened(socket));
    if (hub === null) {
      answer(null);
      return;
    }
    hub.process.run(() => {
      let session: Session;
      try {
        session = hub.sessions.find(sessionId);
      } catch {
        // 404 before the upgrade: the hub knows no such session.
        answer(null);
        return;
      }
      if (session.record.sandboxName !== sandboxName) {
        // The same answer for the driver of a sandbox that was replaced.
        answer(null);
        return;
      }
      const random = this.#random.network;
      const link = new SimLink({
        kernel,
        random,
        latencyMs: () => this.#latencyMs(),
        hub: hub.process,
        driver: process,
      });
      for (const old of this.links) if (!old.open) this.links.delete(old);
      this.links.add(link);
      this.#linkOf.set(process, link);
      hub.switchboard.acceptDriver(link.hub, session);
      answer(link.driver);
    });
  }
}
