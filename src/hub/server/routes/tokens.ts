/**
 * /v1/tokens, /v1/me and /v1/audit: API tokens, who is asking, and who asked for what. A token
 * itself is told once.
 */
import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { HubError } from "../../../base/hub-error.ts";
import { tenantOf, whyNotTenant } from "../../../base/tenant.ts";
import type { ApiToken } from "../../auth/api-token.ts";
import { tokenRoles, type Principal, type Seen } from "../../auth/principal.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";
import { iso } from "../platform-view.ts";
import { numberOf } from "../query.ts";

const DAY_SECONDS = 24 * 60 * 60;
const SECONDS_MAX = 366 * DAY_SECONDS;
const SECONDS_DEFAULT = 30 * DAY_SECONDS;

const AUDIT_DEFAULT = 50;
/** As many as are in the end of the file that is read. */
const AUDIT_MAX = 100;

const NewToken = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63, pattern: "^[A-Za-z0-9][A-Za-z0-9 ._@-]*$" }),
    role: Type.Union(tokenRoles.map((role) => Type.Literal(role))),
    /** Whose sessions it sees; the maker's own tenant, or all of the hub, when it is left out. */
    tenant: Type.Optional(Type.String({ minLength: 1, maxLength: 39 })),
    /** Ids or names of sessions that there are; all when it is left out. */
    sessions: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100 })),
    expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })),
  },
  { additionalProperties: false },
);

export function addTokenRoutes(app: FastifyInstance, { access, sessionsOf }: RouteOptions): void {
  const { tokens } = access;
  app.get("/v1/me", (request) => {
    const { id, role, tenant, sessions: ids, expiresAt } = principalOf(request);
    const name = tokens.all.find((token) => token.id === id)?.name ?? null;
    const until = expiresAt === null ? null : iso(expiresAt);
    return { id, name, role, tenant, sessions: ids, expiresAt: until };
  });
  app.get("/v1/audit", (request) => {
    const items = access.audit.tail(numberOf(request, "limit", AUDIT_DEFAULT, 1, AUDIT_MAX));
    return { items, head: access.audit.head };
  });
  app.get("/v1/tokens", (request) => ({
    items: tokens.seenBy(principalOf(request)).map(tokenView),
  }));
  app.post<{ Body: Static<typeof NewToken> }>(
    "/v1/tokens",
    { schema: { body: NewToken } },
    async (request, reply) => {
      const { name, role, sessions: named, expiresInSeconds = SECONDS_DEFAULT } = request.body;
      const maker = principalOf(request);
      const tenant = tenantFor(maker, request.body.tenant ?? null);
      const { token, kept } = await tokens.create({
        name,
        role,
        tenant,
        sessions: named?.map((one) => idIn(tenant, sessionsOf(request).find(one).record)) ?? null,
        createdBy: maker.id,
        forMs: expiresInSeconds * 1_000,
      });
      void reply.code(201);
      return { ...tokenView(kept), token };
    },
  );
  app.delete<{ Params: { tokenId: string } }>("/v1/tokens/:tokenId", async (request) => {
    const { tokenId } = request.params;
    const asking = principalOf(request);
    if (tokenId === asking.id) request.outlive?.();
    return tokenView(await tokens.revoke(tokenId, asking));
  });
}

/** Whoever is of a tenant makes tokens of it alone. @throws HubError BadRequest, Forbidden */
function tenantFor({ tenant: own }: Principal, wanted: string | null): string | null {
  const wrong = wanted === null ? null : whyNotTenant(wanted);
  if (wrong !== null) throw new HubError("BadRequest", wrong);
  if (own === null || wanted === null || wanted === own) return own ?? wanted;
  throw new HubError("Forbidden", `a token of ${own} makes tokens of ${own} only`);
}

/** A token that can see none of its sessions would be a mistake. @throws HubError BadRequest */
function idIn(tenant: string | null, { id, name }: Seen): string {
  if (tenant === null || tenantOf(name) === tenant) return id;
  throw new HubError("BadRequest", `sessions: ${name} is no session of the tenant ${tenant}`);
}

export function tokenView(token: ApiToken) {
  const { id, name, role, tenant, sessions, createdBy, createdAt, expiresAt, lastUsedAt } = token;
  return {
    ...{ id, name, role, tenant, sessions, createdBy },
    createdAt: iso(createdAt),
    expiresAt: iso(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
  };
}
