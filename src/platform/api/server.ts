/**
 * The one HTTP server of the platform. Preview host names and toolbox paths are relayed raw, the
 * rest is the API under /api. Owns who gets a request; the routes own what it means.
 */
import fastify from "fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Platform } from "../platform.ts";
import type { Refusal } from "../outcome.ts";
import { answerByDrill } from "../faults/front.ts";
import { buildLogRoutes } from "./build-log-routes.ts";
import { changeRoutes } from "./change-routes.ts";
import { faultRoutes } from "./fault-routes.ts";
import { organizationRoutes } from "./organization-routes.ts";
import { platformRoutes } from "./platform-routes.ts";
import { Previews, previewAddress } from "./preview.ts";
import { sendRefusal } from "./refusal.ts";
import { rateLimits } from "./rate-limits.ts";
import { refuseUpgrade } from "./relay.ts";
import { sandboxRoutes } from "./sandbox-routes.ts";
import { settingRoutes } from "./setting-routes.ts";
import { snapshotRoutes } from "./snapshot-routes.ts";
import { volumeRoutes } from "./volume-routes.ts";
import { sshRoutes } from "./ssh-routes.ts";
import { isToolboxUrl, proxyToolbox, proxyToolboxUpgrade } from "./toolbox-proxy.ts";

/** A create with its environment and labels is far below this. */
const BODY_BYTES_MAX = 1024 * 1024;

/** What anyone may ask: liveness, and what a client must know before it has a key. */
const anonymous = ["/api/health", "/api/health/ready", "/api/config"];

export interface PlatformServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  close(): Promise<void>;
}

export function makeServer(platform: Platform): PlatformServer {
  const previews = new Previews(platform, () => platform.origin());
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    // A name that is too long for any sandbox is one that there is not.
    routerOptions: { maxParamLength: 8_192 },
    serverFactory: (handler) => makeFront(platform, previews, handler),
  });
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.replace(/\?.*$/, "");
    if (anonymous.includes(path)) return undefined;
    const caller = platform.organizations.caller(request.headers);
    if (caller === undefined) {
      return sendRefusal(request, reply, { status: 401, message: "Invalid credentials" });
    }
    if (caller.isOwner || !/^\/api\/_/.test(path)) return undefined;
    const message = `${path} is for the key of the platform's data directory alone`;
    return sendRefusal(request, reply, { status: 403, message });
  });
  rateLimits(app);
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) =>
    sendRefusal(request, reply, { status: error.statusCode ?? 500, message: error.message }),
  );
  app.setNotFoundHandler((request, reply) => sendRefusal(request, reply, unknownRoute(request)));
  acceptEmptyJson(app);
  sandboxRoutes(app, platform, previews);
  settingRoutes(app, platform);
  changeRoutes(app, platform);
  sshRoutes(app, platform);
  buildLogRoutes(app, platform);
  snapshotRoutes(app, platform);
  volumeRoutes(app, platform);
  organizationRoutes(app, platform);
  platformRoutes(app, platform);
  faultRoutes(app, platform);
  return {
    listen: async (host, port) => {
      await app.listen({ host, port });
      return app.server.address() as AddressInfo;
    },
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

type NodeHandler = (request: IncomingMessage, response: ServerResponse) => void;

function makeFront(platform: Platform, previews: Previews, handler: NodeHandler): Server {
  const server = createServer((request, response) => {
    const preview = previewAddress(request.headers.host);
    if (preview !== undefined) {
      previews.serve(preview, request, response);
      return;
    }
    answerByDrill(platform, request, response, () => {
      if (isToolboxUrl(request.url ?? "")) proxyToolbox(platform, request, response);
      else handler(request, response);
    });
  });
  server.on("upgrade", (request, socket, head) => {
    const preview = previewAddress(request.headers.host);
    if (preview !== undefined) previews.upgrade(preview, request, socket, head);
    else if (isToolboxUrl(request.url ?? "")) proxyToolboxUpgrade(platform, request, socket, head);
    // No event feed: the SDK falls back to polling when its socket.io is not found.
    else refuseUpgrade(socket, 404, "Not Found");
  });
  // Uploads and creates take as long as they take; each has its own deadline.
  server.requestTimeout = 0;
  return server;
}

/** The SDK sends a JSON content type without a body on several POSTs. */
function acceptEmptyJson(app: FastifyInstance): void {
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, parsed) => {
    if (body === "") {
      parsed(null, undefined);
      return;
    }
    try {
      parsed(null, JSON.parse(body.toString()));
    } catch {
      parsed(Object.assign(new Error("body is not valid JSON"), { statusCode: 400 }));
    }
  });
  app.addContentTypeParser("*", (_request, payload, parsed) => {
    payload.resume();
    parsed(null, undefined);
  });
}

/** A route that Daytona has and this platform has not is told apart from one that nobody has. */
const daytonaRoots = [
  "admin",
  "api-keys",
  "audit",
  "docker-registry",
  "jobs",
  "login",
  "object-storage",
  "organizations",
  "preview",
  "regions",
  "runners",
  "sandbox",
  "secret",
  "secrets",
  "shared-regions",
  "snapshots",
  "users",
  "volumes",
  "warm-pools",
  "webhooks",
  "workspace",
];

function unknownRoute(request: FastifyRequest): Refusal {
  const root = /^\/api\/([a-z-]+)/.exec(request.url)?.[1] ?? "";
  const what = `${request.method} ${request.url.replace(/\?.*$/, "")}`;
  return daytonaRoots.includes(root)
    ? { status: 501, message: `the local platform does not offer ${what}` }
    : { status: 404, message: `Cannot ${what}` };
}
