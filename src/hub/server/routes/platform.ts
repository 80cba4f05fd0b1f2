/** /v1/platform, /v1/platform/control and /v1/tickets: the platform, and one-time tickets. */
import type { FastifyInstance } from "fastify";
import { sleep } from "../../../base/deadline.ts";
import { controlView, iso, platformView } from "../platform-view.ts";
import { principalOf } from "../door-keeper.ts";
import type { HttpOptions } from "../http.ts";
import { waitOf } from "../query.ts";

export function addPlatformRoutes(app: FastifyInstance, options: HttpOptions): void {
  const { watch, access, clock, sessions, drills } = options;
  app.get("/v1/platform", () => ({
    ...platformView(watch.provider.platform, watch.report(), clock.now()),
    cost: sessions.cost.view(),
    drills: drills.on,
  }));
  /** Makes a control sandbox now, or joins the one that is under way. */
  app.post("/v1/platform/control", async (request, reply) => {
    const waitMs = waitOf(request);
    const ended = watch.control.run();
    const late = new AbortController();
    const limit = sleep(clock, waitMs, late.signal);
    await Promise.race([ended, limit]).finally(() => late.abort());
    void reply.code(202);
    return controlView(watch.control.facts, clock.now());
  });
  app.post("/v1/tickets", (request) => {
    const { ticket, expiresAt } = access.issueTicket(principalOf(request));
    return { ticket, expiresAt: iso(expiresAt) };
  });
}
