/**
 * The hub's HTTP server: limits, error door, routes. Who may have which is ../auth/route-rights.ts.
 */
import type { IncomingMessage } from "node:http";
import fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifySchemaValidationError,
} from "fastify";
import type { Clock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { newId } from "../../base/ids.ts";
import type { Logger } from "../../base/log.ts";
import type { BackupMaker } from "../backup/make-backup.ts";
import type { Stray } from "../janitor.ts";
import { systemRandom } from "../../base/random.ts";
import type { DrillWatch } from "../drill-watch.ts";
import type { DriverUpdates } from "../driver-update/driver-updates.ts";
import type { Elsewhere } from "../cluster/company.ts";
import type { HubMetrics } from "../metrics/metrics.ts";
import type { LeaseKeeper } from "../lease-keeper.ts";
import type { PlatformWatch } from "../platform-watch/platform-watch.ts";
import type { Previews } from "../preview/previews.ts";
import { SeenSessions } from "../seen-sessions.ts";
import type { Sessions } from "../sessions.ts";
import type { WorkRoom } from "../work/work-room.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Lookup } from "../auth/guard.ts";
import type { Access } from "./access.ts";
import type { AskingBook } from "./asking.ts";
import { PROBLEM_TYPE, problemOf, retryAfterOf } from "./problem.ts";
import { keepDoor, principalOf } from "./door-keeper.ts";
import { createListener, slowPeerLimits, type ListenerTls } from "./listener.ts";
import { answersAlive } from "./liveness.ts";
import { addOpenApiRoute, describeApi } from "./openapi.ts";
import { addBackupRoute } from "./routes/backup.ts";
import { addEventRoutes } from "./routes/events.ts";
import { addHubRoutes, type HubSelf } from "./routes/hubs.ts";
import { addLoginRoutes } from "./routes/login.ts";
import { addMetricsRoute } from "./routes/metrics.ts";
import { addPlatformRoutes } from "./routes/platform.ts";
import { isForApp } from "./app-path.ts";
import { addPortRoutes } from "./routes/ports.ts";
import { addShareRoutes } from "./routes/shares.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addTokenRoutes } from "./routes/tokens.ts";
import { addWebRoutes } from "./routes/web.ts";
import { addWorkRoutes } from "./routes/work.ts";

export interface HttpOptions {
  readonly version: string;
  /** Where browsers reach the hub, if that is not where it listens. */
  /** Which request something happens for. */
  readonly asking: AskingBook;
  readonly telemetry: Telemetry | null;
  readonly publicUrl: string | null;
  readonly self: HubSelf;
  readonly access: Access;
  readonly sessions: Sessions;
  readonly metrics: HubMetrics;
  readonly watch: PlatformWatch;
  readonly drills: Pick<DrillWatch, "on" | "sentence">;
  readonly strays: () => readonly Stray[];
  readonly updates: Pick<DriverUpdates, "view">;
  readonly work: Pick<WorkRoom, "run">;
  readonly leases: Pick<LeaseKeeper, "renew">;
  readonly backup: BackupMaker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly webDir: string | null;
  readonly isReady: () => boolean;
  readonly elsewhere?: Elsewhere;
  /** Unset speaks plain HTTP. */
  readonly tls?: ListenerTls;
  /** What is asked of its hosts is none of the API's. */
  readonly previews: Previews;
}

const PLAIN: ListenerTls = { keeper: null, isHttps: false };
const BODY_BYTES_MAX = 256 * 1024;

export function createHttp(options: HttpOptions): FastifyInstance {
  const { access, log, previews, isReady, tls = PLAIN } = options;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: 0,
    genReqId: () => newId("req", systemRandom),
    // A body is checked, never bent into shape: what is unknown or of another type is an error.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: true } },
    schemaErrorFormatter: (errors, where) => new HubError("BadRequest", wrongFields(errors, where)),
    serverFactory: (serveApi) =>
      createListener(tls, (request, response) => {
        if (previews.door.isFor(request)) void previews.door.serve(request, response);
        else if (!answersAlive(request, response, access)) {
          if (!isForApp(request)) limitBody(request, options.clock);
          serveApi(request, response);
        }
      }),
  });

  options.asking.follow(app, options.telemetry, options.clock);
  const far = options.elsewhere === undefined ? {} : { elsewhere: options.elsewhere };
  const lookup: Lookup = (session, tenant) => options.sessions.known(session, tenant)?.record;
  keepDoor(app, { access, isReady, lookup, ...far });
  // Whoever names a session finds it; what may tell of others is answered once all are read.
  app.addHook("onRequest", ({ principal, params }, _, done) => {
    const { whole } = options.sessions;
    if (whole === null || principal === null || "id" in (params as object)) done();
    else whole.then(() => done(), done);
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    const path = request.url.split("?")[0];
    if (problem.status >= 500) log.error({ err: error, path }, "request failed");
    // A body that nobody wants and nobody times ends with its connection.
    if (isForApp(request.raw)) void reply.header("connection", "close");
    const seconds = retryAfterOf(problem.status);
    if (seconds !== null && !reply.hasHeader("retry-after")) {
      void reply.header("retry-after", seconds);
    }
    return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
  });
  app.setNotFoundHandler((request) => {
    const path = request.url.split("?")[0] ?? "/";
    throw new HubError("NotFound", `there is no ${request.method} ${path}`);
  });

  describeApi(app, options.version);
  // After the one who hears of each route; hooks and the error door are inherited.
  void app.register((api, _, done) => {
    addRoutes(api, options);
    done();
  });
  addWebRoutes(app, options.webDir);
  return app;
}

/**
 * What routes are given: of the sessions what the caller sees, and of the hub as a whole what tells
 * nothing of any session.
 */
export interface RouteOptions extends Omit<HttpOptions, "sessions"> {
  readonly sessionsOf: (request: FastifyRequest) => SeenSessions;
  readonly hub: Pick<Sessions, "storeTrouble" | "cost" | "count" | "verdict" | "proven" | "kept">;
}

function addRoutes(app: FastifyInstance, { sessions, ...rest }: HttpOptions): void {
  const sessionsOf = (request: FastifyRequest): SeenSessions =>
    new SeenSessions(sessions, principalOf(request));
  const options: RouteOptions = { ...rest, sessionsOf, hub: sessions };
  app.get("/livez", () => "ok\n");
  app.get("/readyz", (_, reply) => {
    if (!options.isReady()) return reply.code(503).send("not ready\n");
    const others = options.self.others();
    if (others?.drain) return reply.code(503).send("not ready: draining\n");
    // Without its lease it takes no fact, also while nobody asks for one.
    const refuses = options.hub.storeTrouble !== null || others?.leaseMs === 0;
    return refuses ? reply.code(503).send("not ready: StoreRefuses\n") : "ok\n";
  });
  app.get("/startupz", (_, reply) =>
    options.isReady() ? "ok\n" : reply.code(503).send("starting\n"),
  );
  addSessionRoutes(app, options);
  addPortRoutes(app, options);
  addShareRoutes(app, options);
  addWorkRoutes(app, options);
  addEventRoutes(app, options);
  addPlatformRoutes(app, options);
  addHubRoutes(app, options);
  addTokenRoutes(app, options);
  addLoginRoutes(app, options);
  addBackupRoute(app, options);
  addMetricsRoute(app, options);
  addOpenApiRoute(app);
}

/** Lets a peer go that is slow with a body. */
function limitBody(request: IncomingMessage, clock: Clock): void {
  const { socket } = request;
  const timer = clock.setTimeout(() => {
    if (!request.complete) socket.end("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
  }, slowPeerLimits.requestTimeout);
  request.once("close", () => clock.clearTimeout(timer));
}

/** Every wrong field by its name, also one that nobody knows. */
function wrongFields(errors: readonly FastifySchemaValidationError[], where: string): string {
  const named = errors.map(({ instancePath, keyword, params, message = "is wrong" }) => {
    const place = `${where}${instancePath.replaceAll("/", ".")}`;
    return keyword === "additionalProperties"
      ? `${place}: ${JSON.stringify(params["additionalProperty"])} is not known here`
      : `${place} ${message}`;
  });
  return [...new Set(named)].join("; ");
}
