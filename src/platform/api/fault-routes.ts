/**
 * `/api/_faults`: which faults there are, which drills are on, on and off. Only where the platform
 * was started with its switches enabled; everywhere else the answer says how to get them.
 */
import type { FastifyInstance } from "fastify";
import { catalogue, faultNames, isReal } from "../faults/catalogue.ts";
import { switchOn } from "../faults/fault-desk.ts";
import type { Platform } from "../platform.ts";
import { sendRefusal } from "./refusal.ts";

const off =
  "fault switches are off on this platform; " +
  "start it with --faults on (HOLDFAST_PLATFORM_FAULTS=on for `holdfast up`)";

export function faultRoutes(app: FastifyInstance, platform: Platform): void {
  const { drills } = platform;
  app.addHook("onRequest", async (request, reply) => {
    if (platform.areFaultsEnabled || !request.url.startsWith("/api/_faults")) return undefined;
    return sendRefusal(request, reply, { status: 403, message: off });
  });
  app.get("/api/_faults", (_request, reply) => {
    const faults = faultNames.map((fault) => ({
      fault,
      about: catalogue[fault].about,
      real: isReal(fault),
    }));
    return reply.send({ ...drills.list(), faults });
  });
  app.post("/api/_faults", async (request, reply) => {
    const made = await switchOn(platform, request.body, platform.callerOf(request).organization.id);
    if (!made.ok) return sendRefusal(request, reply, made.refusal);
    return reply.code(201).send(made.value);
  });
  app.delete<{ Querystring: { sandbox?: string; fault?: string } }>(
    "/api/_faults",
    async (request, reply) => {
      const { sandbox, fault } = request.query;
      const { id: own } = platform.callerOf(request).organization;
      const id =
        sandbox === undefined ? undefined : platform.registry.find(sandbox, own)?.record.id;
      const ended = await drills.clear(
        (view) =>
          (fault === undefined || view.fault === fault) &&
          (sandbox === undefined || view.sandbox === sandbox || view.sandboxId === (id ?? "")),
      );
      return reply.send({ ended });
    },
  );
  app.delete<{ Params: { drill: string } }>("/api/_faults/:drill", async (request, reply) => {
    const ended = await drills.clear((view) => view.id === request.params.drill);
    if (ended.length > 0) return reply.send({ ended });
    const message = `no drill ${request.params.drill} is on`;
    return sendRefusal(request, reply, { status: 404, message });
  });
}
