/**
 * Snapshots over HTTP: which root a sandbox can start from, and making one inactive or active.
 * The snapshots themselves and what may be done with them are in snapshots.ts.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { setTimeout as delay } from "node:timers/promises";
import { stepFault } from "../faults/step-faults.ts";
import type { Platform } from "../platform.ts";
import { snapshotDto } from "../snapshots.ts";
import type { Snapshot } from "../snapshots.ts";
import { sendRefusal } from "./refusal.ts";

/** Long enough that a create right after it still meets an inactive one, as on Daytona. */
const ACTIVATION_MS = 200;

type ById = FastifyRequest<{ Params: { id: string } }>;

export function snapshotRoutes(app: FastifyInstance, platform: Platform): void {
  const { snapshots } = platform;
  const withOne =
    (handler: (snapshot: Snapshot, request: ById, reply: FastifyReply) => FastifyReply) =>
    (request: ById, reply: FastifyReply): FastifyReply => {
      const { id: own } = platform.callerOf(request).organization;
      const snapshot = snapshots.find(request.params.id, own);
      if (snapshot !== undefined) return handler(snapshot, request, reply);
      const message = `Snapshot ${request.params.id} not found`;
      return sendRefusal(request, reply, { status: 404, message });
    };
  app.get<{
    Querystring: { page?: string; limit?: string; name?: string; sourceSandboxId?: string };
  }>("/api/snapshots", (request, reply) => {
    const limit = Math.min(Math.max(Math.trunc(Number(request.query.limit ?? 100)) || 1, 1), 200);
    const page = Math.max(Math.trunc(Number(request.query.page ?? 1)) || 1, 1);
    const source = request.query.sourceSandboxId;
    const wanted = snapshots
      .list(platform.callerOf(request).organization.id)
      .filter((snapshot) => snapshot.name.includes(request.query.name ?? ""))
      .filter(({ sourceSandboxId }) => (source ?? sourceSandboxId) === sourceSandboxId);
    const items = wanted.slice((page - 1) * limit, page * limit).map(snapshotDto);
    const totalPages = Math.ceil(wanted.length / limit);
    return reply.send({ items, total: wanted.length, page, totalPages });
  });
  app.get<{ Params: { id: string } }>(
    "/api/snapshots/:id",
    withOne((snapshot, _request, reply) => reply.send(snapshotDto(snapshot))),
  );
  app.post("/api/snapshots", (request, reply) => {
    const body = typeof request.body === "object" ? { ...request.body } : {};
    const { name, imageName } = body as Record<string, unknown>;
    const { id: own } = platform.callerOf(request).organization;
    const made = snapshots.create(name, imageName, own);
    if (!made.ok) return sendRefusal(request, reply, made.refusal);
    return reply.send(snapshotDto(made.value));
  });
  app.post<{ Params: { id: string } }>(
    "/api/snapshots/:id/activate",
    withOne((snapshot, request, reply) => {
      const { id, name } = snapshot;
      const fault = stepFault(platform.drills, "activate", { id, name, snapshot: name });
      if (fault?.kind === "refuse") return sendRefusal(request, reply, fault.refusal);
      const ready = fault?.kind === "stuck" ? fault.until : () => delay(ACTIVATION_MS, true);
      const begun = snapshots.activate(snapshot, ready);
      if (!begun.ok) return sendRefusal(request, reply, begun.refusal);
      return reply.send(snapshotDto(begun.value));
    }),
  );
  app.post<{ Params: { id: string } }>(
    "/api/snapshots/:id/deactivate",
    withOne((snapshot, _request, reply) => {
      snapshots.setState(snapshot, "inactive");
      return reply.code(204).send();
    }),
  );
  app.delete<{ Params: { id: string } }>(
    "/api/snapshots/:id",
    withOne((snapshot, request, reply) => {
      const removed = snapshots.remove(snapshot);
      if (!removed.ok) return sendRefusal(request, reply, removed.refusal);
      return reply.send();
    }),
  );
}
