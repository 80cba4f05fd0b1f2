/**
 * A hub's seat among others on one PostgreSQL: the store, the roll with its own connection, the
 * membership, and the keys that all of them share. Nothing has begun when it is open: the hub
 * joins once it can be reached (cluster.ts).
 */
import { createHmac } from "node:crypto";
import { newId } from "../../base/ids.ts";
import type { Logger } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { PostgresRoll } from "../../store/postgres/postgres-roll.ts";
import { PostgresStore, type PostgresOptions } from "../../store/postgres/postgres-store.ts";
import { untilThere, type Patience } from "../../store/postgres/until-there.ts";
import { Membership } from "./membership.ts";
import { JobHolder, type JobName } from "./job-holder.ts";
import { PeerDoor } from "./peer-door.ts";
import { peerKeyOf, refusesAt, type PeerKey } from "./peer-greeting.ts";
import type { ClusterSettings } from "./settings.ts";
import { SharedRights } from "./shared-rights.ts";

export interface ClusterSeat {
  readonly store: PostgresStore;
  readonly roll: PostgresRoll;
  readonly rights: SharedRights;
  readonly members: Membership;
  readonly jobs: Readonly<Record<JobName, JobHolder>>;
  /** Where other hubs come in, and what proves to them that this one is of theirs. */
  readonly peers: PeerDoor;
  readonly peerKey: PeerKey;
  /** The cluster's, which its sandboxes carry, and every hub of it. */
  readonly clusterId: string;
  /** Keyed by it, a driver's token is good at every hub. */
  readonly driverSecret: Uint8Array;
  /** This hub's own, for people. */
  readonly name: string;
  /** There when another hub declared this one dead: it must end. */
  readonly superseded: Promise<void>;
  /** Work of the start, tried again for as long as the store is away. */
  readonly untilThere: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Waits for a PostgreSQL that is away, and tells `waits` so.
 * @throws HubError StoreUnreachable, StoreCorrupt, ConfigInvalid, PortInUse
 */
export async function openCluster(
  settings: ClusterSettings,
  self: Pick<PostgresOptions, "tenantSessions"> & { readonly hubId: string; version: string },
  { clock, log, waits }: Patience & { readonly log: Logger },
): Promise<ClusterSeat> {
  const { url, secret, advertise } = settings;
  const inc = newId("inc", systemRandom);
  const name = settings.name ?? self.hubId;
  const roll = new PostgresRoll(url, {
    life: inc,
    onRights: (stamp) => rights.hear(stamp),
    onLost: () => members.cutOff(),
  });
  const peerKey = peerKeyOf(secret);
  const peers = await PeerDoor.open(settings.peerListen, { key: peerKey, inc, log });
  const superseded = Promise.withResolvers<undefined>();
  const members = new Membership({
    self: {
      inc,
      name,
      advertise: advertise ?? peers.address,
      version: self.version,
      started: clock.now(),
    },
    book: roll,
    refuses: ({ advertise }) => refusesAt(advertise),
    clock,
    log,
    onDeclaredDead: () => superseded.resolve(undefined),
    onDead: () => undefined,
  });
  const cluster = { idIfFirst: self.hubId, secret };
  const { tenantSessions = null } = self;
  const lease = { mayAct: () => members.mayAct(), mayNote: () => members.mayNote() };
  const keeps = { url, inc, clock, log, cluster, tenantSessions, ...lease };
  const patient = <T>(work: () => Promise<T>) => untilThere(work, { clock, waits });
  const open = async () => {
    const opened = await PostgresStore.open(keeps);
    try {
      const told = { now: clock.now(), log, random: systemRandom };
      return { store: opened, rights: await SharedRights.open(opened.rights, told) };
    } catch (error) {
      await opened.close();
      throw error;
    }
  };
  const { store, rights } = await patient(open).catch(async (error: unknown) => {
    await peers.close();
    throw error;
  });
  const jobOf = (job: JobName): JobHolder => new JobHolder(job, store.jobs, members);
  return {
    store,
    roll,
    rights,
    members,
    jobs: { strays: jobOf("strays"), control: jobOf("control") },
    peers,
    peerKey,
    clusterId: store.clusterId,
    driverSecret: createHmac("sha256", secret).update("driver tokens").digest(),
    name,
    superseded: superseded.promise,
    untilThere: patient,
  };
}
