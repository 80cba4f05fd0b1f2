/**
 * Fills an empty database with what another store held, in one transaction: whoever breaks it off
 * leaves the database empty. Sessions come as nobody's, so that the first hub that joins takes
 * them; facts keep their numbers, so that whoever follows them goes on where it was.
 */
import type { ClientBase } from "pg";
import { HubError } from "../../base/hub-error.ts";
import { upgradeRecord, type SessionRecord } from "../facts.ts";
import type { Store } from "../store.ts";
import type { StoredFact, StoredSession } from "../stored-rows.ts";
import { enterCluster, type ClusterKey } from "./cluster-row.ts";
import { inspect, openPool, unreachable } from "./connect.ts";
import { COST_KEYS } from "../cost.ts";
import { digestOf } from "./keep-rows.ts";
import { writeRights, type LinkRow, type TokenRow } from "./right-rows.ts";
import { migrate } from "./schema.ts";

/** One statement each: far below the time that a statement may take. */
const PAGE_ROWS = 500;

export interface Filling {
  readonly sessions: (size: number) => Iterable<readonly StoredSession[]>;
  readonly facts: (size: number) => Iterable<readonly StoredFact[]>;
  readonly counts: { readonly sessions: number; readonly facts: number };
  readonly booked: ReturnType<Store["booked"]>;
  readonly tokens: readonly TokenRow[];
  readonly links: readonly LinkRow[];
  /** Facts that are in the database, not kept yet. */
  readonly onFacts: (count: number) => void;
}

/**
 * Tables are made where there are none.
 * @throws HubError StoreUnreachable, StateConflict, ConfigInvalid; nothing of it is there then
 */
export async function fillDatabase(url: string, key: ClusterKey, filling: Filling): Promise<void> {
  // One that is lost in the middle fails the statement that is on it.
  const pool = openPool(url, () => undefined);
  try {
    const client = await pool.connect();
    try {
      await inspect(client);
      await migrate(client);
      await fill(client, key, filling);
    } finally {
      client.release(true);
    }
  } catch (error) {
    throw unreachable(url, error);
  } finally {
    await pool.end();
  }
}

async function fill(client: ClientBase, key: ClusterKey, filling: Filling): Promise<void> {
  await client.query("BEGIN");
  try {
    // A hub that starts meanwhile waits, and finds it filled.
    await client.query("LOCK TABLE cluster, session, fact, rights IN ACCESS EXCLUSIVE MODE");
    await demandEmpty(client, key);
    const versions = await putFacts(client, filling);
    await putSessions(client, filling, versions);
    for (const [kind, { ms = 0, count = 0 } = {}] of Object.entries(filling.booked)) {
      const row = [kind, Math.round(ms), count];
      await client.query("INSERT INTO booked (kind, ms, count) VALUES ($1, $2, $3)", row);
    }
    await putRights(client, filling);
    await client.query("SELECT setval('fact_seq_seq', (SELECT max(seq) FROM fact))");
    await demandWhole(client, filling);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

async function demandEmpty(client: ClientBase, key: ClusterKey): Promise<void> {
  const { sessions, facts } = await countsOf(client);
  if (sessions > 0 || facts > 0) {
    const has = `${sessions} sessions and ${facts} facts`;
    throw new HubError("StateConflict", `the database is not empty: it has ${has}`, {
      hint: "Nothing was changed. Name another database: what two stores hold is never mixed.",
    });
  }
  const id = await enterCluster(client, key);
  if (id === key.idIfFirst) return;
  throw new HubError("StateConflict", `the database belongs to the cluster ${id} already`, {
    hint: "Nothing was changed. Import into a database that no hub has used yet.",
  });
}

/** @returns how many facts each session has: the next one of it goes on from there */
async function putFacts(
  client: ClientBase,
  { facts, onFacts }: Filling,
): Promise<ReadonlyMap<string, number>> {
  const versions = new Map<string, number>();
  let put = 0;
  for (const page of facts(PAGE_ROWS)) {
    const numbers = page.map(({ session }) => {
      const version = (versions.get(session) ?? 0) + 1;
      versions.set(session, version);
      return version;
    });
    await client.query(
      `INSERT INTO fact (seq, session, version, at, kind, state, detail, body)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[],
         $6::text[], $7::text[], $8::text[])`,
      [
        page.map(({ seq }) => seq),
        page.map(({ session }) => session),
        numbers,
        page.map(({ at }) => Math.round(at)),
        page.map(({ kind }) => kind),
        page.map(({ state }) => state),
        page.map(({ detail }) => detail),
        page.map(({ name, text, data }) => {
          return JSON.stringify({ name, text, data: JSON.parse(data) as unknown });
        }),
      ],
    );
    put += page.length;
    onFacts(put);
  }
  return versions;
}

async function putSessions(
  client: ClientBase,
  { sessions }: Filling,
  versions: ReadonlyMap<string, number>,
): Promise<void> {
  for (const page of sessions(PAGE_ROWS)) {
    const records = page.map(({ record }) => {
      return upgradeRecord(JSON.parse(record) as Partial<SessionRecord>);
    });
    await client.query(
      `INSERT INTO session (id, name, gone, owner, fence, version, stamp, cost, record, request)
       SELECT id, name, gone, NULL, 1, version, 'import', cost::bigint[], record, request
       FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::text[],
         $7::text[])
         WITH ORDINALITY AS i (id, name, gone, version, cost, record, request, place)
       ORDER BY place`,
      [
        page.map(({ id }) => id),
        page.map(({ name }) => name),
        page.map(({ gone }) => gone),
        page.map(({ id }) => versions.get(id) ?? 0),
        records.map(({ cost }) => costText(cost)),
        page.map(({ record }) => record),
        records.map(({ requestKey }) => digestOf(requestKey)),
      ],
    );
  }
}

function costText(cost: SessionRecord["cost"]): string {
  return `{${COST_KEYS.map((key) => Math.round(cost[key])).join(",")}}`;
}

async function putRights(client: ClientBase, { tokens: put, links }: Filling): Promise<void> {
  const { rows } = await client.query<{ stamp: string }>("SELECT stamp FROM rights");
  const change = { stamp: "import", put, revoked: [], links };
  if (await writeRights(client, rows[0]?.stamp ?? "", change)) return;
  throw new HubError("StoreCorrupt", "the table rights has no row");
}

async function demandWhole(client: ClientBase, { counts }: Filling): Promise<void> {
  const there = await countsOf(client);
  if (there.sessions === counts.sessions && there.facts === counts.facts) return;
  const told = `${there.sessions} of ${counts.sessions} sessions, ${there.facts} of ${counts.facts}`;
  throw new HubError("StoreCorrupt", `not all came over: ${told} facts`);
}

async function countsOf(client: ClientBase): Promise<Filling["counts"]> {
  const { rows } = await client.query<{ sessions: string; facts: string }>(
    `SELECT (SELECT count(*) FROM session) AS sessions, (SELECT count(*) FROM fact) AS facts`,
  );
  const [row] = rows;
  return { sessions: Number(row?.sessions), facts: Number(row?.facts) };
}
