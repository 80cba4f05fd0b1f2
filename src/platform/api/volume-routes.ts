/** Volumes over HTTP. */
import type { VolumeDto } from "@daytona/api-client";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Outcome } from "../outcome.ts";
import type { Platform } from "../platform.ts";
import type { Volume } from "../volumes.ts";
import { sendRefusal } from "./refusal.ts";

export function volumeRoutes(app: FastifyInstance, platform: Platform): void {
  const { volumes, registry } = platform;
  const ownerOf = (request: FastifyRequest): string => platform.callerOf(request).organization.id;
  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    found: Outcome<Volume>,
  ): FastifyReply => {
    if (!found.ok) return sendRefusal(request, reply, found.refusal);
    return reply.send(found.value satisfies VolumeDto);
  };
  app.get<{ Querystring: { includeDeleted?: string } }>("/api/volumes", (request, reply) =>
    reply.send(volumes.list(ownerOf(request), request.query.includeDeleted === "true")),
  );
  app.post("/api/volumes", (request, reply) => {
    const { body } = request;
    const fields: Record<string, unknown> = typeof body === "object" ? { ...body } : {};
    return send(request, reply, volumes.create(fields["name"], ownerOf(request)));
  });
  app.get<{ Params: { id: string } }>("/api/volumes/:id", (request, reply) =>
    send(request, reply, volumes.byId(request.params.id, ownerOf(request))),
  );
  app.get<{ Params: { name: string } }>("/api/volumes/by-name/:name", (request, reply) =>
    send(request, reply, volumes.byName(request.params.name, ownerOf(request))),
  );
  app.delete<{ Params: { id: string } }>("/api/volumes/:id", (request, reply) => {
    const found = volumes.byId(request.params.id, ownerOf(request));
    if (!found.ok) return sendRefusal(request, reply, found.refusal);
    const user = registry
      .of(ownerOf(request))
      .find(({ record }) => record.volumes.some((one) => one.volumeId === found.value.id));
    const deleted = volumes.delete(found.value, user?.record.name);
    return deleted.ok ? reply.send() : sendRefusal(request, reply, deleted.refusal);
  });
}
