/**
 * What a hub would meet in its PostgreSQL: everything that it asks for at its start, read and left
 * as it is, so that a person may ask before a hub does, or while others run.
 */
import type { Client } from "pg";
import { systemClock } from "../../base/clock.ts";
import { HubError } from "../../base/hub-error.ts";
import { checkCluster } from "./cluster-row.ts";
import { inspect, openClient, unreachable } from "./connect.ts";
import { readSteps, STEPS } from "./schema.ts";

export interface Survey {
  /** As PostgreSQL writes it, `15.18`. */
  readonly version: string;
  /** What is odd about it and no reason to refuse it. */
  readonly odd: readonly string[];
  /** Copies that each fact waits for, as PostgreSQL's setting names them; empty for none. */
  readonly waitsFor: string;
  /** Copies that follow now, waited for or not. */
  readonly followers: number;
  /** Steps of the tables that a hub's start would add. */
  readonly stepsToCome: number;
  /** Median ms of a statement that reads nothing. */
  readonly roundTripMs: number;
  /** Lives that neither ended nor were declared dead. */
  readonly hubs: readonly SurveyedHub[];
}

export interface SurveyedHub {
  readonly inc: string;
  readonly name: string;
  readonly advertise: string;
  readonly beat: number;
}

const ROUND_TRIPS = 5;
/** Waited for by each commit; less than these only the primary's own disk is. */
const WAITING_COMMITS = ["remote_write", "on", "remote_apply"];

/** What a hub does with each table, in PostgreSQL's words for rights. */
const RIGHTS: Readonly<Record<string, readonly string[]>> = {
  schema_step: ["SELECT", "INSERT"],
  cluster: ["SELECT", "INSERT"],
  hub: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  session: ["SELECT", "INSERT", "UPDATE"],
  fact: ["SELECT", "INSERT"],
  booked: ["SELECT", "INSERT", "UPDATE"],
  job: ["SELECT", "INSERT", "UPDATE"],
  rights: ["SELECT", "UPDATE"],
  token: ["SELECT", "INSERT", "UPDATE", "DELETE"],
  link_revocation: ["SELECT", "INSERT", "UPDATE", "DELETE"],
};

/** @throws HubError StoreUnreachable, StoreCorrupt, ConfigInvalid: what a hub would not start on */
export async function surveyPostgres(url: string, secret: string): Promise<Survey> {
  return withClient(url, async (client) => {
    const odd = await inspect(client);
    await demandRights(client);
    const steps = await readSteps(client);
    if (steps > 0) await checkCluster(client, secret);
    const { version, ...copies } = await copiesOf(client);
    const hubs = steps > 0 ? await hubsIn(client) : [];
    const stepsToCome = STEPS.length - steps;
    return { version, odd, ...copies, stepsToCome, roundTripMs: await roundTrip(client), hubs };
  });
}

/** @throws HubError StoreUnreachable */
export function surveyHubs(url: string): Promise<readonly SurveyedHub[]> {
  return withClient(url, hubsIn);
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  let client: Client | null = null;
  try {
    // A line that breaks is told by the statement that was on it.
    client = await openClient(url, () => undefined);
    return await work(client);
  } catch (error) {
    throw unreachable(url, error);
  } finally {
    await client?.end();
  }
}

async function demandRights(client: Client): Promise<void> {
  const pairs = Object.entries(RIGHTS).flatMap(([table, rights]) => {
    return rights.map((right) => [table, right] as const);
  });
  const { rows } = await client.query<{ who: string; home: string | null; denied: string[] }>(
    `SELECT current_user AS who, current_schema() AS home, ARRAY(
       SELECT denied FROM (
         SELECT 'CREATE on schema ' || current_schema() AS denied
         WHERE NOT has_schema_privilege(current_schema(), 'CREATE')
         UNION ALL
         SELECT asked.right || ' on ' || asked.name
         FROM unnest($1::text[], $2::text[]) AS asked (name, "right")
         WHERE NOT has_table_privilege(to_regclass(asked.name)::oid, asked.right)
         UNION ALL
         SELECT 'USAGE on ' || name FROM unnest($3::text[]) AS name
         WHERE NOT has_sequence_privilege(to_regclass(name)::oid, 'USAGE')
       ) AS all_denied
     ) AS denied`,
    [
      pairs.map(([table]) => table),
      pairs.map(([, right]) => right),
      ["fact_seq_seq", "session_born_seq"],
    ],
  );
  const [{ who, home, denied } = { who: "?", home: null, denied: [] }] = rows;
  if (home === null) {
    throw new HubError("StoreUnreachable", `the search_path of ${who} names no schema`, {
      hint: "Create the schema that it names, or name one in `options` of HOLDFAST_STORE.",
    });
  }
  if (denied.length === 0) return;
  throw new HubError("StoreUnreachable", `the user ${who} lacks ${denied.join(", ")}`, {
    hint: "Grant them, or make this user the owner of the database.",
  });
}

async function copiesOf(
  client: Client,
): Promise<Pick<Survey, "version" | "waitsFor" | "followers">> {
  const { rows } = await client.query<{
    version: string;
    names: string;
    commits: string;
    followers: number;
  }>(
    `SELECT current_setting('server_version') AS version,
       current_setting('synchronous_standby_names') AS names,
       current_setting('synchronous_commit') AS commits,
       (SELECT count(*)::int FROM pg_stat_replication) AS followers`,
  );
  const [seen] = rows;
  if (seen === undefined) throw new HubError("StoreUnreachable", "PostgreSQL says nothing");
  const waitsFor = WAITING_COMMITS.includes(seen.commits) ? seen.names : "";
  const version = seen.version.split(" ")[0] ?? seen.version;
  return { version, waitsFor, followers: seen.followers };
}

async function roundTrip(client: Client): Promise<number> {
  const tookMs: number[] = [];
  for (let at = 0; at < ROUND_TRIPS; at += 1) {
    const sentAt = systemClock.mono();
    await client.query("SELECT 1");
    tookMs.push(systemClock.mono() - sentAt);
  }
  return tookMs.sort((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] ?? 0;
}

async function hubsIn(client: Client): Promise<readonly SurveyedHub[]> {
  const { rows } = await client.query<Omit<SurveyedHub, "beat"> & { readonly beat: string }>(
    "SELECT inc, name, advertise, beat FROM hub WHERE state IN ('live', 'draining') ORDER BY name",
  );
  return rows.map((row) => ({ ...row, beat: Number(row.beat) }));
}
