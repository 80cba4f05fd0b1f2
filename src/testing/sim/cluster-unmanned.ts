/**
 * A session of a simulated cluster that no driver ever comes for, as one that has only just begun:
 * the hub that has it keeps a fact of it now and then, and the store alone can tell whose it is.
 */
import type { Membership } from "../../hub/cluster/membership.ts";
import type { Ownership } from "../../hub/cluster/ownership.ts";
import type { ClusterDisk, SessionRow } from "./cluster-disk.ts";
import type { ClusterPlant } from "./cluster-plants.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";

const ID = "ses_unmanned";
const KEEP_EVERY_MS = 400;
/** After a fail-over it rests for longer than its hub is in doubt by itself. */
const REST_MS = 17_000;

export interface UnmannedWorld {
  readonly disk: ClusterDisk;
  readonly plant: ClusterPlant | null;
  readonly kernel: SimKernel;
  /** When the store last came back with an older state. */
  readonly lostWritesAt: () => number;
}

export class Unmanned {
  readonly #world: UnmannedWorld;
  keptAt = 0;
  /** Facts that a hub was refused while the store called the session its own. */
  forgotten = 0;

  constructor(world: UnmannedWorld) {
    this.#world = world;
    const row = { id: ID, owner: null, fence: 1, version: 1, epochIssued: 0 };
    world.disk.sessions.set(ID, row);
  }

  start(hub: {
    readonly process: SimProcess;
    readonly members: Membership;
    readonly ownership: Ownership<SessionRow>;
    readonly rows: Map<string, SessionRow>;
    readonly ask: ReturnType<ClusterDisk["line"]>;
  }): void {
    const { process, members, ownership, rows, ask } = hub;
    const { disk, kernel, plant } = this.#world;
    const keep = async (row: SessionRow): Promise<void> => {
      const kept = await ask(() => disk.commit(row, members.inc, row.epochIssued));
      if (rows.get(ID) !== row) return;
      if (kept !== null) {
        this.keptAt = kernel.now;
        rows.set(ID, kept);
        return;
      }
      if (disk.sessions.get(ID)?.owner === members.inc) this.forgotten += 1;
      rows.delete(ID);
      if (plant !== "refused-is-anothers") ownership.doubt();
    };
    const later = (): void => {
      process.clock.setTimeout(() => {
        later();
        const row = rows.get(ID);
        const rests = kernel.now - this.#world.lostWritesAt() < REST_MS;
        if (row !== undefined && members.mayAct() && !rests)
          keep(row).catch(() => ownership.doubt());
      }, KEEP_EVERY_MS);
    };
    later();
  }
}
