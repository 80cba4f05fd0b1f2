/**
 * The hub, put together: store, provider, sessions, switchboard, servers. Reads like a table of
 * contents; each part is where its name says.
 */
import { setFlagsFromString } from "node:v8";
import { systemClock } from "../base/clock.ts";
import { HubError } from "../base/hub-error.ts";
import type { OidcSettings } from "../base/oidc-config.ts";
import type { Logger } from "../base/log.ts";
import { formatAddress } from "../base/config-values.ts";
import { whyNotListening } from "../base/why-not-listening.ts";
import { systemRandom } from "../base/random.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { openCompany, type Company, type Elsewhere } from "./cluster/company.ts";
import type { ClusterSeat } from "./cluster/open-cluster.ts";
import { secretsOfCluster, type ClusterSettings } from "./cluster/settings.ts";
import { DrillWatch } from "./drill-watch.ts";
import { createCaretakers } from "./caretakers.ts";
import { createDriverKit } from "./driver-kit.ts";
import { DriverUpdates } from "./driver-update/driver-updates.ts";
import { hearFacts } from "./hear-facts.ts";
import { openDoor } from "./host-door.ts";
import { openSecrets } from "./hub-secrets.ts";
import { keyFileReader } from "./key-file.ts";
import { openWebhook, type WebhookSettings } from "./notify/open-webhook.ts";
import type { TelemetrySettings } from "./telemetry/telemetry.ts";
import { openVoice } from "./telemetry/voice.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { InnerClient } from "./inner-client.ts";
import { LspRoom } from "./lsp/lsp-room.ts";
import { openPlatform, type PlatformOptions } from "./open-platform.ts";
import { openStore, type OpenStore } from "./open-store.ts";
import { openOutbound } from "./outbound/open-outbound.ts";
import { openPreviews } from "./preview/previews.ts";
import { PlatformWatch, type PlatformWatchOptions } from "./platform-watch/platform-watch.ts";
import { openOidc } from "./auth/oidc/open-oidc.ts";
import { AuditFile } from "./auth/audit-file.ts";
import { AuditLog } from "./auth/audit-log.ts";
import { Access } from "./server/access.ts";
import { createHttp } from "./server/http.ts";
import { Acceptors } from "./server/acceptors.ts";
import { LISTEN_BACKLOG } from "./server/listener.ts";
import type { HubSelf } from "./server/routes/hubs.ts";
import { createTextDoor } from "./server/text-upgrade.ts";
import { createUpgradeGate } from "./server/upgrade.ts";
import { KeptProvider } from "./session/kept-provider.ts";
import type { Session, SessionParts } from "./session/session.ts";
import type { SessionPolicy } from "./session/policy.ts";
import { Sessions } from "./sessions.ts";
import type { TimelineKeeperOptions } from "./timeline-keeper.ts";
import { openTls } from "./tls-keeper.ts";
import type { TlsFiles } from "./server/tls-pair.ts";
import { Switchboard } from "./switchboard/attach.ts";
import { LoopWatch } from "./loop-watch.ts";
import { HelloRate } from "./switchboard/hello-rate.ts";
import { WorkRoom } from "./work/work-room.ts";

export interface HubOptions {
  /** State directory; must exist and be ours. */
  readonly home: string;
  /** Unset, as null, keeps facts in the state directory, for this hub alone. */
  readonly cluster?: ClusterSettings | null;
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
  /** People of an identity provider; without it there is none. */
  readonly oidc?: OidcSettings | null;
  /** As in AccessOptions. */
  readonly createsPerHour?: number | null;
  readonly tenantSessions?: number | null;
  readonly trustedProxies?: readonly string[];
  readonly timeline: TimelineKeeperOptions["limits"];
  /** Null: nobody is told of traces. */
  readonly telemetry: TelemetrySettings | null;
  readonly version: string;
  readonly platform: PlatformOptions;
  readonly policy: SessionPolicy;
  readonly driverBundle: string;
  readonly webDir: string | null;
  readonly logLevel: string;
  /** Null logs to stderr. */
  readonly logFile?: string | null;
  /** Hears what a start waits for, in a sentence for a person. */
  readonly say?: (sentence: string) => void;
}

export interface RunningHub {
  readonly url: string;
  /** Reads certificate and key again; null without TLS. */
  readonly reloadTls: (() => boolean) | null;
  readonly hubId: string;
  /** There when others declared this hub dead and have its sessions: it must end. */
  readonly superseded: Promise<void>;
  close(): Promise<void>;
}

// Buffers of sockets count against the old space: with less room all of it is marked for them.
setFlagsFromString("--heap-growing-percent=100");

/** @throws HubError PortInUse, StoreCorrupt, HubRunning, HomeNotWritable */
export async function startHub(options: HubOptions): Promise<RunningHub> {
  const { home, listen, policy, version, timeline } = options;
  const [clock, random] = [systemClock, systemRandom];
  const own = openSecrets(home);
  const secret = secretsOf(options);
  const { told, log, traces, callsOf, stopped } = await openVoice(options, own.hubId, secret);
  const tls = openTls(options, clock, log);
  const { ask, platform } = openOutbound(options);
  const opened = await openStore(options, own, log);
  const { hubId } = opened;
  const { provider: asked, readDrills } = platformOf(platform, policy, secret, log);
  // What sessions are given asks for sessions: some functions below name parts that are made only
  // further down, and nobody calls them before all are there.
  const hasClients = (sessionId: string): boolean => switchboard.isWanted(sessionId);
  const watch = createWatch(asked, platform, opened.seat, {
    ...{ hubId, log, hasClients },
    living: () => sessions.living,
    onControl: ({ sandboxSeconds }) =>
      sessions.cost.close({ kind: "control", forMs: sandboxSeconds * 1_000 }),
  });
  const { provider, control } = watch;
  const access = await createAccess(options, opened, log, ask);
  const door = openDoor(opened, log);
  const reach = () => door.reach(() => provider.facts(), gate);
  const driver = createDriver(options, access, reach, () => door.kin());
  const providerFor = callsOf(provider);
  const shared = { hubId, provider, driver, control, policy, log, providerFor, hasClients };
  const parts = alike(shared);
  const sessions: Sessions = new Sessions(parts, opened.store, secret);
  const company = openCompany(opened, sessions, log);
  const switchboard: Switchboard = openSwitchboard(parts, sessions, company);
  let ready = false;
  const board = { access, sessions, switchboard, log, elsewhere: company, isReady: () => ready };
  const { open, inner, previews, texts, gate } = openGates(options, opened, board, parts);
  const webhook = openWebhook(options.webhook, { home, hubId, sessions, clock, random, log, ask });
  const metrics = hearFacts({ ...board, version, watch, webhook, traces });
  const drills = new DrillWatch({ read: readDrills, sessions, clock, log });
  const leases = new LeaseKeeper({ sessions: () => sessions.all, clock, log });
  const updates = new DriverUpdates({ ...parts, sessions, offered: driver.version });
  const others = { watch, drills, leases, updates, webhook, keeper: tls.keeper, metrics };
  const { caretakers, strays } = createCaretakers(parts, sessions, opened, timeline, others);
  const seen = { version, watch, drills, updates, metrics, previews, leases, strays, tls, ...told };
  const app = createHttp({ ...open, ...seen, ...ofHub(options, opened, company, switchboard) });
  gate.attach(app.server);

  const close = async (): Promise<void> => {
    await company.drain();
    ready = false;
    for (const part of [...caretakers, sessions]) part.stop();
    for (const part of [previews.door, texts, inner]) part.close();
    switchboard.close("the hub is going down");
    gate.close();
    app.server.closeAllConnections();
    for (const part of [door, app, provider, access.tokens]) await part.close();
    await company.leave();
    access.close();
    await stopped();
  };
  try {
    const url = tls.address(await listenOn(app, listen, log));
    previews.listensOn(url);
    // The door opens before sessions start: their drivers get its address.
    await door.keepReaching(clock, () => provider.facts(), gate);
    await sessions.start();
    await company.join(app.server);
    for (const caretaker of caretakers) caretaker.start();
    ready = true;
    log.info({ hubId, url, awake: sessions.count }, "hub ready");
    return { url, hubId, close, superseded: company.superseded, reloadTls: tls.reload };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What lets people and drivers in, before there is a session to let them into. */
function openGates(
  options: HubOptions,
  { driverSecret, links, seat }: OpenStore,
  asked: Omit<Parameters<typeof createUpgradeGate>[0], "previews" | "texts" | "queue">,
  { queue }: Pick<Parts, "queue">,
) {
  const board = { ...asked, queue, clock: systemClock, random: systemRandom };
  const inner = new InnerClient(board);
  const work = new WorkRoom({ ...board, client: inner });
  const open = { ...board, client: inner, work };
  const kept = { shelf: links, isShared: seat !== null };
  const previews = openPreviews({ ...options, ...kept }, driverSecret, open);
  const texts = createTextDoor({ ...open, lsp: new LspRoom(open) });
  const gate = createUpgradeGate({ ...open, previews, texts });
  return { open, inner, previews, texts, gate };
}

type Parts = SessionParts & { readonly queue: HelloRate; readonly loop: LoopWatch };

/** What all sessions and the switchboard share. */
function alike<Given extends object>(given: Given) {
  const shared = { queue: new HelloRate(systemClock), loop: new LoopWatch(systemClock) };
  return { ...given, ...shared, clock: systemClock, random: systemRandom };
}
function openSwitchboard(parts: Parts, sessions: Sessions, elsewhere: Elsewhere) {
  const find = (idOrName: string): Session => sessions.find(idOrName);
  const verdict = sessions.verdict.bind(sessions);
  const explain = (session: string) => elsewhere.explain(session);
  return new Switchboard({ ...parts, find, verdict, ...(elsewhere.isShared ? { explain } : {}) });
}

/** What no log and no answer may show. */
function secretsOf(options: HubOptions): string[] {
  const { token, platform, metricsToken, webhook, telemetry, oidc, cluster } = options;
  const told = [metricsToken, webhook?.secret, oidc?.clientSecret].map((text) => text ?? "");
  const others = [...told, ...(cluster === undefined ? [] : secretsOfCluster(cluster))];
  return [token, platform.apiKey, ...others, ...Object.values(telemetry?.headers ?? {})];
}

/** What the process tells of itself, and the copy of all that it keeps. */
function ofHub(
  options: HubOptions,
  { hubId: id, backup }: OpenStore,
  company: Company,
  switchboard: Switchboard,
) {
  const { version, publicUrl, listen, webDir, tls = null } = options;
  const url = publicUrl ?? `${tls === null ? "http" : "https"}://${listen.host}:${listen.port}`;
  const self: HubSelf = {
    id,
    startedAt: systemClock.now(),
    links: () => switchboard.counts,
    others: () => company.view,
    drain: () => company.beginDrain(),
  };
  const about = () => {
    const madeAt = new Date(systemClock.now()).toISOString();
    return { madeAt, holdfast: version, hubId: id, url };
  };
  return { self, backup: backup(about), webDir, publicUrl };
}

function platformOf(
  platform: PlatformOptions & { readonly ask: typeof fetch },
  { autoStopMs }: SessionPolicy,
  secrets: string[],
  log: Logger,
) {
  const rereadKey = keyFileReader(platform.apiKeyFile ?? null, secrets, log);
  const given = { clock: systemClock, random: systemRandom, autoStopMs, rereadKey };
  return openPlatform(platform, given);
}

function createWatch(
  asked: SandboxProvider,
  { callsPerMinute }: PlatformOptions,
  seat: ClusterSeat | null,
  given: Pick<PlatformWatchOptions, "hubId" | "log" | "living" | "hasClients" | "onControl">,
): PlatformWatch {
  // Behind the queue of calls: a lease that was over meanwhile is seen.
  const acting = () => seat?.members.acting() ?? null;
  const inner = seat === null ? asked : new KeptProvider(asked, acting, () => false);
  const limit = callsPerMinute === undefined ? {} : { limitPerMinute: callsPerMinute };
  const shared = seat !== null && { job: seat.jobs.control, sharers: () => seat.members.asking };
  const told = { ...given, ...limit, ...shared, inner };
  return new PlatformWatch({ ...told, clock: systemClock, random: systemRandom });
}

function createDriver(
  { driverBundle, publicUrl, platform, caFile = null }: HubOptions,
  access: Access,
  doorSocket: () => Promise<string | null>,
  otherDoors: () => readonly string[],
) {
  return createDriverKit({
    bundleFile: driverBundle,
    token: (sessionId, sandboxName) => access.driverToken(sessionId, sandboxName),
    publicUrl,
    caFile,
    doorSocket,
    otherDoors,
    platform: platform.kind,
  });
}

async function createAccess(
  options: HubOptions,
  { driverSecret, seat, tokens }: OpenStore,
  log: Logger,
  ask: typeof fetch,
): Promise<Access> {
  const { publicUrl, listen, token, metricsToken } = options;
  return new Access({
    adminToken: token,
    metricsToken,
    driverSecret,
    oidc: await openOidc(options.oidc ?? null, systemClock, ask),
    createsPerHour: options.createsPerHour ?? null,
    tenantSessions: options.tenantSessions ?? null,
    trustedProxies: options.trustedProxies ?? [],
    audit: new AuditLog(new AuditFile(options.home), systemClock, log),
    ...(seat === null ? {} : { peers: seat.peers }),
    shelf: tokens,
    hostNames: [listen.host, ...(publicUrl === null ? [] : [new URL(publicUrl).hostname])],
    clock: systemClock,
    random: systemRandom,
  });
}

async function listenOn(
  app: ReturnType<typeof createHttp>,
  listen: HubOptions["listen"],
  log: Logger,
): Promise<string> {
  const acceptors = new Acceptors(app.server, log);
  app.addHook("preClose", () => acceptors.close());
  try {
    const url = await app.listen({ ...listen, backlog: LISTEN_BACKLOG });
    void acceptors.open();
    return url;
  } catch (error) {
    const why = whyNotListening(error);
    if (why === null) throw error;
    const where = formatAddress(listen);
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      throw new HubError("PortInUse", `${where} is taken by another process`, { cause: error });
    }
    throw new HubError("ConfigInvalid", `cannot listen on ${where}: ${why}`, {
      cause: error,
      hint: "Name an address of this machine: --listen HOST:PORT, for example 127.0.0.1:7070.",
    });
  }
}
