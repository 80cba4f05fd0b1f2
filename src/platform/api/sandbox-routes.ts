/** Sandboxes over HTTP: create, look, list, start, stop, pause, recover, delete, previews. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { refuse } from "../outcome.ts";
import type { Outcome } from "../outcome.ts";
import type { Host } from "../host.ts";
import type { NetworkKind } from "../isolation/tier.ts";
import type { Platform } from "../platform.ts";
import { claimedState, claimedTimes, listed } from "../faults/step-faults.ts";
import { fillFrom } from "../sandbox/copies.ts";
import { newRecord, parseCreate } from "../sandbox/create-request.ts";
import type { CreateWish } from "../sandbox/create-request.ts";
import { sandboxDto } from "../sandbox/dto.ts";
import type { Held } from "../sandbox/registry.ts";
import { sandboxNotFound } from "../sandbox/rules.ts";
import { listPage } from "./list-query.ts";
import type { Previews } from "./preview.ts";
import { sendRefusal } from "./refusal.ts";

export function sandboxRoutes(app: FastifyInstance, platform: Platform, previews: Previews): void {
  app.post("/api/sandbox", async (request, reply) =>
    sendHeld(platform, request, reply, await create(platform, request)),
  );
  app.get("/api/sandbox", (request, reply) => {
    const { id: own } = platform.callerOf(request).organization;
    const records = platform.registry.of(own).map((held) => held.record);
    const shown = listed(platform.drills, records);
    const page = listPage(request.query as Record<string, unknown>, shown);
    if (!page.ok) return sendRefusal(request, reply, page.refusal);
    // As on Daytona: without env an item is no whole sandbox, and the SDK reads it again.
    const items = page.value.items.map((one) => ({ ...dtoOf(platform, one), env: undefined }));
    return reply.send({ items, nextCursor: page.value.nextCursor });
  });
  const act = (
    method: "GET" | "POST" | "DELETE",
    suffix: string,
    verb: (held: Held) => Promise<Outcome<Held>> | Outcome<Held>,
  ): void => {
    app.route<{ Params: { id: string } }>({
      method,
      url: `/api/sandbox/:id${suffix}`,
      handler: async (request, reply) => {
        const held = heldOf(platform, request);
        const outcome = held === undefined ? sandboxNotFound(request.params.id) : await verb(held);
        return sendHeld(platform, request, reply, outcome);
      },
    });
  };
  act("GET", "", (held) => ({ ok: true, value: held }));
  act("DELETE", "", (held) => platform.lifecycle.delete(held));
  act("POST", "/start", (held) => platform.lifecycle.start(held));
  act("POST", "/stop", (held) => platform.lifecycle.stop(held));
  act("POST", "/pause", (held) => platform.lifecycle.pause(held));
  act("POST", "/recover", (held) => platform.lifecycle.recover(held));
  previewRoutes(app, platform, previews);
}

/** The sandbox that the path names, if it is one of the caller's. */
export function heldOf(platform: Platform, request: FastifyRequest): Held | undefined {
  const { id } = request.params as { id: string };
  return platform.registry.find(id, platform.callerOf(request).organization.id);
}

async function create(platform: Platform, request: FastifyRequest): Promise<Outcome<Held>> {
  if (platform.isEnding()) return refuse(503, "the platform is ending");
  const wish = parseCreate(request.body);
  if (!wish.ok) return wish;
  const { id: organizationId } = platform.callerOf(request).organization;
  const snapshot = platform.snapshots.forCreate(wish.value.snapshot, organizationId);
  if (!snapshot.ok) return snapshot;
  const { host } = platform;
  if (wish.value.volumes.length > 0 && host.launcher.tier === "process") {
    return refuse(501, "volumes need a tier with mounts of its own; this platform runs in process");
  }
  const volumes = platform.volumes.resolve(wish.value.volumes, organizationId);
  if (!volumes.ok) return volumes;
  const record = newRecord(
    { ...wish.value, volumes: volumes.value },
    {
      organizationId,
      number: platform.registry.freeNumber(),
      tier: host.launcher.tier,
      rootKind: host.rootKind,
      lower: snapshot.value.rootDir || host.lower,
      snapshotName: snapshot.value.name,
      network: networkOf(wish.value, host),
    },
    Date.now(),
  );
  return platform.lifecycle.create(record, fillFrom(host, snapshot.value, record));
}

/** Where the tier has no network namespace nothing can be held back, so nothing is promised. */
function networkOf(wish: CreateWish, host: Host): NetworkKind {
  if (host.launcher.tier === "process") return "host";
  if (wish.blockNetwork) return "none";
  return wish.labels["holdfast/network"] === "host" ? "host" : host.network;
}

function previewRoutes(app: FastifyInstance, platform: Platform, previews: Previews): void {
  app.get<{ Params: { id: string; port: string } }>(
    "/api/sandbox/:id/ports/:port/preview-url",
    (request, reply) => {
      const found = lookUp(platform, request);
      if (!found.ok) return sendRefusal(request, reply, found.refusal);
      const { record, port } = found.value;
      const url = previews.url(port, record.id);
      return reply.send({ sandboxId: record.id, url, token: record.previewToken });
    },
  );
  app.get<{ Params: { id: string; port: string }; Querystring: { expiresInSeconds?: string } }>(
    "/api/sandbox/:id/ports/:port/signed-preview-url",
    (request, reply) => {
      const found = lookUp(platform, request);
      if (!found.ok) return sendRefusal(request, reply, found.refusal);
      const seconds = Number(request.query.expiresInSeconds ?? 60);
      if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400) {
        const message = "expiresInSeconds must be between 1 second and 24 hours";
        return sendRefusal(request, reply, { status: 400, message });
      }
      const { record, port } = found.value;
      return reply.send({ sandboxId: record.id, port, ...previews.sign(record.id, port, seconds) });
    },
  );
  app.post<{ Params: { id: string; port: string; token: string } }>(
    "/api/sandbox/:id/ports/:port/signed-preview-url/:token/expire",
    (request, reply) => {
      const found = lookUp(platform, request);
      if (!found.ok) return sendRefusal(request, reply, found.refusal);
      previews.expire(found.value.record.id, found.value.port, request.params.token);
      return reply.send();
    },
  );
  app.get<{ Params: { id: string } }>("/api/sandbox/:id/toolbox-proxy-url", (request, reply) =>
    reply.send({ url: `${platform.origin()}/toolbox` }),
  );
}

function lookUp(
  platform: Platform,
  request: FastifyRequest,
): Outcome<{ record: Held["record"]; port: number }> {
  const params = request.params as { id: string; port: string };
  const held = heldOf(platform, request);
  if (held === undefined) return sandboxNotFound(params.id);
  const port = Number(params.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return refuse(400, "Invalid port");
  return { ok: true, value: { record: held.record, port } };
}

export function sendHeld(
  platform: Platform,
  request: FastifyRequest,
  reply: FastifyReply,
  outcome: Outcome<Held>,
): FastifyReply {
  if (!outcome.ok) return sendRefusal(request, reply, outcome.refusal);
  return reply.send(dtoOf(platform, outcome.value.record));
}

function dtoOf(platform: Platform, record: Held["record"]): object {
  const { drills } = platform;
  const state = claimedState(drills, record) ?? record.state;
  const on = drills
    .of(record)
    .map(({ fault, since, until, uses }) => ({ fault, since, until, uses }));
  const told = { ...record, ...claimedTimes(drills, record), state };
  const dto = sandboxDto(told, platform.origin(), platform.host.version);
  const oomKills = platform.host.limits.oomKills(record.id);
  // Only where there are some: no drill is ever taken for a failure of what it drills.
  return {
    ...dto,
    ...(on.length === 0 ? {} : { drills: on }),
    ...(oomKills === 0 ? {} : { oomKills }),
  };
}
