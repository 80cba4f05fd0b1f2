/** Sessions over a fake platform, a store, fake driver links and the test's clock. */
import { silentLogger } from "../../src/base/log.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { seededRandom } from "../../src/base/random.ts";
import { defaultPolicy, type SessionPolicy } from "../../src/hub/session/policy.ts";
import type { Quiesced } from "../../src/hub/session/quiesced.ts";
import type { DriverLink, Session } from "../../src/hub/session/session.ts";
import type { ControlDesk, LinkEnding } from "../../src/hub/session/work-desk.ts";
import type { InsideAnswer, InsideFinding } from "../../src/probes/probe.ts";
import type { Stray } from "../../src/hub/janitor.ts";
import { LoopWatch } from "../../src/hub/loop-watch.ts";
import { HelloRate } from "../../src/hub/switchboard/hello-rate.ts";
import { Sessions, type NewSession } from "../../src/hub/sessions.ts";
import type { SandboxProvider } from "../../src/providers/provider.ts";
import type { Store } from "../../src/store/store.ts";
import { createNoControl } from "./no-control.ts";
import { FakePlatform, type FakeSandbox } from "./fake-platform.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";
import { settled, TestClock } from "./test-clock.ts";

const well: InsideFinding = { ok: true, latencyMs: 1, code: null, detail: "fine inside" };

/** What a driver says of a check that failed with this system error. */
export const failedInside = (code: string): InsideFinding => ({
  ok: false,
  latencyMs: 1,
  code,
  detail: `${code}: it failed inside`,
});

/** A driver's link that answers challenges at once, or never. */
export class FakeLink implements DriverLink {
  readonly epoch: number;
  deaf = false;
  ended: LinkEnding | null = null;
  challenges = 0;
  /** What the driver finds from inside. */
  exec = well;
  filesystem = well;
  noTerminal = false;
  loopLagMs = 0;
  onEnd: (why: LinkEnding) => void = () => undefined;
  /** How it comes to rest when it is asked. */
  quiesced: () => Promise<Quiesced> = () => Promise.resolve({ kind: "unable" });
  expected = false;

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  challenge(): Promise<{ readonly loopLagMs: number }> {
    this.challenges += 1;
    if (this.deaf) return Promise.reject(new HubError("DriverDeaf", "the driver did not answer"));
    return Promise.resolve({ loopLagMs: this.loopLagMs });
  }

  inside(): Promise<InsideAnswer> {
    if (this.deaf) return new Promise(() => undefined);
    return Promise.resolve({ exec: this.exec, filesystem: this.filesystem });
  }

  /** What stands in the files of the sandbox that it lives in. */
  read: (file: string) => string | null = () => null;

  mark(files: readonly string[]): Promise<readonly (string | null)[]> {
    if (this.deaf) return new Promise(() => undefined);
    return Promise.resolve(files.map((file) => this.read(file)));
  }

  terminal(): Promise<string> {
    if (this.noTerminal) return Promise.reject(new HubError("ExecBroken", "no pty is left"));
    return this.deaf ? new Promise(() => undefined) : Promise.resolve("fake");
  }

  quiesce(): Promise<Quiesced> {
    return this.quiesced();
  }

  end(why: LinkEnding): void {
    if (this.ended !== null) return;
    this.expected = true;
    this.ended = why;
    this.onEnd(why);
  }
}

export const plainSpec: NewSession["spec"] = { env: {}, labels: {} };

/** A store of one hub, which answers in the same turn. */
type SyncStore = Omit<Store, "events"> & Pick<MemoryStore, "events">;

export class HubWorld {
  readonly clock: TestClock;
  readonly platform: FakePlatform;
  readonly store: SyncStore;
  readonly policy: SessionPolicy;
  readonly links: FakeLink[] = [];
  readonly control: ControlDesk;
  readonly queue: HelloRate;
  readonly loop: LoopWatch;
  /** What a janitor would have found. */
  strays: readonly Stray[] = [];
  sessions: Sessions;
  /** The platform as one session calls it. */
  providerFor: (id: string, platform: SandboxProvider) => SandboxProvider = (_, same) => same;
  /** Whether somebody has the session of this id open. */
  hasClients: (id: string) => boolean = () => false;
  /** Each new link before the session gets it: what is set here is true from its first probe on. */
  onLink: (link: FakeLink) => void = () => undefined;

  constructor(
    options: {
      platform?: (clock: TestClock) => FakePlatform;
      store?: SyncStore | ((world: HubWorld) => SyncStore);
      policy?: Partial<SessionPolicy>;
      control?: (clock: TestClock) => ControlDesk;
    } = {},
  ) {
    this.clock = new TestClock();
    this.platform = options.platform?.(this.clock) ?? new FakePlatform(this.clock);
    const { store = new MemoryStore() } = options;
    this.store = typeof store === "function" ? store(this) : store;
    this.policy = { ...defaultPolicy, ...options.policy };
    this.control = options.control?.(this.clock) ?? createNoControl(this.clock);
    this.queue = new HelloRate(this.clock);
    this.loop = new LoopWatch(this.clock);
    this.sessions = this.#boot();
  }

  #boot(): Sessions {
    return new Sessions(
      {
        hubId: "hub_test",
        provider: this.platform,
        driver: {
          bundle: () => Promise.resolve(new Uint8Array([1])),
          urls: () => Promise.resolve(["ws+unix:/run/holdfast/hub.sock:/v1/driver"]),
          token: (id) => `token-of-${id}`,
        },
        control: this.control,
        queue: this.queue,
        loop: this.loop,
        policy: this.policy,
        clock: this.clock,
        random: seededRandom("hub-world"),
        log: silentLogger,
        providerFor: (id) => this.providerFor(id, this.platform),
        hasClients: (id) => this.hasClients(id),
      },
      this.store,
    );
  }

  /** Other sessions, before there is any. */
  reboot(): void {
    this.sessions = this.#boot();
  }

  /** The hub process dies and another starts on the same store. Links die with it. */
  async restart(downMs = 0): Promise<void> {
    this.sessions.stop();
    this.links.length = 0;
    this.clock.freeze(downMs);
    this.sessions = this.#boot();
    await this.sessions.start();
    await settled();
  }

  create(request: Partial<NewSession> = {}): Session {
    return this.sessions.create({ name: "demo", spec: plainSpec, ...request });
  }

  /** Drivers dial by themselves this long after they are launched. */
  driversDial(afterMs = 20): void {
    this.platform.onLaunch = (sandbox) => {
      this.clock.setTimeout(() => this.dial(sandbox), afterMs);
    };
  }

  dial(sandbox: FakeSandbox): FakeLink {
    return this.attach(this.#of(sandbox));
  }

  /** What the switchboard does with a driver that confirmed its epoch. */
  attach(session: Session): FakeLink {
    const epoch = session.record.epochIssued + 1;
    session.ledger.note("epoch.issued", `epoch ${epoch}`, {}, { epochIssued: epoch });
    session.ledger.note("driver.attached", `epoch ${epoch}`, {}, { epoch });
    const link = new FakeLink(epoch);
    link.onEnd = (why) => session.detach(link, why);
    const sandbox = this.platform.find(session.record.sandboxId ?? "");
    link.read = (file) => {
      const bytes = sandbox?.files.get(file);
      sandbox?.files.delete(file);
      return bytes === undefined ? null : new TextDecoder().decode(bytes);
    };
    this.links.push(link);
    this.onLink(link);
    session.attach(link);
    return link;
  }

  /** A session that is connected, and its link. */
  async connected(): Promise<{ session: Session; link: FakeLink }> {
    this.driversDial();
    const session = this.create();
    await this.clock.advanceAsync(200);
    const link = this.links.at(-1);
    if (session.record.state !== "connected" || link === undefined) {
      throw new Error(`not connected: ${session.record.detail}`);
    }
    return { session, link };
  }

  kinds(session: Session): string[] {
    const query = { after: 0, session: session.record.id, limit: 10_000 };
    return this.store.events(query).map(({ kind }) => kind);
  }

  /** Every state that was entered, in order, without repeats in a row. */
  path(session: Session): string[] {
    const query = { after: 0, session: session.record.id, limit: 10_000 };
    const details = this.store.events(query).map(({ detail }) => detail);
    return details.filter((detail, at) => detail !== details[at - 1]);
  }

  #of(sandbox: FakeSandbox): Session {
    const id = sandbox.request.labels["holdfast/session"] ?? "";
    return this.sessions.find(id);
  }
}

/** A world on a platform whose broken promise the test wants to turn on and off. */
export function worldOn<P extends FakePlatform>(
  make: (clock: TestClock) => P,
  policy: Partial<SessionPolicy> = {},
): { readonly world: HubWorld; readonly platform: P } {
  const made: P[] = [];
  const world = new HubWorld({
    policy,
    platform: (clock) => {
      const platform = make(clock);
      made.push(platform);
      return platform;
    },
  });
  const [platform] = made;
  if (platform === undefined) throw new Error("the world made no platform");
  return { world, platform };
}

/** Runs until the session rests in error, and says how long that took. */
export async function untilError(
  world: HubWorld,
  session: Session,
  atMostMs: number,
): Promise<number> {
  const startedAt = world.clock.now();
  while (session.record.state !== "error") {
    await world.clock.advanceAsync(50);
    const passedMs = world.clock.now() - startedAt;
    if (passedMs > atMostMs) throw new Error(`${session.record.detail} after ${passedMs} ms`);
  }
  return world.clock.now() - startedAt;
}
