/** /v1/hubs: who serves these sessions. One hub has them all, and says so. */
import type { FastifyInstance } from "fastify";
import type { HttpOptions } from "../http.ts";

/** What the process knows of itself. */
export interface HubSelf {
  readonly id: string;
  /** Wall ms. */
  readonly startedAt: number;
  readonly links: () => { readonly clients: number; readonly drivers: number };
}

export function addHubRoutes(app: FastifyInstance, options: HttpOptions): void {
  const { self, version, sessions, isReady } = options;
  app.get("/v1/hubs", () => ({
    items: [
      {
        id: self.id,
        self: true,
        version,
        startedAt: new Date(self.startedAt).toISOString(),
        ready: isReady(),
        sessions: sessions.all.length,
        ...self.links(),
      },
    ],
  }));
}
