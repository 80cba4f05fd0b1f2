/**
 * One life of a hub to which sessions are asked for: the real sessions, store adapter, membership,
 * ownership and janitor, and the road of a create and of a removal as the routes have it. What it
 * stands on is simulated.
 */
import { HubError, toHubError } from "../../base/hub-error.ts";
import { limits } from "../../base/limits.ts";
import { silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { CreateQuota } from "../../hub/auth/create-quota.ts";
import { ADMIN, type Principal } from "../../hub/auth/principal.ts";
import { householdOf } from "../../hub/cluster/company.ts";
import { JobHolder } from "../../hub/cluster/job-holder.ts";
import { Membership } from "../../hub/cluster/membership.ts";
import { Ownership } from "../../hub/cluster/ownership.ts";
import { createOnce } from "../../hub/create-once.ts";
import { Janitor } from "../../hub/janitor.ts";
import { PlatformWatch } from "../../hub/platform-watch/platform-watch.ts";
import { SeenSessions } from "../../hub/seen-sessions.ts";
import { KeptProvider } from "../../hub/session/kept-provider.ts";
import { Sessions } from "../../hub/sessions.ts";
import { Switchboard } from "../../hub/switchboard/attach.ts";
import { noCost } from "../../store/cost.ts";
import type { SessionRecord } from "../../store/facts.ts";
import { PostgresStore } from "../../store/postgres/postgres-store.ts";
import { BEAT_ANSWER_MS, type ClusterDisk } from "./cluster-disk.ts";
import type { StruckHub } from "./cluster-strikes.ts";
import { CreatesPool, type CreatesPoolOptions } from "./creates-pool.ts";
import type { CreatesRow } from "./creates-rows.ts";
import { SimProcess } from "./kernel.ts";
import type { SimPlatform } from "./platform.ts";
import { simPolicy } from "./sim-policy.ts";

/** Of each tenant at all hubs together. */
export const TENANT_SESSIONS = 3;
/** Between two looks at who has a session that nobody could tell of. */
const LOOK_MS = 250;
/** An attempt ends while the world is still looked at. */
const POLICY = { ...simPolicy, createMs: 12_000, healMs: 25_000 };
const SPEC = { env: {}, labels: {} };

/** What a client wants, as often as it asks for it. */
export interface Wish {
  readonly tenant: string;
  readonly name: string | null;
  readonly requestKey: string | null;
}

export interface HubSurroundings extends Omit<CreatesPoolOptions, "inc" | "process"> {
  readonly disk: ClusterDisk<CreatesRow>;
  readonly platform: SimPlatform;
  /** The living hub of that life. */
  readonly hubOf: (inc: string) => CreatesHub | null;
  readonly onDeclaredDead: (hub: CreatesHub) => void;
}

export class CreatesHub implements StruckHub {
  readonly inc: string;
  readonly name: string;
  readonly process: SimProcess;
  readonly members: Membership;
  readonly ownership: Ownership<SessionRecord>;
  readonly job: JobHolder;
  readonly store: PostgresStore;
  readonly sessions: Sessions;
  readonly switchboard: Switchboard;
  readonly #around: HubSurroundings;
  readonly #quota: CreateQuota;
  disturbedAt: number;
  draining = false;
  refuses = false;

  constructor(inc: string, name: string, around: HubSurroundings) {
    const { kernel, disk, random } = around;
    this.inc = inc;
    this.name = name;
    this.#around = around;
    this.process = new SimProcess(kernel);
    this.disturbedAt = kernel.now;
    const { process } = this;
    const { clock } = process;
    const log = silentLogger;
    this.members = new Membership({
      self: { inc, name, advertise: "", version: "", started: 0 },
      book: disk.book(disk.line(inc, process, BEAT_ANSWER_MS)),
      refuses: (row) => this.#refuses(row.inc),
      ...{ clock, log, onDead: () => undefined },
      onDeclaredDead: () => around.onDeclaredDead(this),
    });
    const { members } = this;
    this.job = new JobHolder("strays", disk.jobs(inc, disk.line(inc, process)), members);
    const options = { url: "", inc, clock, log, tenantSessions: TENANT_SESSIONS };
    const lease = { mayAct: () => members.mayAct(), mayNote: () => members.mayNote() };
    const read = { booked: {}, endedCost: noCost(0), clusterId: "" };
    const pool = CreatesPool.of({ ...around, inc, process });
    this.store = new PostgresStore({ ...options, ...lease }, pool, read);
    this.#quota = new CreateQuota(null, clock, TENANT_SESSIONS);
    const { sessions, switchboard } = this.#open(random);
    this.sessions = sessions;
    this.switchboard = switchboard;
    const household = householdOf(sessions, this.store);
    this.ownership = new Ownership({ claims: this.store, household, members, clock, log });
    sessions.onLost = () => this.ownership.doubt();
    this.#join();
  }

  #open(random: Random): { sessions: Sessions; switchboard: Switchboard } {
    const { platform } = this.#around;
    const { clock } = this.process;
    const common = { hubId: "hub_sim", clock, random, log: silentLogger };
    const asked = platform.provider(this.process);
    const inner = new KeptProvider(
      asked,
      () => this.members.acting(),
      () => false,
    );
    const watch = new PlatformWatch({
      ...{ ...common, inner, hasClients: () => false, onControl: () => undefined },
      living: () => sessions.living,
    });
    const { provider, control } = watch;
    const driver = {
      bundle: () => Promise.resolve(new Uint8Array([1])),
      urls: () => Promise.resolve(["sim:"]),
      token: (_: string, sandboxName: string) => sandboxName,
    };
    const parts = { ...common, provider, control, policy: POLICY, driver };
    const sessions: Sessions = new Sessions(parts, this.store);
    const janitor = new Janitor({
      ...{ ...common, provider, store: this.store, shared: this.store, job: this.job },
      sessions: () => sessions.all,
      ...{ everyMs: POLICY.janitorMs, youngMs: POLICY.createMs, cost: sessions.cost },
    });
    sessions.onEvent((event) => watch.observe(event));
    watch.start();
    janitor.start();
    const switchboard = new Switchboard({ ...common, find: (id) => sessions.find(id) });
    return { sessions, switchboard };
  }

  #join(): void {
    const again = (): void => void this.process.clock.setTimeout(() => this.#join(), 1_000);
    void this.members.start().then(() => this.ownership.start(), again);
  }

  /** As a dial tells it: a process that stands still is dialled all the same. */
  #refuses(inc: string): Promise<boolean> {
    const { kernel, hubOf } = this.#around;
    const told = Promise.withResolvers<boolean>();
    kernel.at(2, () => {
      const hub = hubOf(inc);
      this.process.run(() => told.resolve(hub === null || hub.refuses));
    });
    return told.promise;
  }

  /** POST /v1/sessions: the id of the session that is kept. `isPassed` goes to no third hub. */
  async create(wish: Wish, isPassed = false): Promise<string> {
    const { tenant, name, requestKey } = wish;
    const seen = this.#seenBy({ ...ADMIN, id: tenant, tenant });
    let far: string | null = null;
    const pass = async (): Promise<boolean> => {
      if (requestKey === null || isPassed) return false;
      const made = await this.store.madeUnder(seen.keyOf(requestKey));
      const to = made === null ? null : await this.#reach(made.id);
      if (to !== null) far = await this.#at(to, () => to.create(wish, true));
      return to !== null;
    };
    const isHere = requestKey === null || seen.madeBy(requestKey) !== undefined;
    if (!isHere && (await pass()) && far !== null) return far;
    const wanted = { ...(name && { name }), ...(requestKey && { requestKey }), spec: SPEC };
    const take = (): (() => void) => {
      if (this.draining) throw new HubError("HubBusy", "this hub gives its sessions to the others");
      this.#quota.demandRoom({ ...ADMIN, tenant }, seen.ofTenant);
      return () => undefined;
    };
    const session = await createOnce(wanted, 0, { seen, hub: this.sessions, take, pass });
    if (session === null && far !== null) return far;
    if (session === null) throw new HubError("SessionMoved", "no answer of another hub");
    await this.sessions.kept(session);
    return session.record.id;
  }

  /** DELETE /v1/sessions/ID: there once it is kept that it ends, or is nowhere. */
  async remove(id: string, isPassed = false): Promise<void> {
    const far = isPassed ? null : await this.#reach(id);
    if (far !== null) return this.#at(far, () => far.remove(id, true));
    const session = this.sessions.known(id);
    if (session === undefined && isPassed) throw new HubError("SessionMoved", `${id} is not here`);
    if (session === undefined) return;
    if (session.record.state !== "ended") session.operate("operator.removed");
    await this.sessions.kept(session);
  }

  #seenBy(principal: Principal): SeenSessions {
    return new SeenSessions(this.sessions, principal);
  }

  /** As in cluster.ts. Null when it is here, or nowhere. @throws HubError SessionMoved */
  async #reach(id: string): Promise<CreatesHub | null> {
    const { clock } = this.process;
    const endAt = clock.mono() + limits.UPGRADE_PARKED_MS_MAX;
    for (;;) {
      const landing = await this.ownership.land(id, false);
      if (landing.kind === "here" || landing.kind === "unknown") return null;
      const far = landing.kind === "elsewhere" ? this.#around.hubOf(landing.owner) : null;
      if (far !== null) return far;
      if (clock.mono() >= endAt) throw new HubError("SessionMoved", `no hub has session ${id} yet`);
      await new Promise<void>((next) => void clock.setTimeout(next, LOOK_MS));
    }
  }

  /** Asked of another hub, whose answer comes unless it dies. */
  #at<T>(hub: CreatesHub, ask: () => Promise<T>): Promise<T> {
    const { kernel } = this.#around;
    return new Promise((done, fail) => {
      const back = (tell: () => void): void => {
        if (hub.process.alive) kernel.at(1, () => this.process.run(tell));
      };
      const lost = new HubError("SessionMoved", "the hub broke off", { outcomeUnknown: true });
      hub.process.onDeath(() => kernel.at(1, () => this.process.run(() => fail(lost))));
      kernel.at(1, () =>
        hub.process.run(() => {
          ask().then(
            (answer) => back(() => done(answer)),
            (error: unknown) => back(() => fail(toHubError(error))),
          );
        }),
      );
    });
  }
}
