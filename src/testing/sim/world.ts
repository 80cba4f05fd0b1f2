/**
 * A whole Holdfast in one process: the real sessions, machine, works, probes, judge, switchboard
 * and redial over a simulated platform, network, disk and time. Owns the hub's incarnations and
 * applies faults; what must always hold is in invariants.ts.
 */
import { Janitor } from "../../hub/janitor.ts";
import { PlatformWatch } from "../../hub/platform-watch/platform-watch.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom, type Random } from "../../base/random.ts";
import type { Session } from "../../hub/session/session.ts";
import { Sessions } from "../../hub/sessions.ts";
import { Switchboard } from "../../hub/switchboard/attach.ts";
import { SimDriver } from "./driver.ts";
import type { Fault, Plan } from "./faults.ts";
import { servicesInside } from "./inside.ts";
import { SimKernel, SimProcess } from "./kernel.ts";
import { MemoryStore } from "./memory-store.ts";
import { SimLink } from "./network.ts";
import { SimPlatform, type CreateTrouble } from "./platform.ts";
import type { ApiTrouble } from "./refusals.ts";
import type { SimSandbox } from "./sandbox.ts";
import { simPolicy } from "./sim-policy.ts";

/** One life of the hub process. */
export interface HubLife {
  readonly process: SimProcess;
  readonly sessions: Sessions;
  readonly switchboard: Switchboard;
  readonly janitor: Janitor;
}

export class World {
  readonly kernel: SimKernel;
  readonly store = new MemoryStore();
  readonly platform: SimPlatform;
  readonly plan: Plan;
  readonly links = new Set<SimLink>();
  readonly #random: Record<"hub" | "network" | "driver", Random>;
  /** Living driver processes of each session, clones included. */
  readonly drivers = new Map<string, Set<SimDriver>>();
  /** The driver that adopted an epoch, alive or not, by session and epoch. */
  readonly #holders = new Map<string, SimDriver>();
  /** Real time at which a hub's wall clock last lied; deadlines on disk are wall times. */
  wallJumpedAt = -Infinity;
  hub: HubLife | null = null;
  #hubWallSkewMs = 0;
  #created = 0;

  constructor(plan: Plan) {
    const stream = (name: string): Random => seededRandom(`${plan.seed}/${name}`);
    this.plan = plan;
    this.kernel = new SimKernel(stream("kernel"));
    this.#random = { hub: stream("hub"), network: stream("network"), driver: stream("driver") };
    this.platform = new SimPlatform({
      kernel: this.kernel,
      random: stream("platform"),
      createMs: plan.createMs,
      launch: (config, sandbox) => this.#launch(config, sandbox),
    });
    this.startHub();
    for (let n = 0; n < plan.sessions; n++) {
      this.kernel.at(n * 100, () => this.createSession());
    }
    for (const fault of plan.faults) this.kernel.at(fault.atMs, () => this.apply(fault));
  }

  /** Set by who watches: a driver adopted an epoch. */
  onEpoch: (driver: SimDriver, epoch: number) => void = () => undefined;

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
    });
    const { provider, control } = watch;
    const sessions: Sessions = new Sessions(
      {
        ...common,
        provider,
        control,
        policy: simPolicy,
        driver: {
          bundle: () => Promise.resolve(new Uint8Array([1])),
          urls: () => Promise.resolve(["sim:"]),
          token: (sessionId) => sessionId,
        },
      },
      this.store,
    );
    const switchboard = new Switchboard({ ...common, find: (id) => sessions.find(id) });
    const janitor = new Janitor({
      ...common,
      provider,
      store: this.store,
      sessions: () => sessions.all,
      everyMs: simPolicy.janitorMs,
      youngMs: simPolicy.createMs,
      cost: sessions.cost,
    });
    this.hub = { process, sessions, switchboard, janitor };
    sessions.onEvent((event) => watch.observe(event));
    void sessions.start();
    watch.start();
    janitor.start();
  }

  killHub(): void {
    this.hub?.process.kill();
    this.hub = null;
  }

  createSession(): void {
    this.#created += 1;
    const name = `s${this.#created}`;
    this.hub?.sessions.create({ name, spec: { env: {}, labels: {} } });
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

  apply(fault: Fault): void {
    const session = this.sessions[fault.target % Math.max(1, this.sessions.length)];
    const sandbox =
      session === undefined ? null : this.platform.find(session.record.sandboxId ?? "");
    const later = (undo: () => void): void => {
      this.kernel.at(fault.forMs, undo);
    };
    const [subject, verb] = splitKind(fault.kind);
    switch (subject) {
      case "hub":
        this.#troubleHub(verb, fault, later);
        break;
      case "api":
        this.platform.trouble = verb as ApiTrouble;
        later(() => (this.platform.trouble = null));
        break;
      case "create":
        this.platform.createTrouble = verb as CreateTrouble;
        break;
      case "asked":
        if (verb === "create") {
          if (this.#created < 4) this.createSession();
        } else if (session !== undefined) {
          this.ask(session, ASKED[verb as keyof typeof ASKED]);
        }
        break;
      case "link":
        for (const link of this.links) {
          if (verb === "cut") link.cut();
          else link.stall();
        }
        break;
      default:
        if (sandbox !== null) this.#troubleSandbox(sandbox, subject, verb, later);
    }
  }

  /** Ends every trouble that ends; what only a fresh sandbox mends stays. */
  calm(): void {
    this.platform.trouble = null;
    this.platform.createTrouble = null;
    if (this.hub === null) this.startHub();
    this.hub?.process.thaw();
    for (const sandbox of this.platform.all) {
      if (sandbox.state === "started") sandbox.driver?.process.thaw();
      sandbox.exec = "ok";
      sandbox.inside = "ok";
      if (!sandbox.damaged) sandbox.filesystem = "ok";
    }
  }

  #troubleHub(verb: string, fault: Fault, later: (undo: () => void) => void): void {
    const { hub } = this;
    if (hub === null) return;
    if (verb === "killed") {
      this.killHub();
      this.kernel.at(Math.min(fault.forMs, 5_000), () => {
        if (this.hub === null) this.startHub();
      });
    } else if (verb === "frozen") {
      hub.process.freeze();
      later(() => hub.process.thaw());
    } else {
      const byMs = fault.forMs % 2 === 0 ? 3_600_000 : -3_600_000;
      this.#hubWallSkewMs += byMs;
      hub.process.jumpWall(byMs);
      this.wallJumpedAt = this.kernel.now;
    }
  }

  #troubleSandbox(
    sandbox: SimSandbox,
    subject: string,
    verb: string,
    later: (undo: () => void) => void,
  ): void {
    const { driver } = sandbox;
    if (subject === "driver" && verb === "killed") sandbox.killDriver();
    else if (subject === "driver" && verb === "frozen") {
      driver?.process.freeze();
      later(() => {
        if (sandbox.state === "started") driver?.process.thaw();
      });
    } else if (subject === "driver") {
      // A second process with the same token: a restored checkpoint, or a launch that raced.
      if (driver !== null) this.#launch(JSON.stringify({ session: driver.session }), sandbox);
    } else if (subject === "sandbox" && verb === "deleted") this.platform.forget(sandbox);
    else if (subject === "sandbox" && verb === "copied") this.platform.copy(sandbox);
    else if (subject === "sandbox" && sandbox.state === "started") {
      if (verb === "stopped") sandbox.stop();
      else sandbox.freeze();
    } else if (subject === "exec") {
      sandbox.exec = verb as "broken" | "queued" | "lies";
      later(() => (sandbox.exec = "ok"));
    } else if (subject === "inside") {
      sandbox.inside = verb as "no-fork" | "no-files";
      later(() => (sandbox.inside = "ok"));
    } else if (subject === "filesystem") {
      sandbox.filesystem = verb as "missing" | "read-only" | "full" | "hung";
      if (verb === "missing") sandbox.damaged = true;
      else later(() => (sandbox.filesystem = "ok"));
    }
  }

  #launch(config: string, sandbox: SimSandbox): SimDriver {
    const { session } = JSON.parse(config) as { session: string };
    const process = new SimProcess(this.kernel);
    const driver = new SimDriver({
      process,
      session,
      services: servicesInside(sandbox, process.clock),
      onEpoch: (holder, epoch) => {
        this.onEpoch(holder, epoch);
        this.#holders.set(`${session}/${epoch}`, holder);
      },
      random: this.#random.driver,
      dial: (dialler, id, opened) => {
        const { latencyMs } = this.plan;
        this.kernel.at(latencyMs * 2, () => this.#connect(dialler, id, opened));
      },
    });
    const living = this.drivers.get(session) ?? new Set();
    this.drivers.set(session, living.add(driver));
    driver.process.onDeath(() => living.delete(driver));
    return driver;
  }

  #connect(
    process: SimProcess,
    sessionId: string,
    opened: Parameters<ConstructorParameters<typeof SimDriver>[0]["dial"]>[2],
  ): void {
    const { hub, plan, kernel } = this;
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
      const random = this.#random.network;
      const link = new SimLink({
        kernel,
        random,
        latencyMs: plan.latencyMs,
        hub: hub.process,
        driver: process,
      });
      for (const old of this.links) if (!old.open) this.links.delete(old);
      this.links.add(link);
      hub.switchboard.acceptDriver(link.hub, session);
      answer(link.driver);
    });
  }
}

const ASKED = {
  pause: "operator.paused",
  resume: "operator.resumed",
  retry: "operator.retried",
  remove: "operator.removed",
} as const;

/** `filesystem-read-only` is filesystem and read-only. */
function splitKind(kind: string): [string, string] {
  const at = kind.indexOf("-");
  return [kind.slice(0, at), kind.slice(at + 1)];
}
