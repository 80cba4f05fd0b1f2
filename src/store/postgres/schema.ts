/**
 * The tables in PostgreSQL, as steps that are applied forwards, once and in order. A database that
 * a newer Holdfast migrated, or whose steps are not ours, is refused and left as it is. Hubs of two
 * versions meet in a rolling upgrade: a step only adds, and what an older hub needs goes one
 * release later.
 */
import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { HubError } from "../../base/hub-error.ts";

interface Step {
  readonly id: number;
  readonly sql: string;
}

/**
 * `record` and `body` are JSON as text, because jsonb refuses a NUL that a platform may well say.
 * `fence` counts owners, `version` counts facts: a write names both, or it is not one.
 */
export const STEPS: readonly Step[] = [
  {
    id: 1,
    sql: `
      CREATE TABLE cluster (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        id text NOT NULL,
        secret_check text NOT NULL
      );
      CREATE TABLE hub (
        inc text PRIMARY KEY,
        name text NOT NULL,
        advertise text NOT NULL,
        version text NOT NULL,
        state text NOT NULL CHECK (state IN ('live', 'draining', 'dead', 'gone')),
        beat bigint NOT NULL DEFAULT 0,
        started bigint NOT NULL
      ) WITH (fillfactor = 50);
      CREATE TABLE session (
        id text PRIMARY KEY,
        name text NOT NULL,
        gone boolean NOT NULL DEFAULT false,
        owner text,
        fence bigint NOT NULL,
        version bigint NOT NULL,
        stamp text NOT NULL,
        cost bigint[] NOT NULL,
        born bigserial NOT NULL,
        record text NOT NULL
      ) WITH (fillfactor = 70);
      CREATE UNIQUE INDEX session_name ON session (name) WHERE NOT gone;
      CREATE INDEX session_owner ON session (owner) WHERE NOT gone;
      CREATE TABLE fact (
        seq bigserial PRIMARY KEY,
        session text NOT NULL,
        version bigint NOT NULL,
        at bigint NOT NULL,
        kind text NOT NULL,
        state text NOT NULL,
        detail text NOT NULL,
        body text NOT NULL,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        UNIQUE (session, version)
      );
      CREATE TABLE booked (
        kind text PRIMARY KEY,
        ms bigint NOT NULL,
        count bigint NOT NULL
      );
    `,
  },
  {
    id: 2,
    sql: `
      CREATE TABLE job (
        name text PRIMARY KEY,
        owner text,
        epoch bigint NOT NULL
      );
    `,
  },
  {
    id: 3,
    sql: `
      CREATE TABLE rights (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        stamp text NOT NULL
      ) WITH (fillfactor = 50);
      INSERT INTO rights (stamp) VALUES ('none');
      CREATE TABLE token (
        id text PRIMARY KEY,
        ends bigint NOT NULL,
        used bigint,
        revoked boolean NOT NULL DEFAULT false,
        body text NOT NULL
      ) WITH (fillfactor = 70);
      CREATE TABLE link_revocation (
        session text NOT NULL,
        port int NOT NULL,
        count int NOT NULL,
        PRIMARY KEY (session, port)
      );
    `,
  },
  {
    // The digest of a request key. Those of records that are there stand before the activity; what
    // looks like one in an environment stands before that, and text has its quotes escaped.
    id: 4,
    sql: `
      ALTER TABLE session ADD COLUMN request text;
      WITH told AS MATERIALIZED (
        SELECT id, born, reverse(split_part(
          reverse(split_part(record, ',"activity":{"wanted"', 1)), ':"yeKtseuqer"', 1)) AS key
        FROM session WHERE NOT gone AND strpos(record, '"requestKey":"') > 0
      ), first AS (
        SELECT DISTINCT ON (key) id, key FROM told
        WHERE key ~ '^"([^"\\\\]|\\\\.)*"$' ORDER BY key, born
      )
      UPDATE session AS s SET request =
        encode(sha256(convert_to(('[' || first.key || ']')::json ->> 0, 'UTF8')), 'hex')
      FROM first WHERE s.id = first.id;
      CREATE UNIQUE INDEX session_request ON session (request) WHERE NOT gone;
    `,
  },
  {
    id: 5,
    sql: `
      ALTER TABLE session ADD COLUMN seat int;
      CREATE UNIQUE INDEX session_seat ON session (split_part(name, '/', 1), seat)
        WHERE NOT gone AND strpos(name, '/') > 0;
    `,
  },
];

/** Hubs of an older version wait for their writes meanwhile, and go on. */
const STEP_MS_MAX = 120_000;

/** Any number that no other program takes for its own lock in the same database. */
const LOCK = 0x686f6c64;

/** @throws HubError StoreCorrupt naming what does not fit; nothing was changed then */
export async function migrate(client: ClientBase, steps: readonly Step[] = STEPS): Promise<void> {
  await client.query("BEGIN");
  try {
    // Two hubs that start in one moment: the second finds the work done.
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query(
      "CREATE TABLE IF NOT EXISTS schema_step (id int PRIMARY KEY, checksum text NOT NULL)",
    );
    // What there is to bring forward may be more than any other statement meets.
    await client.query(`SET LOCAL statement_timeout = ${STEP_MS_MAX}`);
    for (const step of steps.slice(await readSteps(client, steps))) {
      const asked = { text: step.sql, query_timeout: STEP_MS_MAX };
      await client.query(asked);
      await client.query("INSERT INTO schema_step (id, checksum) VALUES ($1, $2)", [
        step.id,
        checksumOf(step),
      ]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

/** @returns how many steps it has. @throws HubError StoreCorrupt naming what does not fit */
export async function readSteps(
  client: ClientBase,
  steps: readonly Step[] = STEPS,
): Promise<number> {
  const table = await client.query<{ there: boolean }>(
    "SELECT to_regclass('schema_step') IS NOT NULL AS there",
  );
  if (table.rows[0]?.there !== true) return 0;
  const { rows } = await client.query<{ id: number; checksum: string }>(
    "SELECT id, checksum FROM schema_step ORDER BY id",
  );
  for (const { id, checksum } of rows) {
    const known = steps.find((step) => step.id === id);
    if (known === undefined) throw unusable(`it was written by a newer Holdfast (step ${id})`);
    if (checksumOf(known) !== checksum) throw unusable(`its step ${id} is not this Holdfast's`);
  }
  return rows.length;
}

function checksumOf({ sql }: Step): string {
  return createHash("sha256").update(sql.replaceAll(/\s+/g, " ")).digest("hex");
}

function unusable(why: string): HubError {
  return new HubError("StoreCorrupt", `the database cannot be used: ${why}`, {
    hint: "Nothing was changed. Start the Holdfast that wrote it, or name another database.",
  });
}
