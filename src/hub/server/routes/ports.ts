/** /v1/sessions/:id/ports: links to what a session serves, and what it serves below a path. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { portOf } from "../../preview/preview-host.ts";
import { appPrefixOf } from "../app-path.ts";
import { principalOf } from "../door-keeper.ts";
import type { RouteOptions } from "../http.ts";

const SECONDS_MAX = 30 * 24 * 60 * 60;
const SECONDS_DEFAULT = 60 * 60;

const NewLink = Type.Object(
  { expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })) },
  { additionalProperties: false },
);

type Id = { Params: { id: string } };
type Port = { Params: { id: string; port: string } };

export function addPortRoutes(app: FastifyInstance, { sessionsOf, previews }: RouteOptions): void {
  app.get<Id>("/v1/sessions/:id/ports", async (request) => {
    const session = sessionsOf(request).find(request.params.id);
    const ports = await previews.door.ports(session);
    const address = (port: number): string => previews.links.address(session.record, port);
    return { items: ports.map((port) => ({ port, address: address(port) })) };
  });
  app.post<Port & { Body: Static<typeof NewLink> | null }>(
    "/v1/sessions/:id/ports/:port/links",
    { schema: { body: Type.Union([NewLink, Type.Null()]) } },
    (request, reply) => {
      const { record } = sessionsOf(request).find(request.params.id);
      const port = portOf(request.params.port);
      const seconds = request.body?.expiresInSeconds ?? SECONDS_DEFAULT;
      void reply.code(201);
      const link = previews.links.sign(record, port, seconds * 1_000, principalOf(request));
      return { session: record.id, port, ...link };
    },
  );
  const revoke = async (request: FastifyRequest<Id>, port: number | null) => {
    const { record } = sessionsOf(request).find(request.params.id);
    await previews.links.revoke(record, port);
    return { session: record.id, port };
  };
  app.delete<Port>("/v1/sessions/:id/ports/:port/links", (request) =>
    revoke(request, portOf(request.params.port)),
  );
  app.delete<Id>("/v1/sessions/:id/links", (request) => revoke(request, null));
  // For programs that cannot set a Host: the same app below a path, with nothing of it trusted.
  void app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    const serve = async (request: FastifyRequest<Port>, reply: FastifyReply): Promise<void> => {
      const session = sessionsOf(request).find(request.params.id);
      const port = portOf(request.params.port);
      const prefix = appPrefixOf(request.raw);
      reply.hijack();
      await previews.door.serveBelow(request.raw, reply.raw, { session, port, prefix });
    };
    scope.all<Port>("/v1/sessions/:id/ports/:port/http", serve);
    scope.all<Port>("/v1/sessions/:id/ports/:port/http/*", serve);
    done();
  });
}
