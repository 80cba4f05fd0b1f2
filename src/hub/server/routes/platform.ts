/** /v1/platform and /v1/tickets: what is known of the platform, and one-time tickets. */
import type { FastifyInstance } from "fastify";
import type { HttpOptions } from "../http.ts";

export function addPlatformRoutes(app: FastifyInstance, options: HttpOptions): void {
  const { provider, access } = options;
  app.get("/v1/platform", async () => {
    const { door, checkedAt, ...facts } = await provider.facts();
    return {
      platform: provider.platform,
      ...facts,
      door: door?.mountedAt ?? null,
      checkedAt: new Date(checkedAt).toISOString(),
    };
  });
  app.post("/v1/tickets", () => {
    const { ticket, expiresAt } = access.issueTicket();
    return { ticket, expiresAt: new Date(expiresAt).toISOString() };
  });
}
