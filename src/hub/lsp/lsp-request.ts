/** What the address of `/v1/sessions/:id/lsp/:name` asks for. Pure. */
import { HubError } from "../../base/hub-error.ts";
import type { NamedServerRequest } from "../inner-client.ts";

export interface LspRequest extends Omit<NamedServerRequest, "onMessage"> {
  readonly session: string;
}

const PATH = /^\/v1\/sessions\/([^/]+)\/lsp\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;
const ARGV_MAX = 64;
const LEASE_SECONDS_DEFAULT = 300;
const LEASE_SECONDS_MAX = 24 * 60 * 60;
const OF_A_START = ["argv", "cwd", "lease", "framing"] as const;
const OF_A_JOIN = ["server", "heard"] as const;
const KNOWN: readonly string[] = [...OF_A_START, ...OF_A_JOIN];

export function isLspPath(path: string): boolean {
  return PATH.test(path);
}

/** For who has to be asked whether he may. @throws HubError BadRequest */
export function lspSessionOf(url: string): string {
  return decoded(PATH.exec(url.split("?")[0] ?? "")?.[1] ?? "");
}

/** @throws HubError BadRequest that names what is wrong. */
export function lspRequestOf(url: string): LspRequest {
  const [path = "", query = ""] = url.split("?");
  const name = PATH.exec(path)?.[2] ?? "";
  const given = new URLSearchParams(query);
  for (const key of given.keys()) {
    if (!KNOWN.includes(key)) throw wrong(`${key} is not known here`);
    if (key !== "argv" && given.getAll(key).length > 1) throw wrong(`${key} is given twice`);
  }
  const whom = { session: lspSessionOf(url), name };
  if (given.has("argv")) {
    if (given.has("server")) throw wrong("server is for those who come back: leave argv out");
    const heard = numberOf(given, "heard", 0, 0);
    return { ...whom, start: startOf(given), ...(heard === null ? {} : { heard }) };
  }
  for (const key of OF_A_START) {
    if (given.has(key)) throw wrong(`${key} is for a start: name the program with argv`);
  }
  const server = given.get("server");
  const heard = numberOf(given, "heard", 0, Number.MAX_SAFE_INTEGER);
  if (server !== null && !/^srv_[0-9a-z]{1,40}$/.test(server)) {
    throw wrong(`server is ${JSON.stringify(server.slice(0, 60))}, which no server has as its id`);
  }
  return { ...whom, ...(server === null ? {} : { server }), ...(heard === null ? {} : { heard }) };
}

function startOf(given: URLSearchParams): NonNullable<NamedServerRequest["start"]> {
  const argv = given.getAll("argv");
  if (argv.length > ARGV_MAX) throw wrong(`argv has ${argv.length} words, not 1 to ${ARGV_MAX}`);
  if (argv[0] === "") throw wrong("argv begins with no program");
  const framing = given.get("framing") ?? "headers";
  if (framing !== "headers" && framing !== "lines") {
    throw wrong(`framing is ${JSON.stringify(framing.slice(0, 60))}, not headers or lines`);
  }
  const seconds = numberOf(given, "lease", 0, LEASE_SECONDS_MAX) ?? LEASE_SECONDS_DEFAULT;
  const cwd = given.get("cwd");
  return { argv, framing, leaseMs: seconds * 1_000, ...(cwd === null ? {} : { cwd }) };
}

function numberOf(given: URLSearchParams, key: string, min: number, max: number): number | null {
  const text = given.get(key);
  if (text === null) return null;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw wrong(`${key} is ${JSON.stringify(text.slice(0, 60))}, not ${min} to ${max}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HubError("BadRequest", `${JSON.stringify(text.slice(0, 80))} is no session`);
  }
}

function wrong(said: string): HubError {
  return new HubError("BadRequest", `query: ${said}`);
}
