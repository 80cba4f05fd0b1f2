/** Organisations and API keys over HTTP. An organisation sees itself and its own keys. */
import type { ApiKeyList, ApiKeyResponse, Organization as Dto } from "@daytona/api-client";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiKey, Caller, Organization } from "../organizations.ts";
import type { Platform } from "../platform.ts";
import { region } from "../sandbox/dto.ts";
import { sendRefusal } from "./refusal.ts";
import type { Wire } from "./wire.ts";

/** What a key of this platform may do: all that its organisation may. */
const permissions: ApiKeyList["permissions"] = [
  "write:sandboxes",
  "delete:sandboxes",
  "write:snapshots",
  "delete:snapshots",
  "read:volumes",
  "write:volumes",
  "delete:volumes",
  "manage:api_keys",
];

type ByCaller = (
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply | Promise<FastifyReply>;

export function organizationRoutes(app: FastifyInstance, platform: Platform): void {
  const { organizations } = platform;
  const by = (handler: ByCaller) => (request: FastifyRequest, reply: FastifyReply) =>
    handler(platform.callerOf(request), request, reply);
  app.post(
    "/api/_platform/organizations",
    by((_caller, request, reply) => {
      const made = organizations.create(fieldsOf(request)["name"]);
      if (!made.ok) return sendRefusal(request, reply, made.refusal);
      const { organization, value } = made.value;
      return reply.code(201).send({ ...organizationDto(organization), apiKey: value });
    }),
  );
  app.get(
    "/api/organizations",
    by((caller, _request, reply) => reply.send([organizationDto(caller.organization)])),
  );
  app.get(
    "/api/organizations/:id",
    by((caller, request, reply) => {
      const { id } = request.params as { id: string };
      if (id === caller.organization.id) return reply.send(organizationDto(caller.organization));
      const message = `Organization with ID ${id} not found`;
      return sendRefusal(request, reply, { status: 404, message });
    }),
  );
  app.get(
    "/api/api-keys",
    by(({ organization }, _request, reply) => {
      return reply.send(organizations.keysOf(organization).map((key) => keyDto(key, organization)));
    }),
  );
  app.get(
    "/api/api-keys/current",
    by(({ key, organization }, _request, reply) => reply.send(keyDto(key, organization))),
  );
  app.post(
    "/api/api-keys",
    by(({ organization }, request, reply) => {
      const { name, expiresAt = null } = fieldsOf(request);
      const end = endOf(expiresAt);
      if (end === undefined) {
        const message = "expiresAt must be a valid ISO 8601 date string";
        return sendRefusal(request, reply, { status: 400, message });
      }
      const made = organizations.createKey(organization, name, end);
      if (!made.ok) return sendRefusal(request, reply, made.refusal);
      const { key, value } = made.value;
      const answer = { ...key, value, permissions } satisfies Wire<ApiKeyResponse> & ApiKey;
      return reply.code(201).send({ ...answer, digest: undefined, masked: undefined });
    }),
  );
  app.delete(
    "/api/api-keys/:name",
    by(({ organization }, request, reply) => {
      const { name } = request.params as { name: string };
      const gone = organizations.deleteKey(organization, name);
      return gone.ok ? reply.code(204).send() : sendRefusal(request, reply, gone.refusal);
    }),
  );
}

function keyDto(key: ApiKey, organization: Organization): Wire<ApiKeyList> {
  return {
    name: key.name,
    value: key.masked,
    createdAt: key.createdAt,
    permissions,
    lastUsedAt: null,
    expiresAt: key.expiresAt,
    userId: organization.id,
    organizationId: organization.id,
  };
}

function organizationDto({ id, name, createdAt }: Organization): Partial<Wire<Dto>> {
  return {
    id,
    name,
    createdBy: id,
    personal: false,
    createdAt,
    updatedAt: createdAt,
    suspended: false,
    defaultRegionId: region,
  };
}

function fieldsOf(request: FastifyRequest): Record<string, unknown> {
  const { body } = request;
  return typeof body === "object" && body !== null ? { ...body } : {};
}

/** Undefined for what is no time, null for a key without an end. */
function endOf(value: unknown): string | null | undefined {
  if (value === null) return null;
  const endMs = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(endMs) ? undefined : new Date(endMs).toISOString();
}
