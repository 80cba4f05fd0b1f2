/**
 * Turns flags, environment and file into one Config, and says where every value came from.
 * Pure: the caller reads the files and the environment. All mistakes are found in one go, each
 * with its key, its place and what to write instead.
 */
import { settings } from "./config-table.ts";
import type { Address, Config, ConfigKey, Setting } from "./config-table.ts";
import { nearestName } from "./nearest.ts";

export type { Address, Config, ConfigKey, Setting } from "./config-table.ts";

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

export interface ResolvedConfig {
  readonly config: Config;
  readonly origins: Readonly<Record<ConfigKey, { origin: Origin; place: string }>>;
  readonly mistakes: readonly Mistake[];
}

interface Found {
  readonly text: string | null;
  readonly origin: Origin;
  readonly place: string;
}

export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const mistakes: Mistake[] = [];
  const file = fileSettings(sources, mistakes);
  findUnknownEnv(sources.env, mistakes);
  const values: Partial<Record<ConfigKey, unknown>> = {};
  const origins: Partial<ResolvedConfig["origins"]> = {};
  for (const setting of settings) {
    const found = find(setting, sources, file, mistakes);
    const parsed = found.text === null ? { value: null } : parse(setting, found.text, sources);
    if ("problem" in parsed) {
      mistakes.push({ key: setting.key, place: found.place, message: parsed.problem });
    }
    const value = "problem" in parsed ? parseFallback(setting, sources) : parsed.value;
    Object.assign(values, { [setting.key]: value });
    Object.assign(origins, { [setting.key]: { origin: found.origin, place: found.place } });
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
  if (config.platform === "daytona" && config.daytonaApiKey === null) {
    mistakes.push({
      key: "daytonaApiKey",
      place: "environment DAYTONA_API_KEY",
      message: "platform daytona needs an API key: set DAYTONA_API_KEY or DAYTONA_API_KEY_FILE",
    });
  }
  return mistakes;
}

export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Text of a setting for people: secrets are never shown, only that there is one. */
export function showValue(setting: Setting, config: Config): string | null {
  const value = config[setting.key];
  if (value === null) return null;
  if (setting.kind === "secret") return "(set, hidden)";
  return typeof value === "string" ? value : formatAddress(value);
}

/** Environment name of the variable that names a file holding this secret. */
export function fileVariable(setting: Setting): string {
  return `${setting.env}_FILE`;
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
  const inFile = file.get(setting.key);
  if (inFile !== undefined) return { text: inFile, origin: "file", place };
  const path = setting.kind === "secret" ? file.get(`${setting.key}File`) : undefined;
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
    mistakes.push({ key: setting.key, place, message });
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
    mistakes.push({ key: setting.key, place, message });
    return { text: null, origin, place };
  }
  // Secret files made by echo or an editor end with a newline that is not part of the secret.
  const text = read.text.trim();
  if (text === "") mistakes.push({ key: setting.key, place, message: `the file ${path} is empty` });
  return { text: text === "" ? null : text, origin, place };
}

type Parsed = { value: string | Address } | { problem: string };

function parse(setting: Setting, text: string, sources: ConfigSources): Parsed {
  switch (setting.kind) {
    case "path":
      return { value: sources.resolvePath(text) };
    case "url":
      return parseUrl(text);
    case "address":
      return parseAddress(text);
    case "choice":
      return parseChoice(text, setting.choices ?? []);
    case "secret":
      // The value goes into an HTTP header, where a control character would be refused much later.
      return /^[\x21-\x7e]+$/.test(text)
        ? { value: text }
        : { problem: "a secret is made of printable characters without spaces" };
    case "text":
      return { value: text };
  }
}

/** After a mistake the default stands in, so that the other settings are still checked. */
function parseFallback(setting: Setting, sources: ConfigSources): string | Address | null {
  if (setting.fallback === null) return null;
  const parsed = parse(setting, setting.fallback, sources);
  return "value" in parsed ? parsed.value : null;
}

function parseUrl(text: string): Parsed {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return { problem: `"${text}" is not an http:// or https:// URL` };
  }
  if (url.username !== "" || url.password !== "") {
    return { problem: "a URL with a password in it ends up in logs: give the secret separately" };
  }
  return { value: text.replace(/\/+$/, "") };
}

function parseAddress(text: string): Parsed {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    return { problem: `"${text}" is not HOST:PORT, for example 127.0.0.1:7070 or [::1]:7070` };
  }
  return { value: { host, port } };
}

function parseChoice(text: string, choices: readonly string[]): Parsed {
  if (choices.includes(text)) return { value: text };
  const near = nearestName(text, choices);
  const guess = near === null ? "" : ` (did you mean ${near}?)`;
  return { problem: `"${text}" is none of ${choices.join(", ")}${guess}` };
}

/** Texts of the config file by key; what cannot be used becomes a mistake. */
function fileSettings(sources: ConfigSources, mistakes: Mistake[]): Map<string, string> {
  const texts = new Map<string, string>();
  const { file } = sources;
  if (file === null) return texts;
  const place = `file ${file.path}`;
  if ("problem" in file) {
    mistakes.push({ key: "(file)", place, message: file.problem });
    return texts;
  }
  if (typeof file.content !== "object" || file.content === null || Array.isArray(file.content)) {
    mistakes.push({ key: "(file)", place, message: "the file must hold one JSON object" });
    return texts;
  }
  const known = fileKeys();
  for (const [key, value] of Object.entries(file.content)) {
    if (key === "$schema") continue;
    if (key === "home") {
      mistakes.push({
        key,
        place,
        message: "home says where this file is; it cannot be set in it",
      });
    } else if (!known.includes(key)) {
      mistakes.push({ key, place, message: unknownName("setting", key, known) });
    } else if (typeof value !== "string") {
      mistakes.push({ key, place, message: `the value must be a text in double quotes` });
    } else {
      texts.set(key, value);
    }
  }
  return texts;
}

function fileKeys(): string[] {
  return settings.flatMap((setting) => {
    if (setting.key === "home") return [];
    return setting.kind === "secret" ? [setting.key, `${setting.key}File`] : [setting.key];
  });
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

function unknownName(what: string, typed: string, known: readonly string[]): string {
  const near = nearestName(typed, known);
  return near === null
    ? `unknown ${what}; \`holdfast config show\` lists all`
    : `unknown ${what}; did you mean ${near}?`;
}
