/**
 * The app file of `holdfast run`: what sandbox it needs, what goes in, how it is started, how one
 * sees that it is up, and what is run against it. Read whole, with all mistakes at once.
 */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseDuration } from "../../base/duration.ts";
import { HubError } from "../../base/hub-error.ts";
import { YamlFile } from "./yaml-file.ts";

export interface AppPlan {
  readonly name: string;
  readonly source: {
    readonly image?: string;
    readonly snapshot?: string;
    readonly fallbackImage?: string;
  };
  readonly files: readonly { readonly from: string; readonly to: string }[];
  /** With the secrets in it. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that are not shown. */
  readonly secrets: readonly string[];
  /** Inside; the session's home by default. */
  readonly cwd: string | null;
  readonly install: readonly string[];
  readonly start: string | null;
  readonly port: number | null;
  readonly health: Health | null;
  /** In the sandbox, once the app is up. */
  readonly run: string | null;
  /** On this machine, once the app is up. */
  readonly local: string | null;
  /** Of each install command, and of what is run. */
  readonly timeoutMs: number;
  readonly retries: number;
}

export interface Health {
  readonly check:
    | { readonly kind: "http"; readonly path: string | null }
    | { readonly kind: "tcp" }
    | { readonly kind: "command"; readonly command: string };
  readonly timeoutMs: number;
}

const FILE_NAMES = ["app.yaml", "app.yml", "holdfast.yaml"] as const;
const KEYS = [
  "name",
  "image",
  "snapshot",
  "fallbackImage",
  "files",
  "env",
  "secrets",
  "cwd",
  "install",
  "start",
  "port",
  "health",
  "run",
  "local",
  "timeout",
  "retries",
];
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const HEALTHY_WITHIN_MS = 60_000;
const TIMEOUT_MS = 10 * 60_000;
const RETRIES_MAX = 10;
/** A session's name has a suffix behind the app's. */
const NAME_CHARS_MAX = 48;

/** `place` is a file or a directory with one. @throws HubError BadRequest */
export async function readApp(
  place: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<AppPlan> {
  const file = await YamlFile.read(fileIn(place));
  const directory = dirname(resolve(file.path));
  file.allow(KEYS);
  const secrets = secretsOf(file, env);
  const port = file.number(["port"], { min: 1, max: 65_535 }) ?? null;
  const plan: AppPlan = {
    name: nameOf(file, directory),
    source: sourceOf(file),
    files: filesOf(file, directory),
    env: { ...envOf(file), ...secrets },
    secrets: Object.values(secrets),
    cwd: file.text("cwd") ?? null,
    install: file.texts("install"),
    start: file.text("start") ?? null,
    port,
    health: healthOf(file, port),
    run: file.text("run") ?? null,
    local: file.text("local") ?? null,
    timeoutMs: durationOf(file, ["timeout"]) ?? TIMEOUT_MS,
    retries: file.number(["retries"], { min: 0, max: RETRIES_MAX }) ?? 0,
  };
  judge(file, plan);
  file.check();
  return plan;
}

function fileIn(place: string): string {
  if (!existsSync(place) || !statSync(place).isDirectory()) return place;
  const found = FILE_NAMES.map((name) => join(place, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new HubError("BadRequest", `${place} has no ${FILE_NAMES.join(", ")}`, {
    hint: "Name the file itself: holdfast run my-app.yaml",
  });
}

/** What fits only together. */
function judge(file: YamlFile, { source, start, port, health, run, local }: AppPlan): void {
  const has = (key: string): boolean => file.at(key) !== undefined;
  if (!has("start") && !has("run") && !has("local")) {
    file.wrong([], "has nothing to do: give start, run or local");
  }
  if (source.image !== undefined && source.snapshot !== undefined) {
    file.wrong(["snapshot"], "and image exclude each other");
  }
  if (source.image !== undefined && source.fallbackImage !== undefined) {
    file.wrong(["fallbackImage"], "replaces a snapshot; with image there is none to replace");
  }
  if (!has("start") && (port !== null || health !== null)) {
    file.wrong([has("port") ? "port" : "health"], "needs start: nothing would listen");
  }
  if (start !== null && health === null && !has("port") && !has("health")) {
    file.wrong(["start"], "needs port or health.command: how is it seen that it is up?");
  }
  if (run !== null && local !== null) file.wrong(["local"], "and run exclude each other");
}

function nameOf(file: YamlFile, directory: string): string {
  const given = file.text("name");
  const name =
    given ??
    basename(directory)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-");
  if (given !== undefined && !/^[a-z][a-z0-9-]*$/.test(given)) {
    file.wrong(["name"], `is ${JSON.stringify(given)}: small letters, digits and hyphens`);
  }
  return name.slice(0, NAME_CHARS_MAX).replaceAll(/^[^a-z]+|-+$/g, "") || "app";
}

function sourceOf(file: YamlFile): AppPlan["source"] {
  const [image, snapshot] = [file.text("image"), file.text("snapshot")];
  const fallbackImage = file.text("fallbackImage");
  return {
    ...(image !== undefined && { image }),
    ...(snapshot !== undefined && { snapshot }),
    ...(fallbackImage !== undefined && { fallbackImage }),
  };
}

/** `FROM: TO`, or a list of FROM that keep their names; FROM is beside the app file. */
function filesOf(file: YamlFile, directory: string): AppPlan["files"] {
  const listed = file.at("files");
  const named: (readonly [from: string, to: string, path: (string | number)[]])[] = [];
  if (Array.isArray(listed)) {
    for (const [at, from] of file.texts("files").entries()) {
      named.push([from, basename(resolve(directory, from)), ["files", at]]);
    }
  } else {
    for (const [from, to] of Object.entries(file.map("files"))) {
      named.push([from, to, ["files", from]]);
    }
  }
  return named.map(([from, to, path]) => {
    const whole = resolve(directory, from);
    if (!existsSync(whole)) file.wrong(path, `does not exist: ${whole}`);
    if (to === "") file.wrong(path, "has no place in the sandbox");
    return { from: whole, to };
  });
}

function envOf(file: YamlFile): Readonly<Record<string, string>> {
  const env = file.map("env");
  for (const name of Object.keys(env)) checkName(file, ["env", name], name);
  return env;
}

/** Named in the file, never written there: their values come from the caller's environment. */
function secretsOf(
  file: YamlFile,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const [at, name] of file.texts("secrets").entries()) {
    checkName(file, ["secrets", at], name);
    const value = env[name];
    if (value === undefined) file.wrong(["secrets", at], `is ${name}, which is not set here`);
    else secrets[name] = value;
  }
  return secrets;
}

function checkName(file: YamlFile, path: readonly (string | number)[], name: string): void {
  if (!ENV_NAME.test(name)) file.wrong(path, "is no name of a variable");
}

function healthOf(file: YamlFile, port: number | null): Health | null {
  const whole = file.at("health");
  if (whole === undefined) {
    if (port === null) return null;
    return { check: { kind: "http", path: null }, timeoutMs: HEALTHY_WITHIN_MS };
  }
  if (typeof whole === "string") return { ...checkOf(file, ["health"], port) };
  file.allow(["path", "command", "tcp", "timeout"], "health");
  const timeoutMs = durationOf(file, ["health", "timeout"]) ?? HEALTHY_WITHIN_MS;
  const ways = ["path", "command", "tcp"].filter((key) => file.at("health", key) !== undefined);
  if (ways.length > 1) file.wrong(["health"], `has ${ways.join(" and ")}: one is enough`);
  const command = file.text("health", "command");
  if (command !== undefined) return { check: { kind: "command", command }, timeoutMs };
  if (port === null) file.wrong(["health"], "needs port: where is it asked?");
  if (file.at("health", "tcp") !== undefined) return { check: { kind: "tcp" }, timeoutMs };
  if (ways.length === 0) return { check: { kind: "http", path: null }, timeoutMs };
  return { ...checkOf(file, ["health", "path"], port), timeoutMs };
}

function checkOf(file: YamlFile, path: readonly string[], port: number | null): Health {
  const text = file.text(...path) ?? "/";
  if (!text.startsWith("/")) file.wrong(path, `is ${JSON.stringify(text)}, not a path from /`);
  if (port === null && path.length === 1) file.wrong(path, "needs port: where is it asked?");
  return { check: { kind: "http", path: text }, timeoutMs: HEALTHY_WITHIN_MS };
}

function durationOf(file: YamlFile, path: readonly string[]): number | undefined {
  const text = file.text(...path);
  if (text === undefined) return undefined;
  const forMs = parseDuration(text);
  if (forMs !== null && forMs > 0) return forMs;
  file.wrong(path, `is ${JSON.stringify(text)}, not a duration: 500ms, 90s, 2m`);
  return undefined;
}
