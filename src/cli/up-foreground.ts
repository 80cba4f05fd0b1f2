/**
 * One run of the hub in this process, with its platform beside it: start in order, say so, run
 * until told to stop, stop in the opposite order. The platform is restarted when it dies.
 */
import { readFileSync } from "node:fs";
import { counted } from "../base/counted.ts";
import { HubError } from "../base/hub-error.ts";
import { formatAddress, isLoopback, type Config } from "../base/config.ts";
import { parseHeaders } from "../base/header-list.ts";
import { oidcOf } from "../base/oidc-config.ts";
import { parseSshUrl } from "../base/ssh-url.ts";
import { policyOf } from "../base/policy-table.ts";
import type { HubOptions, RunningHub } from "../hub/main.ts";
import { createApi } from "../client/api.ts";
import { note, print, printJson, textOption, usageError, type Cli } from "./cli.ts";
import { trustRoots } from "./connection.ts";
import { watchCompanion, type Companion } from "./companion.ts";
import {
  checkHome,
  ensureToken,
  homePaths,
  prepareHome,
  removeHubRecord,
  runningHub,
  writeHubRecord,
} from "./home.ts";
import { commandName, ensureBundles, sftpServerPath, type Bundles } from "./installation.ts";
import { ensurePlatform, platformCounts, stopPlatform } from "./platform-process.ts";
import type { PlatformRecord } from "./platform-process.ts";
import { watchPlatform } from "./platform-watch.ts";
import { identityOf, ownIdentity, type ProcessIdentity } from "./process-identity.ts";
import { renderBanner, type Ready } from "./render/banner.ts";
import { productVersion } from "./version.ts";

export async function runUp(cli: Cli, config: Config): Promise<number> {
  const beganAtMs = performance.now();
  const { home } = config;
  const companion = companionOf(cli);
  prepareHome(home);
  checkHome(home);
  refuseSecondHub(home);
  trustRoots(config.ca);
  const identity = ownIdentity();
  const token = config.token ?? ensureToken(home);
  // The hub's code loads while bundles are made and the platform starts: half a second saved.
  const hubCode = import("../hub/main.ts");
  const [bundles, ensured] = await tellingIfSlow(cli, async () => {
    const made = await ensureBundles();
    const isLocal = config.platform === "local";
    return [made, isLocal ? await ensurePlatform({ config, env: cli.env }) : null] as const;
  });
  const platform = ensured?.record ?? null;
  const { startHub } = await hubCode;
  // What a hub writes is its owner's. Its platform, whose files sandboxes read, has another mask.
  process.umask(0o077);
  const options = hubOptions(cli, token, bundles, platform);
  // A start that failed leaves nothing running that it started.
  const undo = async (error: unknown): Promise<never> => {
    if (ensured?.isNew === true) await stopPlatform(ensured.record);
    throw error;
  };
  const hub = await startHub(options).catch(undo);
  const ssh = await listenForSsh(cli, config, hub, token).catch(async (error: unknown) => {
    await hub.close();
    return undo(error);
  });
  const { url, hubId } = hub;
  const ca = config.ca === null ? {} : { ca: config.ca };
  const record = { ...identity, url, version: productVersion(), hubId, ...ca };
  const ready = describe(config, hub, platform, token, performance.now() - beganAtMs);
  if (cli.json) printJson(cli, ready);
  else print(cli, renderBanner(ready, commandName, cli.paint));
  // After the banner: who waits for this file (up --detach) finds the banner complete.
  writeHubRecord(home, record);
  const watch = platform === null ? null : watchPlatform(cli, config, platform);
  const api = createApi({ url: hub.url, token, fetch });
  const say = (sentence: string): void => note(cli, sentence);
  const alone = companion === null ? null : watchCompanion(companion, api, say);
  warnPlain(config, say);
  const reload = cli.stdin.isTTY ? null : hub.reloadTls;
  const signal = await Promise.race([stopSignal(alone, reload), hub.superseded]);
  alone?.close();
  watch?.close();
  ssh?.close();
  const stopping = signal === "SIGTERM" ? "asked to stop" : "stopping";
  note(cli, signal === undefined ? "declared dead by another hub: start it again" : stopping);
  await hub.close();
  removeHubRecord(home, identity);
  const current = watch?.current() ?? null;
  // SIGTERM comes from `down` or a service manager: both decide about the platform themselves.
  if (signal === undefined) return 1;
  if (signal === "SIGTERM") note(cli, "hub stopped");
  else note(cli, await sayStopped(current));
  return 0;
}

/** A person who sees nothing for seconds thinks that nothing happens. */
const SLOW_START_MS = 2_000;

async function tellingIfSlow<T>(cli: Cli, work: () => Promise<T>): Promise<T> {
  if (!cli.stderr.isTTY) return work();
  const text = "starting: a first start makes the driver and the dashboard, and tries isolation";
  const timer = setTimeout(() => note(cli, cli.notePaint.dim(text)), SLOW_START_MS);
  return work().finally(() => clearTimeout(timer));
}

function hubOptions(
  cli: Cli,
  token: string,
  bundles: Bundles,
  platform: PlatformRecord | null,
): HubOptions {
  const config = cli.config();
  // The local platform has a key of its own, which no file of a user holds.
  const secretFile =
    platform === null ? cli.resolved().origins.daytonaApiKey.secretFile : undefined;
  return {
    home: config.home,
    cluster: clusterOf(config),
    listen: config.listen,
    tls: tlsOf(config),
    caFile: config.ca,
    outboundAllow: config.outboundAllow?.split(",") ?? [],
    publicUrl: config.publicUrl,
    previewDomain: config.previewDomain,
    token,
    metricsToken: config.metricsToken,
    webhook: webhookOf(config),
    oidc: oidcOf(config),
    createsPerHour: config.createsPerHour,
    tenantSessions: config.tenantSessions,
    trustedProxies: config.trustedProxies?.split(",") ?? [],
    timeline: { rows: config.timelineRows, ageMs: config.timelineAge },
    telemetry: telemetryOf(config),
    version: productVersion(),
    platform: {
      ...platformDoor(config, platform),
      apiKeyFile: secretFile ?? null,
      callsPerMinute: config.platformCallsPerMinute,
    },
    policy: policyOf(config),
    driverBundle: bundles.driver,
    webDir: bundles.web,
    logLevel: config.logLevel,
    logFile: homePaths(config.home).hubLog,
    say: (sentence) => note(cli, sentence),
  };
}

function tlsOf({ tlsCert: cert, tlsKey: key }: Config) {
  return cert === null || key === null ? null : { cert, key };
}

function clusterOf({ store: url, clusterSecret: secret, ...config }: Config) {
  const { hubName: name, peerListen, advertise } = config;
  return url === null || secret === null ? null : { url, secret, name, peerListen, advertise };
}

function webhookOf({ webhookUrl: url, webhookSecret: secret, webhookEvents: events }: Config) {
  return url === null || secret === null ? null : { url, secret, events };
}

function telemetryOf({ otlpUrl: url, otlpHeaders }: Config) {
  return url === null ? null : { url, headers: parseHeaders(otlpHeaders ?? "") ?? {} };
}

/** Off unless it was asked for: its code is loaded only then. */
async function listenForSsh(cli: Cli, config: Config, hub: RunningHub, token: string) {
  const { sshListen: listen, home } = config;
  if (listen === null) return null;
  const { startSshListener } = await import("./ssh-listener.ts");
  const script = await sftpServerPath();
  const listener = await startSshListener({
    listen,
    home,
    hub: { url: hub.url, token },
    sftpScript: () => readFileSync(script, "utf8"),
    say: (sentence) => note(cli, sentence),
  });
  note(cli, `ssh takes NAME@${listen.host} on port ${listener.port}`);
  return listener;
}

function refuseSecondHub(home: string): void {
  const running = runningHub(home);
  if (running === null) return;
  const message = `a hub already runs on ${home}: ${running.url} (pid ${running.pid})`;
  throw new HubError("HubRunning", message);
}

function platformDoor(config: Config, platform: PlatformRecord | null) {
  if (platform !== null) {
    const { apiUrl, apiKey, target } = platform;
    return { kind: "local", apiUrl, apiKey, target } as const;
  }
  if (config.platform === "ssh") {
    const { sshUrl, sshConfig } = config;
    // checkHubConfig has made sure that there is one.
    return { kind: "ssh", apiUrl: sshUrl ?? "", apiKey: "", target: "", sshConfig } as const;
  }
  return {
    kind: "daytona",
    apiUrl: config.daytonaApiUrl,
    // checkHubConfig has made sure that there is one.
    apiKey: config.daytonaApiKey ?? "",
    target: config.daytonaTarget ?? "",
  } as const;
}

function describe(
  config: Config,
  hub: RunningHub,
  platform: PlatformRecord | null,
  token: string,
  readyMs: number,
): Ready {
  return {
    version: productVersion(),
    url: hub.url,
    // Behind the #, so that the token is never sent, logged by a proxy or kept as a referrer.
    // One that came from outside is known to whoever may know it, and logs keep what is printed.
    loginUrl: `${config.publicUrl ?? hub.url}/login${config.token === null ? `#token=${token}` : ""}`,
    hubId: hub.hubId,
    home: config.home,
    platform: config.platform,
    ...placeOf(config, platform),
    passedOver: platform?.passedOver ?? [],
    readyMs: Math.round(readyMs),
  };
}

function placeOf(config: Config, platform: PlatformRecord | null) {
  if (platform !== null) {
    const { apiUrl, tier, root, pause } = platform;
    return { apiUrl, tier, root, pause };
  }
  const unknown = { tier: null, root: null, pause: null };
  if (config.platform !== "ssh") return { ...unknown, apiUrl: config.daytonaApiUrl };
  const apiUrl = config.sshUrl ?? "";
  return { ...unknown, apiUrl, tier: "host", root: parseSshUrl(apiUrl)?.root ?? null };
}

/** Named by `--with`; null without it. @throws HubError */
function companionOf(cli: Cli): ProcessIdentity | null {
  const text = textOption(cli, "with");
  if (text === undefined) return null;
  const identity = /^[1-9]\d{0,8}$/.test(text) ? identityOf(Number(text)) : null;
  if (identity !== null) return identity;
  throw usageError(`--with ${JSON.stringify(text)} is no process that runs`, "--with $$");
}

/** A token that crosses a network as it is, is everybody's. */
function warnPlain({ listen, publicUrl, tlsCert }: Config, say: (sentence: string) => void): void {
  const isPlain = tlsCert === null && publicUrl?.startsWith("https:") !== true;
  if (!isPlain || isLoopback(listen.host)) return;
  say(
    `${formatAddress(listen)} speaks plain HTTP: whoever is on the way reads tokens. ` +
      "Set tlsCert and tlsKey, or publicUrl to the https:// address of a proxy in front.",
  );
}

/** Without a terminal SIGHUP is for daemons: it asks them to read their files again. */
function stopSignal(
  alone: Companion | null,
  reload: (() => boolean) | null,
): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    // Nobody is there who decides about the platform: it ends with the hub.
    void alone?.leftAlone.then(() => resolve("SIGINT"));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      // Stays in place: a second ^C, or npm passing on the first one, must not cut the stop short.
      process.on(signal, () => {
        if (signal === "SIGHUP" && reload !== null) reload();
        else resolve(signal);
      });
    }
  });
}

async function sayStopped(platform: PlatformRecord | null): Promise<string> {
  if (platform === null) return "hub stopped";
  const running = await runningSandboxes(platform);
  await stopPlatform(platform);
  if (running === 0) return "hub and platform stopped";
  return (
    `hub and platform stopped; ${counted(running, "sandbox")} ` +
    `${running === 1 ? "keeps" : "keep"} running: the next \`up\` takes over, ` +
    `\`${commandName} down\` ends ${running === 1 ? "it" : "them"}`
  );
}

/** 0 when the platform no longer answers: then there is nothing to promise. */
async function runningSandboxes(platform: PlatformRecord): Promise<number> {
  try {
    return (await platformCounts(platform)).sandboxes;
  } catch {
    return 0;
  }
}
