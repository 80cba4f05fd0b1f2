/**
 * Turns flags, environment and file into one Config, and says where every value came from.
 * Pure: the caller reads the files and the environment. All mistakes are found in one go, each
 * with its key, its place and what to write instead.
 */
import { fileSettings, unknownName, type FileSettings } from "./config-file.ts";
import { settings } from "./config-table.ts";
import type { Config, ConfigKey, Setting } from "./config-table.ts";
import { formatAddress, parseValue, writeValue, type SettingValue } from "./config-values.ts";
import { writeDuration } from "./duration.ts";
import { impossibleBudgets } from "./policy-checks.ts";
import { oidcMistakes } from "./oidc-config.ts";
import { whyNotPreviewDomain } from "./preview-domain.ts";
import { parseHeaders } from "./header-list.ts";
import { parseSshUrl } from "./ssh-url.ts";

export { formatAddress, type Address } from "./config-values.ts";
export type { Config, ConfigKey, Setting } from "./config-table.ts";

export type Origin = "flag" | "env" | "file" | "default";

export interface Mistake {
  readonly key: string;
  /** The flag, variable or file that has to be changed. */
  readonly place: string;
  readonly message: string;
}

export interface ConfigSources {
  /** By flag name without dashes. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The parsed config file, or the reason why it could not be parsed; null when there is none. */
  readonly file: { path: string; content: unknown } | { path: string; problem: string } | null;
  /** Reads the file that a *_FILE setting names. */
  readonly readSecret: (path: string) => { text: string } | { problem: string };
  /** Makes a path absolute and expands a leading `~`. */
  readonly resolvePath: (path: string) => string;
}

export interface ValueOrigin {
  readonly origin: Origin;
  readonly place: string;
  /** The file that holds a secret, when it was given as one. */
  readonly secretFile?: string;
}

export interface ResolvedConfig {
  readonly config: Config;
  readonly origins: Readonly<Record<ConfigKey, ValueOrigin>>;
  readonly mistakes: readonly Mistake[];
}

interface Found extends ValueOrigin {
  readonly text: string | null;
}

export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const mistakes: Mistake[] = [];
  const file = readFileSettings(sources, mistakes);
  findUnknownEnv(sources.env, mistakes);
  const values: Partial<Record<ConfigKey, unknown>> = {};
  const origins: Partial<ResolvedConfig["origins"]> = {};
  for (const setting of settings) {
    const found = find(setting, sources, file, mistakes);
    const parsed =
      found.text === null ? { value: null } : parseValue(setting, found.text, sources.resolvePath);
    if ("problem" in parsed) {
      mistakes.push({ key: setting.name, place: found.place, message: parsed.problem });
    }
    const value = "problem" in parsed ? parseFallback(setting, sources) : parsed.value;
    Object.assign(values, { [setting.key]: value });
    Object.assign(origins, { [setting.key]: originOf(found) });
  }
  // Both records were filled for every key of the table, which has one row per key of Config.
  return { config: values as Config, origins: origins as ResolvedConfig["origins"], mistakes };
}

/** What only a hub must fulfil; a client on the same environment is not held to it. */
export function checkHubConfig(resolved: ResolvedConfig): Mistake[] {
  const { config, origins } = resolved;
  const mistakes = [...resolved.mistakes];
  if (!isLoopback(config.listen.host) && config.token === null) {
    mistakes.push({
      key: "listen",
      place: origins.listen.place,
      message:
        `${formatAddress(config.listen)} can be reached from other machines: ` +
        `set HOLDFAST_TOKEN (or HOLDFAST_TOKEN_FILE) to a secret of your own, or listen on 127.0.0.1`,
    });
  }
  mistakes.push(...tlsMistakes(resolved), ...clusterMistakes(resolved));
  const { autoStopMs, idlePauseMs } = config;
  if (idlePauseMs !== null && autoStopMs !== null && idlePauseMs >= autoStopMs) {
    mistakes.push({
      key: "idle.pause",
      place: origins.idlePauseMs.place,
      message:
        `a pause after ${writeDuration(idlePauseMs)} never comes: the platform stops the sandbox ` +
        `after ${writeDuration(autoStopMs)} (idle.autoStop)`,
    });
  }
  if (config.webhookUrl !== null && !isWebhookSecret(config.webhookSecret)) {
    mistakes.push({
      key: "webhookSecret",
      place: origins.webhookSecret.place,
      message:
        "the webhook is signed: set HOLDFAST_WEBHOOK_SECRET (or HOLDFAST_WEBHOOK_SECRET_FILE) to " +
        "whsec_ and the base64 of 24 to 64 random bytes, as in whsec_$(openssl rand -base64 32)",
    });
  }
  if (config.otlpHeaders !== null && parseHeaders(config.otlpHeaders) === null) {
    mistakes.push({
      key: "otlpHeaders",
      place: origins.otlpHeaders.place,
      message: "it is no list of headers: write key=value,key=value with values percent-encoded",
    });
  }
  const domain = whyNotPreviewDomain(config.previewDomain, config.publicUrl);
  if (domain !== null) {
    const { place } = origins.previewDomain;
    mistakes.push({ key: "previewDomain", place, message: domain });
  }
  if (config.platform === "daytona" && config.daytonaApiKey === null) {
    mistakes.push({
      key: "daytonaApiKey",
      place: "environment DAYTONA_API_KEY",
      message: "platform daytona needs an API key: set DAYTONA_API_KEY or DAYTONA_API_KEY_FILE",
    });
  }
  if (config.platform === "ssh" && parseSshUrl(config.sshUrl ?? "") === null) {
    const said = config.sshUrl === null ? "" : `, not ${JSON.stringify(config.sshUrl)}`;
    const message = `platform ssh needs a host: --ssh-url ssh://user@host${said}`;
    mistakes.push({ key: "sshUrl", place: origins.sshUrl.place, message });
  }
  return [...mistakes, ...oidcMistakes(resolved), ...impossibleBudgets(resolved)];
}

function tlsMistakes({ config, origins }: ResolvedConfig): Mistake[] {
  const { tlsCert, tlsKey, publicUrl } = config;
  const both = "tlsCert and tlsKey name one pair: set both, or none";
  if (tlsCert !== null && tlsKey === null) {
    return [{ key: "tlsCert", place: origins.tlsCert.place, message: both }];
  }
  if (tlsCert === null && tlsKey !== null) {
    return [{ key: "tlsKey", place: origins.tlsKey.place, message: both }];
  }
  if (tlsCert === null || publicUrl === null || publicUrl.startsWith("https:")) return [];
  const message = `${publicUrl} is plain HTTP, which a hub with a certificate does not speak`;
  return [{ key: "publicUrl", place: origins.publicUrl.place, message }];
}

const SECRET_CHARS_MIN = 32;

function clusterMistakes({ config, origins }: ResolvedConfig): Mistake[] {
  const { store, clusterSecret, advertise, peerListen } = config;
  const found: [ConfigKey, string][] = [];
  const url = store !== null && URL.canParse(store) ? new URL(store) : null;
  if (store === null && clusterSecret !== null) {
    found.push(["clusterSecret", "it is for hubs that share a PostgreSQL: set HOLDFAST_STORE"]);
  }
  // The value is a secret, and is not repeated.
  if (store !== null && !["postgres:", "postgresql:"].includes(url?.protocol ?? "")) {
    found.push(["store", "it is no postgres://USER:PASSWORD@HOST:PORT/DATABASE"]);
  }
  if (store !== null && (clusterSecret?.length ?? 0) < SECRET_CHARS_MIN) {
    const how = "set HOLDFAST_CLUSTER_SECRET (or HOLDFAST_CLUSTER_SECRET_FILE) on each of them";
    const text = `hubs on PostgreSQL know each other by a secret of ${SECRET_CHARS_MIN} or more`;
    found.push(["clusterSecret", `${text} characters: ${how}, as in $(openssl rand -hex 32)`]);
  }
  if (advertise !== null && !canBeDialled(advertise)) {
    found.push(["advertise", `"${advertise}" is not HOST:PORT, as others dial this hub`]);
  }
  if (store !== null && advertise === null && isAnyHost(peerListen.host)) {
    const text = `${formatAddress(peerListen)} is no address that others can dial`;
    found.push(["advertise", `${text}: set HOLDFAST_ADVERTISE to this machine's HOST:PORT`]);
  }
  return found.map(([key, message]) => ({ key, place: origins[key].place, message }));
}

function canBeDialled(advertise: string): boolean {
  const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[^:[\]\s]+):(\d+)$/.exec(advertise)?.[1]);
  return port > 0 && port <= 65_535;
}

function isAnyHost(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** 24 to 64 bytes are 32 to 88 characters of base64. */
function isWebhookSecret(text: string | null): boolean {
  return text !== null && /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/.test(text);
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Text of a setting for people: secrets are never shown, only that there is one. */
export function showValue(setting: Setting, config: Config): string | null {
  const value = config[setting.key];
  return setting.kind === "secret" && value !== null
    ? "(set, hidden)"
    : writeValue(setting.kind, value);
}

/** Environment name of the variable that names a file holding this secret. */
export function fileVariable(setting: Setting): string {
  return `${setting.env}_FILE`;
}

function originOf({ origin, place, secretFile }: Found): ValueOrigin {
  return secretFile === undefined ? { origin, place } : { origin, place, secretFile };
}

function find(
  setting: Setting,
  sources: ConfigSources,
  file: ReadonlyMap<string, string>,
  mistakes: Mistake[],
): Found {
  const flag = setting.flag === null ? undefined : sources.flags[setting.flag];
  if (flag !== undefined) {
    return { text: flag, origin: "flag", place: `flag --${setting.flag ?? ""}` };
  }
  const fromEnv = findInEnv(setting, sources, mistakes);
  if (fromEnv !== null) return fromEnv;
  const place = `file ${sources.file?.path ?? ""}`;
  const inFile = file.get(setting.name);
  if (inFile !== undefined) return { text: inFile, origin: "file", place };
  const path = setting.kind === "secret" ? file.get(`${setting.name}File`) : undefined;
  if (path !== undefined) {
    return readSecret({ setting, path, origin: "file", place }, sources, mistakes);
  }
  return { text: setting.fallback, origin: "default", place: "default" };
}

/** An empty variable counts as unset: `HOLDFAST_TOKEN= holdfast ls` means "without". */
function findInEnv(setting: Setting, sources: ConfigSources, mistakes: Mistake[]): Found | null {
  const text = sources.env[setting.env] ?? "";
  const place = `environment ${setting.env}`;
  const path = setting.kind === "secret" ? (sources.env[fileVariable(setting)] ?? "") : "";
  if (path !== "" && text !== "") {
    const message = `set either ${setting.env} or ${fileVariable(setting)}, not both`;
    mistakes.push({ key: setting.name, place, message });
  }
  if (text !== "") return { text, origin: "env", place };
  if (path === "") return null;
  const named = `environment ${fileVariable(setting)}`;
  return readSecret({ setting, path, origin: "env", place: named }, sources, mistakes);
}

function readSecret(
  wanted: { setting: Setting; path: string; origin: Origin; place: string },
  sources: ConfigSources,
  mistakes: Mistake[],
): Found {
  const { setting, origin, place } = wanted;
  const path = sources.resolvePath(wanted.path);
  const read = sources.readSecret(path);
  if ("problem" in read) {
    const message = `cannot read the file ${path}: ${read.problem}`;
    mistakes.push({ key: setting.name, place, message });
    return { text: null, origin, place };
  }
  // Secret files made by echo or an editor end with a newline that is not part of the secret.
  const text = read.text.trim();
  if (text === "")
    mistakes.push({ key: setting.name, place, message: `the file ${path} is empty` });
  return { text: text === "" ? null : text, origin, place, secretFile: path };
}

/** After a mistake the default stands in, so that the other settings are still checked. */
function parseFallback(setting: Setting, sources: ConfigSources): SettingValue {
  if (setting.fallback === null) return null;
  const parsed = parseValue(setting, setting.fallback, sources.resolvePath);
  return "value" in parsed ? parsed.value : null;
}

/** Texts of the config file by name; what cannot be used becomes a mistake. */
function readFileSettings(sources: ConfigSources, mistakes: Mistake[]): FileSettings["texts"] {
  const { file } = sources;
  if (file === null) return new Map();
  const place = `file ${file.path}`;
  if ("problem" in file) {
    mistakes.push({ key: "(file)", place, message: file.problem });
    return new Map();
  }
  const read = fileSettings(file.content);
  for (const { key, message } of read.mistakes) mistakes.push({ key, place, message });
  return read.texts;
}

/** Only our own prefix: DAYTONA_* has names that belong to others. */
function findUnknownEnv(env: ConfigSources["env"], mistakes: Mistake[]): void {
  const known = settings.flatMap((setting) =>
    setting.kind === "secret" ? [setting.env, fileVariable(setting)] : [setting.env],
  );
  for (const name of Object.keys(env)) {
    if (!name.startsWith("HOLDFAST_") || known.includes(name)) continue;
    const message = unknownName("variable", name, known);
    mistakes.push({ key: name, place: `environment ${name}`, message });
  }
}
