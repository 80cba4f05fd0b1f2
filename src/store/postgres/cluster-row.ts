/** Which cluster a database is of: the first hub names it, all others must know its secret. */
import { createHmac } from "node:crypto";
import type { ClientBase } from "pg";
import { HubError } from "../../base/hub-error.ts";

export interface ClusterKey {
  /** The cluster's id if this hub is the first on the database. */
  readonly idIfFirst: string;
  readonly secret: string;
}

/** @returns the cluster's id. @throws HubError ConfigInvalid when the secret is another one */
export async function enterCluster(client: ClientBase, key: ClusterKey): Promise<string> {
  const { idIfFirst, secret } = key;
  await client.query(
    "INSERT INTO cluster (id, secret_check) VALUES ($1, $2) ON CONFLICT (one) DO NOTHING",
    [idIfFirst, checkOf(secret, idIfFirst)],
  );
  const entered = await checkCluster(client, secret);
  if (entered === null) throw new HubError("StoreCorrupt", "the database names no cluster");
  return entered;
}

/**
 * @returns the cluster's id, null when no hub has named one yet
 * @throws HubError ConfigInvalid when the secret is another one
 */
export async function checkCluster(client: ClientBase, secret: string): Promise<string | null> {
  const { rows } = await client.query<{ id: string; secret_check: string }>(
    "SELECT id, secret_check FROM cluster",
  );
  const [row] = rows;
  if (row === undefined) return null;
  if (row.secret_check === checkOf(secret, row.id)) return row.id;
  const said = `the database belongs to the cluster ${row.id}, whose secret is another one`;
  throw new HubError("ConfigInvalid", said, {
    hint: "Give all its hubs the same HOLDFAST_CLUSTER_SECRET, or name another database.",
  });
}

/** Tells nothing of the secret to who reads the database. */
function checkOf(secret: string, id: string): string {
  return createHmac("sha256", secret).update(`cluster:${id}`).digest("base64url");
}
