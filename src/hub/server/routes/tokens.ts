/**
 * /v1/tokens, /v1/me and /v1/audit: API tokens, who is asking, and who asked for what. A token
 * itself is told once.
 */
import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import type { ApiToken } from "../../auth/api-token.ts";
import { tokenRoles } from "../../auth/principal.ts";
import { principalOf } from "../door-keeper.ts";
import type { HttpOptions } from "../http.ts";
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
    /** Ids or names of sessions that there are; all when it is left out. */
    sessions: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100 })),
    expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })),
  },
  { additionalProperties: false },
);

export function addTokenRoutes(app: FastifyInstance, { access, sessions }: HttpOptions): void {
  const { tokens } = access;
  app.get("/v1/me", (request) => {
    const { id, role, sessions: ids, expiresAt } = principalOf(request);
    const name = tokens.all.find((token) => token.id === id)?.name ?? null;
    return { id, name, role, sessions: ids, expiresAt: expiresAt === null ? null : iso(expiresAt) };
  });
  app.get("/v1/audit", (request) => {
    const items = access.audit.tail(numberOf(request, "limit", AUDIT_DEFAULT, 1, AUDIT_MAX));
    return { items, head: access.audit.head };
  });
  app.get("/v1/tokens", () => ({ items: tokens.all.map(tokenView) }));
  app.post<{ Body: Static<typeof NewToken> }>(
    "/v1/tokens",
    { schema: { body: NewToken } },
    (request, reply) => {
      const { name, role, sessions: named, expiresInSeconds = SECONDS_DEFAULT } = request.body;
      const { token, kept } = tokens.create({
        name,
        role,
        sessions: named?.map((one) => sessions.find(one).record.id) ?? null,
        createdBy: principalOf(request).id,
        forMs: expiresInSeconds * 1_000,
      });
      void reply.code(201);
      return { ...tokenView(kept), token };
    },
  );
  app.delete<{ Params: { tokenId: string } }>("/v1/tokens/:tokenId", (request) =>
    tokenView(tokens.revoke(request.params.tokenId)),
  );
}

function tokenView(token: ApiToken) {
  const { id, name, role, sessions, createdBy, createdAt, expiresAt, lastUsedAt } = token;
  return {
    ...{ id, name, role, sessions, createdBy },
    createdAt: iso(createdAt),
    expiresAt: iso(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : iso(lastUsedAt),
  };
}
