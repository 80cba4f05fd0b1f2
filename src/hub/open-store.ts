/**
 * Which store a hub has, and what comes with it: a file in its state directory, for this hub alone,
 * or a PostgreSQL that it shares with others.
 */
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { TimelineShelf } from "../store/retention.ts";
import { GroupedSqliteStore } from "../store/sqlite/grouped-store.ts";
import { SqliteStore } from "../store/sqlite/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import type { ApiToken } from "./auth/api-token.ts";
import { tokenFile, tokenFileIn } from "./auth/token-file.ts";
import { backupMaker, noBackup, type BackupMaker } from "./backup/make-backup.ts";
import type { ClusterSeat } from "./cluster/open-cluster.ts";
import type { HubSecrets } from "./hub-secrets.ts";
import type { HubOptions } from "./main.ts";
import { revocationFile, revocationFileIn } from "./preview/revocation-file.ts";
import type { Revocation } from "./preview/revocations.ts";
import type { Shelf } from "./shelf.ts";

/** Where facts are kept, what comes with it, and under which name sandboxes are this hub's. */
export interface OpenStore {
  readonly store: Store;
  /** Null where old facts are not dropped. */
  readonly shelf: TimelineShelf | null;
  readonly backup: (about: Parameters<typeof backupMaker>[2]) => BackupMaker;
  /** Null for a hub of its own. */
  readonly seat: ClusterSeat | null;
  /** Who may come in: this hub's own, or all hubs'. */
  readonly tokens: Shelf<ApiToken>;
  readonly links: Shelf<Revocation>;
  readonly hubId: string;
  readonly driverSecret: Uint8Array;
}

/** @throws HubError StoreUnreachable, StoreCorrupt, ConfigInvalid */
export async function openStore(
  options: Pick<HubOptions, "home" | "cluster" | "version" | "say" | "tenantSessions">,
  own: HubSecrets,
  log: Logger,
): Promise<OpenStore> {
  const { home, cluster = null, version, say, tenantSessions = null } = options;
  if (cluster === null) {
    const shelf = new SqliteStore(join(home, "store.sqlite"));
    const store = new GroupedSqliteStore(shelf, systemClock);
    const tokens = tokenFile(tokenFileIn(home));
    const links = revocationFile(revocationFileIn(home));
    const backup = backupMaker.bind(null, home, shelf);
    return { ...own, store, shelf, tokens, links, seat: null, backup };
  }
  // Its driver is loaded by those only who have a PostgreSQL.
  const { bringAlong } = await import("./cluster/bring-along.ts");
  const { openCluster } = await import("./cluster/open-cluster.ts");
  const waits = (why: string): void => {
    log.warn({ why }, "the start waits for PostgreSQL");
    say?.(`${why}; waiting until it takes facts`);
  };
  const given = { clock: systemClock, log, waits };
  const seat = await openCluster(cluster, { hubId: own.hubId, version, tenantSessions }, given);
  const { store, clusterId: hubId, driverSecret, rights } = seat;
  await seat.untilThere(() => bringAlong(home, rights, log));
  log.warn({}, "all facts stay in PostgreSQL: timelineRows and timelineAge drop none there");
  const { tokens, links } = rights;
  return { store, shelf: null, tokens, links, seat, hubId, driverSecret, backup: () => noBackup };
}
