/**
 * The platform as a whole: opens its data directory, finds out what the machine can do, takes its
 * sandboxes over, serves, and ends. Owns the order of these steps and nothing of their content.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import type { Logger } from "../base/log.ts";
import { Activity } from "./api/activity.ts";
import { makeServer } from "./api/server.ts";
import type { PlatformServer } from "./api/server.ts";
import { DataDir } from "./data-dir.ts";
import type { PlatformFacts } from "./data-dir.ts";
import { DrillLedger, takeBackOld } from "./faults/drill-ledger.ts";
import { Drills } from "./faults/drills.ts";
import type { Host } from "./host.ts";
import { chooseTier } from "./isolation/choose.ts";
import { prepareSkeleton } from "./isolation/skeleton.ts";
import { insideServices } from "./isolation/tier.ts";
import type { RootKind } from "./isolation/tier.ts";
import { CgroupParent, settle } from "./kernel/cgroup.ts";
import { LimitGroups } from "./kernel/limits.ts";
import { mountsBelow } from "./kernel/mounts.ts";
import { identityOf } from "./kernel/process-table.ts";
import type { PlatformOptions } from "./options.ts";
import { Organizations } from "./organizations.ts";
import type { Caller } from "./organizations.ts";
import { PlatformStartError } from "./outcome.ts";
import { overlayWorks, probeTier } from "./probe.ts";
import { EgressDoors } from "./sandbox/egress-doors.ts";
import { Keeper } from "./sandbox/keeper.ts";
import { Lifecycle } from "./sandbox/lifecycle.ts";
import { endProcesses, endUnrecorded, pidsOf } from "./sandbox/processes.ts";
import { Registry } from "./sandbox/registry.ts";
import { Snapshots } from "./snapshots.ts";
import { Volumes } from "./volumes.ts";
import { toolboxBundle } from "./toolbox-bundle.ts";

/** A transition under way at shutdown is let finish: it has its own, shorter deadlines. */
const TRANSITION_DEADLINE_MS = 20_000;

const platformVersion = "v0.1.0-holdfast";

export interface Counts {
  sandboxes: number;
  processes: number;
  mounts: number;
  cgroups: number;
}

export class Platform {
  readonly host: Host;
  readonly apiKey: string;
  readonly organizations: Organizations;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly drills: Drills;
  readonly #ledger: DrillLedger;
  readonly activity = new Activity();
  /** Off unless asked for: who has the key of a platform that people work on breaks nothing. */
  readonly areFaultsEnabled: boolean;
  /** Why better tiers than the one in force were passed over. */
  readonly passedOver: string[];
  readonly #dataDir: DataDir;
  readonly #keeper: Keeper;
  readonly #server: PlatformServer;
  readonly #unrecorded: string[];
  #apiOrigin = "";
  #ending = false;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(host: Host, dataDir: DataDir, passedOver: string[], faults: boolean) {
    this.host = host;
    this.#dataDir = dataDir;
    this.passedOver = passedOver;
    this.apiKey = dataDir.apiKey();
    this.organizations = new Organizations(dataDir.paths.data, this.apiKey);
    this.registry = new Registry(host);
    this.#unrecorded = this.registry.load();
    this.snapshots = new Snapshots(host.paths.data);
    this.volumes = new Volumes(host.paths.data, host.paths.volumes);
    this.#ledger = new DrillLedger(join(host.paths.data, "drills.json"));
    this.drills = new Drills(host.log, (broken) => this.#ledger.write(broken));
    this.areFaultsEnabled = faults;
    this.lifecycle = new Lifecycle(host, this.registry, this.drills);
    this.#keeper = new Keeper(host, this.registry, this.lifecycle);
    this.#server = makeServer(this);
  }

  static async start(options: PlatformOptions, log: Logger): Promise<Platform> {
    const dataDir = DataDir.open(options.dataDir);
    try {
      const { host, passedOver } = await makeHost(options, dataDir, log);
      const platform = new Platform(host, dataDir, passedOver, options.faults);
      for (const id of platform.#unrecorded) await endUnrecorded(host, id);
      await platform.#keeper.adopt();
      platform.drills.remember(
        await takeBackOld({ host, registry: platform.registry, ledger: platform.#ledger, log }),
      );
      await platform.#serve(options);
      return platform;
    } catch (error) {
      dataDir.close();
      const cgroups = CgroupParent.open(dataDir.paths.data);
      cgroups?.close();
      LimitGroups.open(cgroups).close();
      throw error;
    }
  }

  /** Who has passed the gate of the API; nobody else reaches a route that asks. */
  callerOf(request: { headers: IncomingHttpHeaders }): Caller {
    const caller = this.organizations.caller(request.headers);
    assert(caller !== undefined, "a route was reached without a key");
    return caller;
  }

  origin(): string {
    return this.#apiOrigin;
  }

  facts(): PlatformFacts {
    const { host } = this;
    return {
      pid: process.pid,
      startTicks: identityOf(process.pid)?.startTicks ?? "",
      apiUrl: `${this.#apiOrigin}/api`,
      target: "local",
      tier: host.launcher.tier,
      passedOver: this.passedOver,
      problems: this.#keeper.problems,
      root: host.rootKind,
      pause: host.cgroups === undefined ? "signal" : "cgroup",
      limits: host.limits.kinds,
      network: host.network,
      faults: this.areFaultsEnabled,
      servicesDir: host.paths.services,
      mountedAt: host.launcher.tier === "process" ? host.paths.services : insideServices,
      version: host.version,
    };
  }

  counts(): Counts {
    const records = this.registry.all().map((held) => held.record);
    return {
      sandboxes: records.length,
      processes: records.flatMap((record) => pidsOf(this.host, record)).length,
      mounts: mountsBelow(this.host.paths.data).length,
      cgroups: this.host.cgroups?.list().length ?? 0,
    };
  }

  /** Ends every sandbox's processes, mounts and cgroups; files and records stay. */
  async stopSandboxes(): Promise<string[]> {
    this.#ending = true;
    this.#keeper.stop();
    await this.drills.close();
    const problems = await Promise.all(
      this.registry.all().map(async (held) => {
        const { record } = held;
        await settle(() => !held.pending, TRANSITION_DEADLINE_MS);
        if (record.state === "started" || record.state === "paused") {
          const stopped = await this.lifecycle.stop(held);
          return stopped.ok ? undefined : `${record.name}: ${stopped.refusal.message}`;
        }
        const problem = await endProcesses(this.host, record);
        return problem === undefined ? undefined : `${record.name}: ${problem}`;
      }),
    );
    this.host.cgroups?.close();
    this.host.limits.close();
    return problems.filter((problem) => problem !== undefined);
  }

  /** From here on nothing new is made: it would be missed by the end that is under way. */
  isEnding(): boolean {
    return this.#ending;
  }

  requestEnd(): void {
    this.#ended.resolve();
  }

  /** Resolves when somebody asked over HTTP that the platform ends. */
  whenEndRequested(): Promise<void> {
    return this.#ended.promise;
  }

  /** Stops serving; sandboxes run on and are taken over by the next platform on this directory. */
  async close(): Promise<void> {
    this.#ending = true;
    this.#keeper.stop();
    await this.drills.close();
    // The next platform must not find a transition that this one is still in the middle of.
    const pending = (): boolean => this.registry.all().some((held) => held.pending);
    await settle(() => !pending(), TRANSITION_DEADLINE_MS);
    await this.#server.close();
    this.host.egress.closeAll();
    for (const held of this.registry.all()) this.registry.save(held);
    this.host.cgroups?.close();
    this.host.limits.close();
    this.#dataDir.close();
  }

  async #serve(options: PlatformOptions): Promise<void> {
    const port = options.port === 0 ? this.#dataDir.port() : options.port;
    try {
      const address = await this.#server.listen(options.listenHost, port);
      this.#apiOrigin = `http://${options.listenHost}:${address.port}`;
      this.#dataDir.keepPort(address.port);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
        throw new PlatformStartError(
          `port ${port} on ${options.listenHost} is in use. ` +
            `End what listens there, or choose another with --listen ${options.listenHost}:PORT.`,
        );
      }
      throw error;
    }
    this.#keeper.start();
    this.#dataDir.announce({ ...this.facts(), apiKey: this.apiKey });
  }
}

async function makeHost(
  options: PlatformOptions,
  dataDir: DataDir,
  log: Logger,
): Promise<{ host: Host; passedOver: string[] }> {
  const { paths } = dataDir;
  const isRoot = process.getuid?.() === 0;
  const cgroups = CgroupParent.open(paths.data);
  const base: Omit<Host, "launcher" | "rootKind"> = {
    paths,
    cgroups,
    limits: LimitGroups.open(cgroups),
    network: options.network,
    egress: new EgressDoors(isRoot),
    log,
    isRoot,
    lower: prepareSkeleton(paths.roots),
    toolboxFile: keepBundle(paths.data, await toolboxBundle()),
    nodeFile: process.execPath,
    version: platformVersion,
  };
  const isolatedRoot: RootKind = isRoot && (await overlayWorks(base)) ? "overlay" : "copy";
  const { launcher, passedOver } = await chooseTier(options.isolation, (candidate) =>
    probeTier(base, candidate, isolatedRoot),
  );
  const rootKind = launcher.tier === "process" ? "none" : isolatedRoot;
  // Without a network namespace nothing keeps a sandbox from the host's network: said as it is.
  const network = launcher.tier === "process" ? "host" : base.network;
  return { host: { ...base, launcher, rootKind, network }, passedOver };
}

/** Kept under a name of its content: sandboxes that run hold on to the bundle they started with. */
function keepBundle(data: string, bundle: { file: string; tag: string }): string {
  const dir = join(data, "toolbox");
  const kept = join(dir, `${bundle.tag}.cjs`);
  if (existsSync(kept)) return kept;
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const draft = `${kept}.${process.pid}.draft`;
  rmSync(draft, { force: true });
  copyFileSync(bundle.file, draft);
  renameSync(draft, kept);
  return kept;
}
