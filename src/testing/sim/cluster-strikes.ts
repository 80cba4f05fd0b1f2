/** What is done to a simulated cluster: which fault, to whom, when, and how it ends. */
import type { Random } from "../../base/random.ts";
import type { JobHolder } from "../../hub/cluster/job-holder.ts";
import type { Membership } from "../../hub/cluster/membership.ts";
import type { ClusterDisk, SessionRow } from "./cluster-disk.ts";
import type { ClusterPlant } from "./cluster-plants.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

const FAULTS_MAX = 6;
const FROM_MS = 2_000;
const KINDS = [
  ...(["kill", "freeze", "cut", "reset", "down", "failover"] as const),
  ...(["drain", "jump", "slow", "pooled"] as const),
];

/** One life of a hub, as far as it can be struck. */
export interface StruckHub {
  readonly inc: string;
  readonly process: SimProcess;
  readonly members: Membership;
  readonly ownership: { drain(): Promise<void> };
  readonly job: JobHolder;
  disturbedAt: number;
  draining: boolean;
  /** Nobody is let through to its door, and who dials is told so at once. */
  refuses: boolean;
}

export interface Struck<Hub extends StruckHub, Row extends SessionRow> {
  readonly kernel: SimKernel;
  readonly random: Random;
  readonly disk: ClusterDisk<Row>;
  /** The store came back with an older state. */
  readonly platform: { forget(): void };
  readonly plant: ClusterPlant | null;
  readonly hubs: ReadonlySet<Hub>;
  readonly kill: (hub: Hub) => void;
  /** A standby has all that was acknowledged: no fail-over loses anything. */
  readonly isSynchronous?: boolean;
}

export class ClusterStrikes<Hub extends StruckHub, Row extends SessionRow = SessionRow> {
  readonly #world: Struck<Hub, Row>;
  drains = 0;
  failovers = 0;
  /** When the store last came back with an older state. */
  lostWritesAt = -Infinity;

  constructor(world: Struck<Hub, Row>) {
    this.#world = world;
  }

  /** A few of them until `endMs`, when all is calm. */
  draw(endMs: number): void {
    const { kernel, random, hubs } = this.#world;
    const faults = Math.floor(random.next() * (FAULTS_MAX + 1));
    for (let n = 0; n < faults; n++) {
      const atMs = FROM_MS + random.next() * (endMs - FROM_MS);
      const forMs = 200 + random.next() ** 2 * 14_000;
      const kind = this.#pick(KINDS);
      kernel.at(atMs, () => {
        const hub = this.#pick([...hubs]);
        if (hub !== undefined && kind !== undefined) this.#strike(kind, hub, forMs);
      });
    }
    kernel.at(endMs, () => this.#calm());
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#world.random.next() * from.length)];
  }

  #strike(kind: (typeof KINDS)[number], hub: Hub, forMs: number): void {
    const { kernel, disk, random, kill } = this.#world;
    const later = (undo: () => void): void => void kernel.at(forMs, undo);
    const disturbed = (undo: () => void): void => {
      hub.disturbedAt = Infinity;
      later(() => {
        hub.disturbedAt = kernel.now;
        undo();
      });
    };
    if (kind === "kill") kill(hub);
    else if (kind === "freeze") {
      hub.process.freeze();
      disturbed(() => hub.process.thaw());
    } else if (kind === "cut" || kind === "jump" || kind === "reset") {
      // A machine whose clock is set has often just come back from somewhere.
      if (kind === "jump") hub.process.jumpWall((random.next() - 0.5) * 60_000);
      disk.cut.add(hub.inc);
      if (kind === "reset") this.#reset(hub, random.next() < 0.7);
      disturbed(() => {
        disk.cut.delete(hub.inc);
        hub.refuses = false;
      });
    } else if (kind === "drain") this.#drain(hub);
    else if (kind === "slow") {
      disk.latencyMs = 600;
      later(() => (disk.latencyMs = 4));
    } else if (kind === "pooled") {
      disk.isPooled = () => random.next() < 0.5;
      later(() => (disk.isPooled = null));
    } else this.outage(kind === "failover", forMs);
  }

  /** Both ends of its line to the store are told; a balancer may turn away who dials it, too. */
  #reset(hub: Hub, refuses: boolean): void {
    const { disk, plant } = this.#world;
    hub.refuses = refuses;
    disk.linked.delete(hub.inc);
    if (plant !== "cut-off-acts-on") hub.process.run(() => hub.members.cutOff());
  }

  /** Nobody is to be declared dead for it. After a fail-over the newest of all writes are gone. */
  outage(isFailover: boolean, forMs: number): void {
    const { kernel, disk, platform, hubs, isSynchronous } = this.#world;
    const lostWrites = isFailover && isSynchronous !== true;
    const old = { hubs: new Map(disk.hubs), sessions: new Map(disk.sessions) };
    kernel.at(lostWrites ? 400 : 0, () => {
      disk.down = true;
      for (const hub of hubs) this.#reset(hub, hub.refuses);
    });
    kernel.at(400 + forMs, () => {
      if (lostWrites) {
        Object.assign(disk, old);
        platform.forget();
        this.failovers += 1;
        this.lostWritesAt = kernel.now;
        // It is another server: no connection outlives that, not even one that was made meanwhile.
        for (const hub of hubs) this.#reset(hub, hub.refuses);
      }
      disk.down = false;
    });
  }

  #drain(hub: Hub): void {
    hub.draining = true;
    this.drains += 1;
    if (this.#world.plant === "drain-stops-beating") hub.members.stop();
    hub.process.run(() => {
      const leave = (): void => {
        void hub.ownership
          .drain()
          .then(() => hub.members.leave())
          .then(() => hub.job.end())
          .then(
            () => this.#world.kill(hub),
            () => hub.process.clock.setTimeout(leave, 1_000),
          );
      };
      leave();
    });
  }

  #calm(): void {
    const { disk, hubs, kernel } = this.#world;
    disk.down = false;
    disk.cut.clear();
    disk.isPooled = null;
    disk.latencyMs = 4;
    for (const hub of hubs) {
      hub.refuses = false;
      if (hub.process.frozen) hub.process.thaw();
      hub.disturbedAt = kernel.now;
    }
  }
}
