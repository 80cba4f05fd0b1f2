/** Reads what the config resolver needs from disk: the file in home and the secret files. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { resolveConfig, type ConfigSources, type ResolvedConfig } from "../base/config.ts";

export interface ConfigPlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly flags: Readonly<Record<string, string | undefined>>;
}

export function readConfig(places: ConfigPlaces): ResolvedConfig {
  const sources: ConfigSources = {
    flags: places.flags,
    env: places.env,
    file: null,
    readSecret: readText,
    resolvePath: (path) => resolve(places.cwd, path.replace(/^~(?=\/|$)/, homedir())),
  };
  // Home says where the file is, so it is found first, without the file.
  const { home } = resolveConfig(sources).config;
  return resolveConfig({ ...sources, file: readFile(join(home, "config.json")) });
}

function readFile(path: string): ConfigSources["file"] {
  const read = readText(path);
  if ("problem" in read) {
    return read.missing ? null : { path, problem: `cannot be read: ${read.problem}` };
  }
  try {
    return { path, content: JSON.parse(read.text) as unknown };
  } catch (error) {
    return { path, problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function readText(path: string): { text: string } | { problem: string; missing: boolean } {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    // A home that is a file has no config in it, either: ENOTDIR.
    const missing = code === "ENOENT" || code === "ENOTDIR";
    return { problem: missing ? "no such file" : code, missing };
  }
}
