/**
 * Build logs. Nothing is built here: a create that brings a Dockerfile of one FROM line means a
 * registered snapshot, and its log says so, and how the create ended.
 */
import type { FastifyInstance } from "fastify";
import { setTimeout as delay } from "node:timers/promises";
import { Readable } from "node:stream";
import type { Platform } from "../platform.ts";
import type { SandboxRecord } from "../sandbox/record.ts";
import { sandboxNotFound } from "../sandbox/rules.ts";
import { sendRefusal } from "./refusal.ts";
import { heldOf } from "./sandbox-routes.ts";

const LOOK_EVERY_MS = 200;
const building = ["pending_build", "building_snapshot", "creating"];

export function buildLogRoutes(app: FastifyInstance, platform: Platform): void {
  app.get<{ Params: { id: string } }>("/api/sandbox/:id/build-logs-url", (request, reply) => {
    const { id } = request.params;
    const held = heldOf(platform, request);
    if (held === undefined) return sendRefusal(request, reply, sandboxNotFound(id).refusal);
    if (held.record.dockerfile === null) {
      const message = `Sandbox ${id} has no build info`;
      return sendRefusal(request, reply, { status: 404, message });
    }
    return reply.send({ url: `${platform.origin()}/api/sandbox/${held.record.id}/build-logs` });
  });
  app.get<{ Params: { id: string }; Querystring: { follow?: string } }>(
    "/api/sandbox/:id/build-logs",
    (request, reply) => {
      const { id } = request.params;
      const record = heldOf(platform, request)?.record;
      if (record === undefined) return sendRefusal(request, reply, sandboxNotFound(id).refusal);
      const lines = log(record, request.query.follow === "true");
      return reply.type("text/plain; charset=utf-8").send(Readable.from(lines));
    },
  );
  app.get<{ Params: { id: string } }>("/api/snapshots/:id/build-logs-url", (request, reply) => {
    const { id } = request.params;
    const own = platform.callerOf(request).organization.id;
    const isKnown = platform.snapshots.find(id, own) !== undefined;
    const message = isKnown ? `Snapshot ${id} has no build info` : `Snapshot ${id} not found`;
    return sendRefusal(request, reply, { status: 404, message });
  });
}

async function* log(record: SandboxRecord, follow: boolean): AsyncGenerator<string> {
  yield `${(record.dockerfile ?? "").trim()}\n`;
  yield `${record.snapshot} is registered on this platform; nothing is built\n`;
  while (follow && building.includes(record.state)) await delay(LOOK_EVERY_MS);
  if (record.errorReason !== null) yield `${record.errorReason}\n`;
}
