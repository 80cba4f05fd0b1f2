/** What a hub is told of the cluster that it belongs to. */
export interface ClusterSettings {
  /** `postgres://user:password@host:port/database`, the same for all hubs. */
  readonly url: string;
  /** What only hubs of this cluster know. */
  readonly secret: string;
  /** Stays with this hub over its restarts, and is no other hub's; its own id when not given. */
  readonly name: string | null;
  /** Where other hubs reach it; nobody does by a port that is not open. */
  readonly peerListen: { readonly host: string; readonly port: number };
  /** `host:port` as others dial it, when it is not where it listens. */
  readonly advertise: string | null;
}

/** What no log and no answer may show. */
export function secretsOfCluster(settings: ClusterSettings | null): readonly string[] {
  if (settings === null) return [];
  const { url, secret } = settings;
  return [url, secret, new URL(url).password];
}
