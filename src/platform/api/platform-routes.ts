/** What Daytona has not: facts about this machine, and the way to end everything. */
import type { DaytonaConfiguration } from "@daytona/api-client";
import type { FastifyInstance } from "fastify";
import type { Platform } from "../platform.ts";
import { defaultSnapshot } from "../snapshots.ts";
import { sendRefusal } from "./refusal.ts";

export function platformRoutes(app: FastifyInstance, platform: Platform): void {
  app.get("/api/health", (_request, reply) => reply.send({ status: "ok" }));
  app.get("/api/health/ready", (_request, reply) => reply.send({ status: "ok" }));
  app.get("/api/config", (_request, reply) => reply.send(configOf(platform)));
  app.get("/api/_platform/info", (_request, reply) => {
    return reply.send({ ...platform.facts(), counts: platform.counts() });
  });
  app.post<{ Querystring: { sandboxes?: string } }>(
    "/api/_platform/shutdown",
    async (request, reply) => {
      const what = request.query.sandboxes ?? "keep";
      if (what !== "keep" && what !== "stop") {
        const message = "sandboxes must be keep or stop";
        return sendRefusal(request, reply, { status: 400, message });
      }
      const problems = what === "stop" ? await platform.stopSandboxes() : [];
      // The answer leaves before the server does.
      reply.raw.on("finish", () => platform.requestEnd());
      return reply.send({ stopped: what === "stop", problems });
    },
  );
}

function configOf(platform: Platform): DaytonaConfiguration & { holdfast: object } {
  const { servicesDir, mountedAt, tier, root, pause, faults } = platform.facts();
  return {
    version: platform.host.version,
    oidc: { provider: "auth0", issuer: "", clientId: "", audience: "" },
    linkedAccountsEnabled: false,
    announcements: {},
    proxyTemplateUrl: `http://{{PORT}}-{{sandboxId}}.localhost:${new URL(platform.origin()).port}`,
    proxyToolboxUrl: `${platform.origin()}/toolbox`,
    defaultSnapshot,
    dashboardUrl: platform.origin(),
    maxAutoArchiveInterval: 43_200,
    maintananceMode: false,
    environment: "local",
    holdfast: { servicesDir, mountedAt, tier, root, pause, faults },
  };
}
