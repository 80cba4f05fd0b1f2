/**
 * /v1/sessions/:id/shares: links by which somebody looks at the terminals of one session and sees
 * nothing else. A share is an API token of the role `watcher`; its token is behind the # of its
 * link, which no server ever sees.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { HubError } from "../../../base/hub-error.ts";
import { tenantOf } from "../../../base/tenant.ts";
import type { ApiToken } from "../../auth/api-token.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";
import { iso } from "../platform-view.ts";

const SECONDS_MAX = 7 * 24 * 60 * 60;
const SECONDS_DEFAULT = 60 * 60;
/** A session has a handful of onlookers; the book of tokens is for all sessions. */
const SHARES_EACH_MAX = 20;

const NewShare = Type.Object(
  { expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })) },
  { additionalProperties: false },
);

type Id = { Params: { id: string } };
type Share = { Params: { id: string; shareId: string } };

export function addShareRoutes(app: FastifyInstance, options: RouteOptions): void {
  const { access, sessionsOf, clock, publicUrl } = options;
  const { tokens } = access;
  const sharesOf = (id: string, all = tokens.all): readonly ApiToken[] =>
    all.filter(
      ({ role, sessions: of, expiresAt }) =>
        role === "watcher" && of?.[0] === id && expiresAt > clock.now(),
    );
  app.get<Id>("/v1/sessions/:id/shares", (request) => ({
    items: sharesOf(sessionsOf(request).find(request.params.id).record.id).map(shareView),
  }));
  app.post<Id & { Body: Static<typeof NewShare> | null }>(
    "/v1/sessions/:id/shares",
    { schema: { body: Type.Union([NewShare, Type.Null()]) } },
    async (request, reply) => {
      const { id, name } = sessionsOf(request).find(request.params.id).record;
      const maker = principalOf(request);
      const wantedMs = (request.body?.expiresInSeconds ?? SECONDS_DEFAULT) * 1_000;
      const share = {
        name,
        role: "watcher" as const,
        tenant: tenantOf(name),
        sessions: [id],
        createdBy: maker.id,
        // No longer than whoever shares could look.
        forMs: Math.min(wantedMs, (maker.expiresAt ?? Infinity) - clock.now()),
      };
      const { token, kept } = await tokens.create(share, (all) => {
        if (sharesOf(id, all).length < SHARES_EACH_MAX) return all;
        throw new HubError("RateLimited", `${name} has ${SHARES_EACH_MAX} shares: revoke some`);
      });
      void reply.code(201);
      return { ...shareView(kept), url: `${publicUrl ?? addressOf(request)}/login#token=${token}` };
    },
  );
  app.delete<Share>("/v1/sessions/:id/shares/:shareId", async (request) => {
    const { params } = request;
    const { id, name } = sessionsOf(request).find(params.id).record;
    const share = sharesOf(id).find((one) => one.id === params.shareId);
    if (share !== undefined) return shareView(await tokens.revoke(share.id));
    throw new HubError("NotFound", `${name} has no share ${JSON.stringify(params.shareId)}`);
  });
}

/** As the caller reached the hub; the Host is one of its own, or the guard had refused it. */
function addressOf({ protocol, host }: FastifyRequest): string {
  return `${protocol}://${host}`;
}

function shareView({ id, sessions, createdBy, createdAt, expiresAt, lastUsedAt }: ApiToken) {
  return {
    ...{ id, session: sessions?.[0] ?? "", createdBy },
    createdAt: iso(createdAt),
    expiresAt: iso(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
  };
}
