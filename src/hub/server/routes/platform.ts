/** /v1/platform, /v1/platform/control and /v1/tickets: the platform, and one-time tickets. */
import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { sleep } from "../../../base/deadline.ts";
import { controlView, iso, platformView, strayView } from "../platform-view.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";
import { idNamed } from "../named-session.ts";
import { waitOf } from "../query.ts";

/** What a ticket can be for. */
const DOORS = { client: "WS /v1/client", lsp: "WS /v1/sessions/:id/lsp/:name" } as const;

const TicketWish = Type.Object(
  {
    for: Type.Optional(Type.Union([Type.Literal("client"), Type.Literal("lsp")])),
    session: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  },
  { additionalProperties: false },
);
type TicketWish = Static<typeof TicketWish>;
const asked = { schema: { body: Type.Union([TicketWish, Type.Null()]) } };

export function addPlatformRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { watch, access, clock, hub, drills, strays } = options;
  app.get("/v1/platform", () => ({
    ...platformView(watch.provider.platform, watch.report(), clock.now()),
    cost: hub.cost.view(),
    drills: drills.on,
    strays: strays().map(strayView),
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
  app.post<{ Body: TicketWish | null }>("/v1/tickets", asked, async (request) => {
    const principal = principalOf(request);
    const { for: door = "client", session } = request.body ?? {};
    // One that may not be seen is answered as one that does not exist.
    const id = session === undefined ? null : await idNamed(request, session, options);
    const purpose = { route: DOORS[door], session: id };
    const { ticket, expiresAt } = access.issueTicket(principal, purpose);
    return { ticket, expiresAt: iso(expiresAt) };
  });
}
