/**
 * Connections to PostgreSQL: how long anything may take, what a database must be to be used, and
 * what its refusals mean. Holds no statement about sessions.
 */
import { Client, Pool, type ClientBase, type ClientConfig } from "pg";
import { HubError } from "../../base/hub-error.ts";

/** Nobody waits longer for an engine that hangs: what became of a write is then asked for. */
const CONNECT_MS = 2_000;
const STATEMENT_MS = 3_000;
/** After the server's own limit, so that its word is heard where it still has one. */
const ANSWER_MS = 4_000;
/** A beat that hangs must fail while there is time for another. */
const BEAT_MS = 2_000;
const POOL_MAX = 4;
const VERSION_MIN = 130_000;

function settingsOf(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: "holdfast",
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  };
}

/** `lost` hears of connections that ended while nobody used them; the pool makes others. */
export function openPool(url: string, lost: (error: Error) => void): Pool {
  const pool = new Pool({ ...settingsOf(url), max: POOL_MAX });
  pool.on("error", lost);
  return pool;
}

/**
 * One connection of its own, for what must not queue behind anything. A title is what others know
 * it by, also where the URL has one for all: what a URL says is taken before what stands beside it.
 */
export async function openClient(
  url: string,
  lost: (error: Error) => void,
  { title }: { readonly title?: string } = {},
): Promise<Client> {
  const own = new URL(url);
  if (title !== undefined) own.searchParams.set("application_name", title);
  const client = new Client({
    ...settingsOf(own.href),
    statement_timeout: BEAT_MS,
    query_timeout: BEAT_MS,
  });
  client.on("error", lost);
  await client.connect();
  return client;
}

/** What is odd about a database that may be used all the same, for the log. */
export async function inspect(client: ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{
    version: number;
    standby: boolean;
    locked: string;
    fsync: string;
    commits: string;
  }>(
    `SELECT current_setting('server_version_num')::int AS version,
       pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS locked,
       current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commits`,
  );
  const [seen] = rows;
  if (seen === undefined) throw new HubError("StoreUnreachable", "PostgreSQL says nothing");
  if (seen.version < VERSION_MIN) {
    const said = `PostgreSQL ${Math.floor(seen.version / 10_000)} is too old`;
    throw new HubError("StoreUnreachable", said, {
      hint: "Holdfast needs PostgreSQL 13 or newer.",
    });
  }
  if (seen.standby) {
    throw new HubError("StoreUnreachable", "this PostgreSQL is a standby in recovery", {
      hint: "Name the primary, or promote this one.",
      cause: new InRecovery(),
    });
  }
  if (seen.locked === "on") {
    throw new HubError("StoreUnreachable", "this PostgreSQL is read-only", {
      hint: "Name the primary: a standby takes no facts.",
    });
  }
  const odd: string[] = [];
  if (seen.fsync !== "on") odd.push("fsync is off: facts are lost with the power");
  if (seen.commits === "off") odd.push("synchronous_commit is off: the newest facts may be lost");
  return odd;
}

/** It takes facts once it is promoted, as in the middle of a fail-over. */
class InRecovery extends Error {}

/** Shut down, crashed, starting, or with no connection to spare. */
const AWAY_STATES: readonly string[] = ["57P01", "57P02", "57P03", "53300"];
const AWAY_ERRORS: readonly string[] = [
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"],
  ...["EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"],
];
/** What the driver says itself has no code. */
const AWAY_WORDS = /^(Connection terminated|Connection ended|timeout e|Query read timeout)/;

/** It may be there in a moment. All else is a person's to mend: a name, a password, a schema. */
export function isAway(error: unknown): boolean {
  if (error instanceof HubError) return isAway(error.cause);
  if (!(error instanceof Error)) return false;
  if (error instanceof InRecovery) return true;
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  if (code === null) return AWAY_WORDS.test(error.message);
  return AWAY_STATES.includes(code) || AWAY_ERRORS.includes(code);
}

/** To who asked: later, not never. */
export function awayNow(error: unknown): HubError {
  const said = error instanceof Error ? error.message : String(error);
  return new HubError("StoreRefuses", `PostgreSQL does not answer: ${said}`, {
    hint: "It goes on by itself once PostgreSQL answers this hub again.",
    cause: error,
  });
}

/** A failure at the start, in words that name the database and never its password. */
export function unreachable(url: string, error: unknown): HubError {
  if (error instanceof HubError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // A name with two addresses that both refuse has a code and no words.
  const said = error instanceof Error ? error.message || code || error.name : String(error);
  const hint = MENDS[code];
  return new HubError("StoreUnreachable", `cannot use ${nameOf(url)}: ${said}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

const NOT_LET_IN =
  "Correct user or password in HOLDFAST_STORE, or in the file that HOLDFAST_STORE_FILE names.";
const NOT_THERE = "Start it, or correct host and port in HOLDFAST_STORE.";
/** What a person mends, by PostgreSQL's code or the system's. */
const MENDS: Readonly<Partial<Record<string, string>>> = {
  ECONNREFUSED: NOT_THERE,
  ENOTFOUND: NOT_THERE,
  "42501": "Grant it, or make the user the owner of the database.",
  "53300": "Raise max_connections: a hub keeps five connections.",
  "28P01": NOT_LET_IN,
  "28000": NOT_LET_IN,
  "3D000": "Create it (`createdb NAME`), or name another at the end of HOLDFAST_STORE.",
};

function nameOf(url: string): string {
  if (!URL.canParse(url)) return "the PostgreSQL of the store setting";
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}
