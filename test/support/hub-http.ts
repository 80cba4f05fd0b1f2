/** The hub's HTTP over a world of fakes, with one way to ask it. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger, type Logger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { ClusterNumbers, ClusterView } from "../../src/hub/cluster/view.ts";
import { drainAlone } from "../../src/hub/cluster/company.ts";
import type { InnerClient } from "../../src/hub/inner-client.ts";
import { openPreviews, type Previews } from "../../src/hub/preview/previews.ts";
import { HubMetrics } from "../../src/hub/metrics/metrics.ts";
import { LeaseKeeper } from "../../src/hub/lease-keeper.ts";
import { ROOT, type AuditEntry } from "../../src/hub/auth/audit-chain.ts";
import { AuditLog, type AuditPlace } from "../../src/hub/auth/audit-log.ts";
import type { Oidc } from "../../src/hub/auth/oidc/oidc.ts";
import { Access, type AccessOptions } from "../../src/hub/server/access.ts";
import type { Telemetry } from "../../src/hub/telemetry/telemetry.ts";
import { AskingBook } from "../../src/hub/server/asking.ts";
import { PlatformWatch } from "../../src/hub/platform-watch/platform-watch.ts";
import { createHttp, type HttpOptions } from "../../src/hub/server/http.ts";
import type { Sessions } from "../../src/hub/sessions.ts";
import type { FakePlatform } from "./fake-platform.ts";
import { memoryShelf } from "./memory-shelf.ts";

export const ADMIN_TOKEN = "canary-admin-token-0123456789";
export const METRICS_TOKEN = "canary-metrics-token-0123456789";

export interface HubHttp {
  readonly app: FastifyInstance;
  readonly access: Access;
  readonly previews: Previews;
  ready: boolean;
  /** The hubs that it is one of; null for a hub of its own. */
  cluster: ClusterView | null;
  numbers: ClusterNumbers | null;
  ask(method: "GET" | "POST" | "DELETE", url: string, body?: unknown): Promise<Answered>;
}

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** Work in sessions, for the tests that ask for none. */
const noWork: HttpOptions["work"] = {
  run: () => Promise.reject(new HubError("Internal", "no work in this test")),
};

interface Told {
  readonly telemetry: Telemetry | null;
  readonly asking: AskingBook;
}

/** Of a HubWorld, what has to be there to be asked. */
export interface AskedWorld {
  readonly clock: Clock;
  readonly platform: FakePlatform;
  readonly sessions: Sessions;
  readonly strays?: ReturnType<HttpOptions["strays"]>;
}

/** `client` is the hub's own way into sessions; without it no preview leads anywhere. */
export function hubHttp(
  world: AskedWorld,
  log: Logger = silentLogger,
  client: Pick<InnerClient, "attach"> = { attach: () => Promise.reject(noWay()) },
  work: HttpOptions["work"] = noWork,
  webDir: string | null = null,
  { telemetry, asking }: Told = { telemetry: null, asking: new AskingBook() },
  oidc: Oidc | null = null,
  rules: Pick<AccessOptions, "createsPerHour" | "tenantSessions" | "trustedProxies"> = {},
  far: Pick<HttpOptions, "elsewhere"> = {},
): HubHttp {
  const access = new Access({
    adminToken: ADMIN_TOKEN,
    metricsToken: METRICS_TOKEN,
    driverSecret: new Uint8Array(32).fill(7),
    hostNames: ["hub.example"],
    shelf: memoryShelf(),
    oidc,
    ...rules,
    audit: new AuditLog(memoryPlace(), world.clock, log),
    clock: world.clock,
    random: seededRandom("access"),
  });
  const { clock, platform: inner } = world;
  const random = seededRandom("platform-watch");
  const watch = new PlatformWatch({
    hubId: "hub_test",
    inner,
    clock,
    random,
    log,
    living: () => world.sessions.living,
    hasClients: () => false,
    onControl: ({ sandboxSeconds }) =>
      world.sessions.cost.close({ kind: "control", forMs: sandboxSeconds * 1_000 }),
  });
  watch.start();
  const state: Pick<HubHttp, "ready" | "cluster" | "numbers"> = {
    ...{ ready: true, cluster: null, numbers: null },
  };
  const metrics = new HubMetrics({
    version: "0.0.0-test",
    sessions: () => world.sessions.all,
    links: () => ({ clients: 2, drivers: 1 }),
    strangers: () => access.strangers.counts,
    cost: () => world.sessions.cost.view(),
    isStoreRefusing: () => world.sessions.storeTrouble !== null,
    platform: () => watch.report(),
    webhook: () => null,
    cluster: () => state.numbers,
    now: () => clock.now(),
  });
  world.sessions.onEvent((event) => metrics.observe(event));
  world.sessions.onEvent((event) => watch.observe(event));
  const isReady = (): boolean => state.ready;
  const secret = new Uint8Array(32).fill(9);
  const previews = openPreviews({ publicUrl: null, shelf: memoryShelf() }, secret, {
    access,
    sessions: world.sessions,
    client,
    clock,
    isReady,
    log,
  });
  const links = () => ({ clients: 2, drivers: 1 });
  const app = createHttp({
    ...far,
    asking,
    telemetry,
    self: {
      id: "hub_test",
      startedAt: clock.now(),
      links,
      others: () => state.cluster,
      drain: () => drainAlone(),
    },
    version: "0.0.0-test",
    publicUrl: null,
    access,
    previews,
    // A hub that restarts has other sessions; the routes see the newest.
    sessions: world.sessions,
    metrics,
    watch,
    drills: { on: [], sentence: () => null },
    strays: () => world.strays ?? [],
    updates: { view: () => ({ version: null, newest: null, update: null }) },
    backup: () => Promise.resolve(Readable.from(["no backup in this test"])),
    work,
    leases: new LeaseKeeper({ sessions: () => world.sessions.all, clock, log }),
    clock,
    log,
    webDir,
    isReady,
  });
  return {
    app,
    access,
    previews,
    get ready() {
      return state.ready;
    },
    set ready(is: boolean) {
      state.ready = is;
    },
    get cluster() {
      return state.cluster;
    },
    set cluster(is: ClusterView | null) {
      state.cluster = is;
    },
    get numbers() {
      return state.numbers;
    },
    set numbers(is: ClusterNumbers | null) {
      state.numbers = is;
    },
    async ask(method, url, body) {
      const response = await app.inject({
        method,
        url,
        headers: { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      const type = response.headers["content-type"] ?? "";
      const text = response.body;
      const json = type.includes("json") ? (JSON.parse(text) as Record<string, unknown>) : {};
      return { status: response.statusCode, type, text, json };
    },
  };
}

function memoryPlace(): AuditPlace {
  const entries: AuditEntry[] = [];
  return {
    get head() {
      return entries.at(-1) ?? ROOT;
    },
    lost: null,
    append: (entry) => void entries.push(entry),
    tail: (count) => entries.slice(-count),
    close: () => undefined,
  };
}

const noWay = () => new HubError("Internal", "this hub of a test has no way into a session");
