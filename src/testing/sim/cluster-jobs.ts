/**
 * The job that only one of several simulated hubs does at a time: each looks whether it is its own,
 * and then acts, after it stood in a queue, at a platform that fences nobody.
 */
import type { Random } from "../../base/random.ts";
import { JobHolder } from "../../hub/cluster/job-holder.ts";
import type { Membership } from "../../hub/cluster/membership.ts";
import type { ClusterDisk } from "./cluster-disk.ts";
import type { ClusterPlant } from "./cluster-plants.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

const LOOK_EVERY_MS = 1_000;
const QUEUE_MS_MAX = 8_000;
/** Who had the job before a fail-over has done by then what it had begun. */
const SURE_MS = 20_000;

export interface JobWorld {
  readonly disk: ClusterDisk;
  readonly random: Random;
  readonly plant: ClusterPlant | null;
  readonly kernel: SimKernel;
  /** When the store last came back with an older state. */
  readonly lostWritesAt: () => number;
}

export class ClusterJob {
  readonly #world: JobWorld;
  #lastBy: string | null = null;
  /** How often another hub than the last one did it. */
  moves = 0;
  doneAt = 0;

  constructor(world: JobWorld) {
    this.#world = world;
    world.disk.comparesNoJob = world.plant === "job-without-compare";
  }

  /** What the hub gives back when it leaves. */
  start(hub: { readonly process: SimProcess; readonly members: Membership }): JobHolder {
    const { process, members } = hub;
    // As from a pool: what queues on one connection holds up nothing on another.
    const ask = this.#world.disk.line(members.inc, process);
    const job = new JobHolder("strays", this.#world.disk.jobs(members.inc, ask), members);
    const { clock } = process;
    const later = (): void =>
      void clock.setTimeout(() => void look().finally(later), LOOK_EVERY_MS);
    const look = async (): Promise<void> => {
      // A store that does not answer is asked again.
      const isOurs = await job.take().catch(() => false);
      if (!isOurs) return;
      const waitMs = this.#world.random.next() ** 2 * QUEUE_MS_MAX;
      await new Promise<void>((next) => void clock.setTimeout(next, waitMs));
      const { plant } = this.#world;
      if (plant === "job-without-lease" || members.mayAct()) this.#act(members.inc);
    };
    later();
    return job;
  }

  #act(inc: string): void {
    const { disk, kernel, lostWritesAt } = this.#world;
    if (this.#lastBy !== null && this.#lastBy !== inc) this.moves += 1;
    this.#lastBy = inc;
    this.doneAt = kernel.now;
    const { owner } = disk.job;
    const isSure = kernel.now - lostWritesAt() > SURE_MS;
    if (owner !== inc && isSure) disk.onWrong(`${inc} does the job of ${owner ?? "nobody"}`);
  }
}
