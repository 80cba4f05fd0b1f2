/** /v1/hubs: who serves these sessions. One hub has them all, and says so. */
import type { FastifyInstance } from "fastify";
import type { ClusterView } from "../../cluster/view.ts";
import type { RouteOptions } from "../http.ts";

/** What the process knows of itself. */
export interface HubSelf {
  readonly id: string;
  /** Wall ms. */
  readonly startedAt: number;
  readonly links: () => { readonly clients: number; readonly drivers: number };
  /** Null for a hub of its own. */
  readonly others: () => ClusterView | null;
  /** @throws HubError StateConflict when nobody would have its sessions */
  readonly drain: () => void;
}

export function addHubRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { self, version, hub, isReady } = options;
  const view = () => {
    const cluster = self.others();
    const me = {
      id: self.id,
      self: true,
      version,
      startedAt: new Date(self.startedAt).toISOString(),
      ready: isReady() && !cluster?.drain,
      sessions: hub.count,
      ...self.links(),
    };
    if (cluster === null) return { items: [me] };
    const { leaseMs, drain, hubs } = cluster;
    // Of others only what they say of themselves in the store is known here.
    return {
      cluster: self.id,
      items: hubs.map((one) => (one.self ? { ...me, ...one, leaseMs, drain } : one)),
    };
  };
  app.get("/v1/hubs", view);
  app.post("/v1/hubs/drain", (_, reply) => {
    self.drain();
    void reply.code(202);
    return view();
  });
}
