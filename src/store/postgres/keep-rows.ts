/**
 * The one statement that keeps facts, and why it kept nothing of a session. Each write names the
 * owner and what it saw last, so that a hub that was superseded changes nothing, whenever its write
 * arrives. Of new sessions the indexes judge: of one name and of one request key one lives, and
 * one in each of a tenant's seats.
 */
import { hash } from "node:crypto";
import type { Pool } from "pg";
import { HubError } from "../../base/hub-error.ts";
import { tenantOf } from "../../base/tenant.ts";
import { COST_KEYS } from "../cost.ts";
import type { Verdict, Write } from "../journal.ts";
import { tenantIsFull } from "../refusal.ts";

/** What a hub knows of a session that it owns, beside its record. */
export interface Hold {
  readonly fence: number;
  readonly version: number;
}

/** Who writes, and under which batch. */
export interface Writer {
  readonly inc: string;
  readonly stamp: string;
  readonly holds: ReadonlyMap<string, Hold>;
  /** How many sessions a tenant may have at all hubs; null for as many as it likes. */
  readonly seats: number | null;
}

const ROWS = "id, name, gone, owner, fence, version, stamp, cost, record, request";
const MADE = "id, name, gone, $1, fence, next, $2, cost::bigint[], record, request";

const PLAIN = `
    INSERT INTO session (${ROWS})
    SELECT ${MADE} FROM input WHERE fresh`;

/** Among so many more than are taken each hub finds some of its own. */
const SPARE = 30;

/**
 * Each of a tenant's takes a seat that is free. Those without one, of before, have no number and
 * leave so many fewer. Hubs look for theirs in an order of their own each, so that they seldom want
 * the same, and take several in one order, so that none waits for who waits for it.
 */
const SEATED = `
    INSERT INTO session (${ROWS}, seat)
    SELECT ${MADE}, seat
    FROM (
      SELECT *, row_number() OVER (PARTITION BY tenant ORDER BY id) AS nth
      FROM (SELECT *, split_part(name, '/', 1) AS tenant FROM input WHERE fresh) AS asked
    ) AS asked
    LEFT JOIN (
      SELECT tenant, seat, row_number() OVER (PARTITION BY tenant ORDER BY turn) AS nth
      FROM (
        SELECT DISTINCT split_part(name, '/', 1) AS tenant FROM input
        WHERE fresh AND strpos(name, '/') > 0
      ) AS tenants
      CROSS JOIN LATERAL (
        SELECT count(*) AS living, count(*) - count(s.seat) AS unseated,
          array_agg(s.seat) FILTER (WHERE s.seat IS NOT NULL) AS taken
        FROM session AS s
        WHERE NOT s.gone AND strpos(s.name, '/') > 0 AND split_part(s.name, '/', 1) = tenant
      ) AS there
      CROSS JOIN LATERAL (
        SELECT seat, md5($1 || seat) AS turn
        FROM (
          SELECT generate_series(1, least($20 - unseated, living + cardinality($3) + ${SPARE}))::int
          EXCEPT SELECT unnest(taken)
        ) AS untaken (seat)
        ORDER BY turn LIMIT greatest(0, $20 - living)
      ) AS free
    ) AS room USING (tenant, nth)
    WHERE strpos(name, '/') = 0 OR seat IS NOT NULL
    ORDER BY tenant, seat`;

const keepText = (make: string): string => `
  WITH input AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::bigint[],
      $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[])
      AS i (id, name, fresh, gone, fence, version, next, cost, record, request)
  ), made AS (${make}
    ON CONFLICT DO NOTHING
    RETURNING id
  ), moved AS (
    UPDATE session AS s
    SET gone = i.gone, version = i.next, stamp = $2, cost = i.cost::bigint[], record = i.record
    FROM input AS i
    WHERE NOT i.fresh AND s.id = i.id
      AND s.owner = $1 AND s.fence = i.fence AND s.version = i.version
    RETURNING s.id
  )
  INSERT INTO fact (session, version, at, kind, state, detail, body)
  SELECT session, version, at, kind, state, detail, body
  FROM unnest($13::text[], $14::bigint[], $15::bigint[], $16::text[], $17::text[], $18::text[],
    $19::text[]) WITH ORDINALITY AS f (session, version, at, kind, state, detail, body, place)
  WHERE session IN (SELECT id FROM made UNION ALL SELECT id FROM moved)
  ORDER BY place
  RETURNING seq, session`;

const KEEP = { name: "keep", text: keepText(PLAIN) };
const KEEP_SEATED = { name: "keep-seated", text: keepText(SEATED) };

/** A key as its index has it: an entry of an index may not be as long as a key. */
export function digestOf(requestKey: string | null): string | null {
  return requestKey === null ? null : hash("sha256", requestKey);
}

/** In one transaction; each session is judged for itself. */
export async function keepBatch(
  pool: Pool,
  writer: Writer,
  batch: readonly Write[],
): Promise<ReadonlyMap<string, Verdict>> {
  const { inc, stamp, holds, seats } = writer;
  const columns = [...sessionColumns(batch, holds), ...factColumns(batch, holds)];
  const isSeated = seats !== null && batch.some((write) => write.fresh && tenantIn(write) !== null);
  // As it is: the journal has words of its own for an engine that is away.
  const { rows } = await pool.query<{ seq: string; session: string }>({
    ...(isSeated ? KEEP_SEATED : KEEP),
    values: [inc, stamp, ...columns, ...(isSeated ? [seats] : [])],
  });
  const seqs = new Map<string, number[]>();
  for (const { seq, session } of rows) {
    const known = seqs.get(session);
    if (known === undefined) seqs.set(session, [Number(seq)]);
    else known.push(Number(seq));
  }
  const verdicts = new Map<string, Verdict>();
  for (const write of batch) {
    const kept = seqs.get(write.session);
    verdicts.set(
      write.session,
      kept === undefined ? await explain(pool, writer, write) : { kept: true, seqs: kept },
    );
  }
  return verdicts;
}

/** Nothing of it was written now: it was before, or it is not this hub's to write. */
async function explain(pool: Pool, writer: Writer, write: Write): Promise<Verdict> {
  const { rows } = await pool.query<{ seq: string }>(
    `SELECT seq FROM (
       SELECT f.seq FROM session AS s JOIN fact AS f ON f.session = s.id
       WHERE s.id = $1 AND s.stamp = $2 AND s.owner = $3
       ORDER BY f.seq DESC LIMIT $4
     ) AS newest ORDER BY seq`,
    [write.session, writer.stamp, writer.inc, write.facts.length],
  );
  if (rows.length > 0) return { kept: true, seqs: rows.map(({ seq }) => Number(seq)) };
  const error = await whyNot(pool, writer, write);
  if (error !== null) return { kept: false, error };
  // Another hub took the seat meanwhile, or what was in the way is gone.
  const again = await keepBatch(pool, writer, [write]);
  return again.get(write.session) ?? { kept: false, error: moved(write.session) };
}

/** Null where nothing is in its way now. */
async function whyNot(
  pool: Pool,
  { seats }: Writer,
  { session, fresh, facts }: Write,
): Promise<HubError | null> {
  const { name = session, requestKey = null } = facts[0]?.record ?? {};
  if (!fresh) return moved(name);
  const tenant = tenantOf(name);
  const { rows } = await pool.query<
    Record<"id" | "request" | "name", boolean> & { living: number }
  >(
    `SELECT EXISTS (SELECT FROM session WHERE id = $4) AS id,
       EXISTS (SELECT FROM session WHERE request = $1 AND NOT gone) AS request,
       EXISTS (SELECT FROM session WHERE name = $2 AND NOT gone) AS name,
       (SELECT count(*)::int FROM session WHERE NOT gone AND strpos(name, '/') > 0
          AND split_part(name, '/', 1) = $3) AS living`,
    [digestOf(requestKey), name, tenant, session],
  );
  const [seen] = rows;
  // It was made, and is another hub's since.
  if (seen?.id === true) return moved(name);
  // The same request came to another hub, and was faster there: it has a session.
  if (seen?.request === true) {
    return new HubError("SessionMoved", "another hub made the session of this Idempotency-Key");
  }
  if (seen?.name === true) {
    return new HubError("SessionNameTaken", `there is a session ${JSON.stringify(name)} already`);
  }
  const isFull = tenant !== null && seats !== null && (seen?.living ?? 0) >= seats;
  return isFull ? tenantIsFull(tenant, seen?.living ?? 0) : null;
}

function moved(name: string): HubError {
  return new HubError("SessionMoved", `session ${name} is another hub's now`);
}

function tenantIn({ facts }: Write): string | null {
  return tenantOf(facts[0]?.record.name ?? "");
}

const FRESH: Hold = { fence: 1, version: 0 };

function sessionColumns(batch: readonly Write[], holds: ReadonlyMap<string, Hold>): unknown[] {
  const rows = batch.flatMap(({ session, fresh, facts }) => {
    const record = facts.at(-1)?.record;
    const hold = holds.get(session) ?? FRESH;
    return record === undefined ? [] : [{ fresh, record, hold, next: hold.version + facts.length }];
  });
  return [
    rows.map(({ record }) => record.id),
    rows.map(({ record }) => record.name),
    rows.map(({ fresh }) => fresh),
    rows.map(({ record }) => record.detail === "ended.gone"),
    rows.map(({ hold }) => hold.fence),
    rows.map(({ hold }) => hold.version),
    rows.map(({ next }) => next),
    rows.map(({ record }) => `{${COST_KEYS.map((key) => Math.round(record.cost[key])).join(",")}}`),
    rows.map(({ record }) => JSON.stringify(record)),
    rows.map(({ record }) => digestOf(record.requestKey)),
  ];
}

function factColumns(batch: readonly Write[], holds: ReadonlyMap<string, Hold>): unknown[] {
  const rows = batch.flatMap(({ session, facts }) => {
    const { version } = holds.get(session) ?? FRESH;
    return facts.map(({ fact, record }, at) => ({ fact, record, version: version + at + 1 }));
  });
  return [
    rows.map(({ record }) => record.id),
    rows.map(({ version }) => version),
    rows.map(({ fact }) => Math.round(fact.at)),
    rows.map(({ fact }) => fact.kind),
    rows.map(({ record }) => record.state),
    rows.map(({ record }) => record.detail),
    rows.map(({ fact, record }) => {
      return JSON.stringify({ name: record.name, text: fact.text, data: fact.data });
    }),
  ];
}
