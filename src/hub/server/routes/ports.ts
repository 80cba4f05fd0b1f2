/** /v1/sessions/:id/ports: links to what a session serves. */
import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { portOf } from "../../preview/preview-host.ts";
import type { HttpOptions } from "../http.ts";

const SECONDS_MAX = 30 * 24 * 60 * 60;
const SECONDS_DEFAULT = 60 * 60;

const NewLink = Type.Object(
  { expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: SECONDS_MAX })) },
  { additionalProperties: false },
);

type Port = { Params: { id: string; port: string } };

export function addPortRoutes(app: FastifyInstance, { sessions, previews }: HttpOptions): void {
  app.post<Port & { Body: Static<typeof NewLink> | null }>(
    "/v1/sessions/:id/ports/:port/links",
    { schema: { body: Type.Union([NewLink, Type.Null()]) } },
    (request, reply) => {
      const { record } = sessions.find(request.params.id);
      const port = portOf(request.params.port);
      const seconds = request.body?.expiresInSeconds ?? SECONDS_DEFAULT;
      void reply.code(201);
      return { session: record.id, port, ...previews.links.sign(record, port, seconds * 1_000) };
    },
  );
}
