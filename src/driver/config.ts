/** The driver's settings: a file that the hub writes (0600) beside it and names in argv. */
import { readFileSync } from "node:fs";
import * as v from "valibot";

const Path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

/** Some thirty roots. */
const CA_CHARS_MAX = 65_536;

const DriverConfig = v.object({
  /** For one use: says to the hub that this launch is the one it wanted. */
  ticket: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  session: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  token: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
  /** Where the hub may be reached, tried in turn: `ws://…`, `wss://…`, `ws+unix:/sock:/path`. */
  urls: v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1), v.maxLength(16)),
  /** PEM of roots for the hub's certificate, beside those that the runtime knows. */
  ca: v.optional(v.pipe(v.string(), v.maxLength(CA_CHARS_MAX))),
  /** Working directory of commands that name none; the filesystem probe writes here. */
  home: Path,
  readyFile: Path,
  logFile: v.optional(Path),
  /** A `pty.node` for this platform, if one was uploaded. */
  ptyModule: v.optional(Path),
});
export type DriverConfig = v.InferOutput<typeof DriverConfig>;

/** @throws Error naming the file and the first key that is wrong; never the content. */
export function readDriverConfig(path: string | undefined): DriverConfig {
  if (path === undefined) throw new Error("usage: driver.cjs CONFIG.json");
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? "it is not JSON" : String(error);
    throw new Error(`cannot read ${path}: ${why}`, { cause: error });
  }
  const result = v.safeParse(DriverConfig, content);
  if (result.success) return result.output;
  const [first] = result.issues;
  throw new Error(`${path}: ${v.getDotPath(first) ?? "config"}: ${first.message}`);
}

/** What commands inherit: the driver's environment without anything of Holdfast's own. */
export function commandEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && !key.startsWith("HOLDFAST_")) env[key] = value;
  }
  return env;
}
