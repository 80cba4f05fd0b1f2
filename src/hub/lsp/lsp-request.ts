/** What the address of `/v1/sessions/:id/lsp/:name` asks for. Pure. */
import { HubError } from "../../base/hub-error.ts";

export interface LspRequest {
  readonly session: string;
  /** One server of a session, for those who come back to it. */
  readonly name: string;
  /** Starts a server, in the place of one that is there; null joins the one that runs. */
  readonly start: {
    readonly argv: readonly string[];
    readonly cwd: string | null;
    /** How long it runs on with nobody there. */
    readonly leaseMs: number;
  } | null;
}

const PATH = /^\/v1\/sessions\/([^/]+)\/lsp\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;
const ARGV_MAX = 64;
const LEASE_SECONDS_DEFAULT = 300;
const LEASE_SECONDS_MAX = 24 * 60 * 60;

export function isLspPath(path: string): boolean {
  return PATH.test(path);
}

/** @throws HubError BadRequest that names what is wrong. */
export function lspRequestOf(url: string): LspRequest {
  const [path = "", query = ""] = url.split("?");
  const [, session = "", name = ""] = PATH.exec(path) ?? [];
  const given = new URLSearchParams(query);
  for (const key of given.keys()) {
    if (!["argv", "cwd", "lease"].includes(key)) throw wrong(`${key} is not known here`);
  }
  const argv = given.getAll("argv");
  const cwd = given.get("cwd");
  const lease = given.get("lease");
  const seconds = lease === null ? LEASE_SECONDS_DEFAULT : Number(lease);
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > LEASE_SECONDS_MAX) {
    throw wrong(`lease is ${JSON.stringify(lease)}, not 0 to ${LEASE_SECONDS_MAX} seconds`);
  }
  if (argv.length > ARGV_MAX) throw wrong(`argv has ${argv.length} words, not 1 to ${ARGV_MAX}`);
  if (argv[0] === "") throw wrong("argv begins with no program");
  if (argv.length === 0 && (cwd !== null || lease !== null)) {
    throw wrong("cwd and lease are for a start: name the program with argv");
  }
  const start = argv.length === 0 ? null : { argv, cwd, leaseMs: seconds * 1_000 };
  return { session: decoded(session), name, start };
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
