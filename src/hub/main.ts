/**
 * The hub, put together: store, provider, sessions, switchboard, servers. Reads like a table of
 * contents; each part is where its name says.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import { newId } from "../base/ids.ts";
import type { Logger } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { drillReader } from "../providers/daytona/drills.ts";
import { DaytonaProvider, type DaytonaOptions } from "../providers/daytona/daytona.ts";
import { SqliteStore } from "../store/sqlite/sqlite-store.ts";
import { backupMaker } from "./backup/make-backup.ts";
import { DrillWatch } from "./drill-watch.ts";
import { ActivityKeeper } from "./activity/keeper.ts";
import { createDriverKit } from "./driver-kit.ts";
import { Janitor } from "./janitor.ts";
import { logFact } from "./fact-log.ts";
import { HostDoor } from "./host-door.ts";
import { keyFileReader } from "./key-file.ts";
import { HubMetrics } from "./metrics/metrics.ts";
import { openWebhook, type WebhookSettings } from "./notify/open-webhook.ts";
import type { SessionTraces } from "./telemetry/session-traces.ts";
import type { TelemetrySettings } from "./telemetry/telemetry.ts";
import { openVoice } from "./telemetry/voice.ts";
import type { Webhook } from "./notify/webhook.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { InnerClient } from "./inner-client.ts";
import { LspRoom } from "./lsp/lsp-room.ts";
import { openOutbound } from "./outbound/open-outbound.ts";
import { openPreviews } from "./preview/previews.ts";
import { revocationFile } from "./preview/revocation-file.ts";
import { PlatformWatch, type PlatformWatchOptions } from "./platform-watch/platform-watch.ts";
import { AuditFile } from "./auth/audit-file.ts";
import { AuditLog } from "./auth/audit-log.ts";
import { tokenFile } from "./auth/token-file.ts";
import { Access } from "./server/access.ts";
import { createHttp } from "./server/http.ts";
import type { HubSelf } from "./server/routes/hubs.ts";
import { createTextDoor } from "./server/text-upgrade.ts";
import { createUpgradeGate } from "./server/upgrade.ts";
import type { SessionParts } from "./session/session.ts";
import type { SessionPolicy } from "./session/policy.ts";
import { Sessions } from "./sessions.ts";
import { TimelineKeeper, type TimelineLimits } from "./timeline-keeper.ts";
import { openTls } from "./tls-keeper.ts";
import type { TlsFiles } from "./server/tls-pair.ts";
import { Switchboard } from "./switchboard/attach.ts";
import { WorkRoom } from "./work/work-room.ts";

export interface HubOptions {
  /** State directory; must exist and be ours. */
  readonly home: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Unset, as null, speaks plain HTTP. */
  readonly tls?: TlsFiles | null;
  /** What may be dialled besides public addresses. */
  readonly outboundAllow?: readonly string[];
  /** PEM file with roots that drivers trust beside the well-known ones. */
  readonly caFile?: string | null;
  /** Where sandboxes and people reach the hub from outside, if that is not `listen`. */
  readonly publicUrl: string | null;
  /** Below it every host is a preview, see docs/PREVIEWS.md; localhost by default. */
  readonly previewDomain?: string;
  readonly token: string;
  /** May read /metrics and nothing else. */
  readonly metricsToken: string | null;
  readonly webhook: WebhookSettings | null;
  readonly timeline: TimelineLimits;
  /** Null: nobody is told of traces. */
  readonly telemetry: TelemetrySettings | null;
  readonly version: string;
  readonly platform: {
    readonly kind: "local" | "daytona";
    readonly apiUrl: string;
    readonly apiKey: string;
    /** Where the key was read from; it is read again when the platform refuses it. */
    readonly apiKeyFile?: string | null;
    readonly target: string;
    /** Calls of its API that all sessions share; a default of ours when it is not given. */
    readonly callsPerMinute?: number;
  };
  readonly policy: SessionPolicy;
  readonly driverBundle: string;
  readonly webDir: string | null;
  readonly logLevel: string;
  /** Null logs to stderr. */
  readonly logFile?: string | null;
}

export interface RunningHub {
  readonly url: string;
  /** Reads certificate and key again; null without TLS. */
  readonly reloadTls: (() => boolean) | null;
  readonly hubId: string;
  close(): Promise<void>;
}

/** One plain platform call; a loaded API answers slower than that only when it is unwell. */
const PLATFORM_CALL_MS = 10_000;
/** SYNs of a reconnect storm wait in the kernel instead of being dropped. */
const LISTEN_BACKLOG = 4096;

/** @throws HubError PortInUse, StoreCorrupt, HubRunning, HomeNotWritable */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  const { home, listen, policy, version } = options;
  const [clock, random] = [systemClock, systemRandom];
  const { hubId, driverSecret } = openSecrets(home);
  const secret = secretsOf(options);
  const { told, log, traces, callsOf, stopped } = await openVoice(options, hubId, secret);
  const tls = openTls(options, clock, log);
  const { ask, platform } = openOutbound(options);
  const store = new SqliteStore(join(home, "store.sqlite"));
  const watch = createWatch(platform, policy, {
    hubId,
    log,
    secrets: secret,
    living: () => sessions.living,
    hasClients: (sessionId) => switchboard.isWanted(sessionId),
    onControl: ({ sandboxSeconds }) =>
      sessions.cost.close({ kind: "control", forMs: sandboxSeconds * 1_000 }),
  });
  const { provider, control } = watch;
  const access = createAccess(options, driverSecret, log);
  const door = new HostDoor(hubId, log);
  const reach = () => door.reach(() => provider.facts(), gate);
  const driver = createDriver(options, access, reach);
  const providerFor = callsOf(provider);
  const parts = { hubId, provider, driver, control, policy, clock, random, log, providerFor };
  const sessions: Sessions = new Sessions(parts, store, secret);
  const switchboard: Switchboard = openSwitchboard(parts, sessions);
  let ready = false;
  const inner = new InnerClient({ switchboard, clock, random });
  const open = { access, sessions, clock, isReady: () => ready, log, client: inner };
  const previews = openPreviews({ ...options, shelf: shelfIn(home) }, driverSecret, open);
  const texts = createTextDoor({ ...open, lsp: new LspRoom(open) });
  const gate = createUpgradeGate({ ...open, switchboard, previews, texts });
  const webhook = openWebhook(options.webhook, { home, hubId, sessions, clock, random, log, ask });
  const metrics = hearFacts({ version, sessions, watch, switchboard, webhook, log, traces });
  const drills = new DrillWatch({ read: drillReader(platform), sessions, clock, log });
  const leases = new LeaseKeeper({ sessions: () => sessions.all, clock, log });
  const others = [watch, drills, leases, webhook, tls.keeper];
  const caretakers = createCaretakers(parts, sessions, store, options.timeline, others);
  const work = new WorkRoom({ sessions, client: inner, clock });
  const seen = { version, watch, drills, metrics, previews, work, leases, tls, ...told };
  const app = createHttp({ ...open, ...seen, ...ofHub(options, hubId, store, switchboard) });
  gate.attach(app.server);

  const close = async (): Promise<void> => {
    ready = false;
    for (const part of [...caretakers, sessions]) part.stop();
    for (const part of [previews.door, texts, inner]) part.close();
    switchboard.close("the hub is going down");
    gate.close();
    await door.close();
    app.server.closeAllConnections();
    await app.close();
    await provider.close();
    for (const part of [store, access]) part.close();
    await stopped();
  };
  try {
    const url = tls.address(await listenOn(app, listen));
    previews.listensOn(url);
    // The door opens before sessions start: their drivers get its address.
    await reach();
    await sessions.start();
    for (const caretaker of caretakers) caretaker.start();
    ready = true;
    log.info({ hubId, url, sessions: sessions.all.length }, "hub ready");
    return { url, hubId, close, reloadTls: tls.reload };
  } catch (error) {
    await close();
    throw error;
  }
}

function openSwitchboard(parts: SessionParts, sessions: Sessions): Switchboard {
  return new Switchboard({ ...parts, find: (idOrName) => sessions.find(idOrName) });
}

/** What no log and no answer may show. */
function secretsOf({ token, platform, metricsToken, webhook, telemetry }: HubOptions): string[] {
  const others = [metricsToken, webhook?.secret].map((text) => text ?? "");
  return [token, platform.apiKey, ...others, ...Object.values(telemetry?.headers ?? {})];
}

function shelfIn(home: string) {
  return revocationFile(join(home, "preview-revocations.json"));
}

/** What the process tells of itself, and the copy of all that it keeps. */
function ofHub(options: HubOptions, id: string, store: SqliteStore, switchboard: Switchboard) {
  const { home, version, publicUrl, listen, webDir, tls = null } = options;
  const url = publicUrl ?? `${tls === null ? "http" : "https"}://${listen.host}:${listen.port}`;
  const self: HubSelf = {
    id,
    startedAt: systemClock.now(),
    links: () => switchboard.counts,
  };
  const backup = backupMaker(home, store, () => {
    const madeAt = new Date(systemClock.now()).toISOString();
    return { madeAt, holdfast: version, hubId: id, url };
  });
  return { self, backup, webDir, publicUrl };
}

/** Every fact goes to the counters, to the watch over the platform and to the log. */
function hearFacts(parts: {
  readonly version: string;
  readonly sessions: Sessions;
  readonly watch: PlatformWatch;
  readonly switchboard: Switchboard;
  readonly webhook: Webhook | null;
  readonly traces: SessionTraces | null;
  readonly log: Logger;
}): HubMetrics {
  const { version, sessions, watch, switchboard, webhook, log, traces } = parts;
  const metrics = new HubMetrics({
    version,
    sessions: () => sessions.all,
    links: () => switchboard.counts,
    cost: () => sessions.cost.view(),
    isStoreRefusing: () => sessions.storeTrouble !== null,
    platform: () => watch.report(),
    webhook: () => webhook?.counts ?? null,
    now: () => systemClock.now(),
  });
  sessions.onEvent((event) => {
    metrics.observe(event);
    watch.observe(event);
    const attempt = sessions.known(event.session)?.record.attempt;
    const { traceId, spanId } = traces?.observe(event) ?? {};
    logFact(log, event, { attempt, traceId, spanId });
  });
  return metrics;
}

function createWatch(
  platform: HubOptions["platform"] & Pick<DaytonaOptions, "ask">,
  policy: SessionPolicy,
  given: Pick<PlatformWatchOptions, "hubId" | "log" | "living" | "hasClients" | "onControl"> & {
    readonly secrets: string[];
  },
): PlatformWatch {
  const clock = systemClock;
  const kind = platform.kind;
  const inner = new DaytonaProvider({
    ...platform,
    platform: kind,
    rereadKey: keyFileReader(platform.apiKeyFile ?? null, given.secrets, given.log),
    clock,
    callMs: PLATFORM_CALL_MS,
    autoStopMs: policy.autoStopMs,
  });
  const { callsPerMinute } = platform;
  const limit = callsPerMinute === undefined ? {} : { limitPerMinute: callsPerMinute };
  return new PlatformWatch({ ...given, ...limit, inner, clock, random: systemRandom });
}

/** Looks after something by itself, from the start to the end of a hub. */
interface Caretaker {
  start(): void;
  stop(): void;
}

function createCaretakers(
  parts: SessionParts,
  sessions: Sessions,
  store: SqliteStore,
  limits: TimelineLimits,
  others: readonly (Caretaker | null)[],
): readonly Caretaker[] {
  const { autoStopMs, idlePauseMs, janitorMs, createMs } = parts.policy;
  const all = { ...parts, sessions: () => sessions.all };
  return [
    new Janitor({ ...all, store, everyMs: janitorMs, youngMs: createMs, cost: sessions.cost }),
    new ActivityKeeper({ ...all, autoStopMs, idlePauseMs }),
    new TimelineKeeper({ ...parts, store, limits }),
    ...others.filter((one) => one !== null),
  ];
}

function createDriver(
  { driverBundle, publicUrl, platform, caFile = null }: HubOptions,
  access: Access,
  doorSocket: () => Promise<string | null>,
) {
  return createDriverKit({
    bundleFile: driverBundle,
    token: (sessionId, sandboxName) => access.driverToken(sessionId, sandboxName),
    publicUrl,
    caFile,
    doorSocket,
    platform: platform.kind,
  });
}

function createAccess(options: HubOptions, driverSecret: Uint8Array, log: Logger): Access {
  const { publicUrl, listen, token, metricsToken } = options;
  return new Access({
    adminToken: token,
    metricsToken,
    driverSecret,
    audit: new AuditLog(new AuditFile(options.home), systemClock, log),
    shelf: tokenFile(join(options.home, "tokens.json")),
    hostNames: [listen.host, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    clock: systemClock,
    random: systemRandom,
  });
}

async function listenOn(
  app: ReturnType<typeof createHttp>,
  listen: HubOptions["listen"],
): Promise<string> {
  try {
    return await app.listen({ ...listen, backlog: LISTEN_BACKLOG });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    const where = `${listen.host}:${listen.port}`;
    if (code === "EADDRINUSE") {
      throw new HubError("PortInUse", `${where} is taken by another process`, { cause: error });
    }
    if (code === "EADDRNOTAVAIL" || code === "EACCES" || code === "ENOTFOUND") {
      throw new HubError("ConfigInvalid", `cannot listen on ${where}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** What the hub must remember of itself: its id, and the key of its drivers' tokens. */
function openSecrets(home: string): { hubId: string; driverSecret: Uint8Array } {
  const file = join(home, "hub-secret.json");
  try {
    if (!existsSync(file)) {
      const made = {
        hubId: newId("hub", systemRandom),
        driverSecret: randomBytes(32).toString("base64url"),
      };
      writeFileSync(file, JSON.stringify(made), { mode: 0o600, flag: "wx", flush: true });
    }
    const { hubId, driverSecret } = JSON.parse(readFileSync(file, "utf8")) as {
      hubId: string;
      driverSecret: string;
    };
    return { hubId, driverSecret: Buffer.from(driverSecret, "base64url") };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    if (error instanceof SyntaxError) {
      throw new HubError("StoreCorrupt", `${file} cannot be used: ${said}`, { cause: error });
    }
    throw new HubError("HomeNotWritable", `${home} cannot be used: ${said}`, { cause: error });
  }
}
