/**
 * The statements about sessions and their facts; the one that keeps facts is keep-rows.ts. A claim
 * names the owner and what it saw last. A predicate is on the session's own row alone: one that
 * joins another table is judged anew on an old row.
 */
import type { Pool, QueryConfig, QueryResultRow } from "pg";
import {
  upgradeRecord,
  workingStates,
  type FactKind,
  type SessionEvent,
  type SessionRecord,
  type SessionState,
} from "../facts.ts";
import type { Verdict, Write } from "../journal.ts";
import type { Enrolled, RosterQuery } from "../roster.ts";
import type { EventQuery } from "../store.ts";
import { awayNow, isAway } from "./connect.ts";
import { COST_KEYS } from "../cost.ts";
import { digestOf, keepBatch, type Hold } from "./keep-rows.ts";
import { rosterQuery } from "./roster-rows.ts";

export interface Owned extends Hold {
  readonly record: SessionRecord;
}

/** Who has a session, as it is looked up by those who do not. */
export interface Whereabouts {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly fence: number;
}

const CLAIM = {
  name: "claim",
  text: `
  UPDATE session AS s SET owner = $1, fence = s.fence + 1
  FROM (
    SELECT s.id FROM session AS s
    JOIN unnest($2::text[], $3::bigint[]) AS seen (id, fence) USING (id, fence)
    WHERE NOT s.gone FOR UPDATE OF s SKIP LOCKED
  ) AS picked
  WHERE s.id = picked.id
  RETURNING s.fence, s.version, s.record`,
};

const LOOK_UP = {
  name: "look-up",
  text: `SELECT id, name, owner, fence FROM session
  WHERE (id = ANY($1) OR name = ANY($1)) AND NOT gone`,
};

const MADE_UNDER = {
  name: "made-under",
  text: "SELECT id, name, owner, fence FROM session WHERE request = $1 AND NOT gone",
};

export class SessionRows {
  readonly #pool: Pool;
  readonly #inc: string;
  readonly #seats: number | null;

  /** `seats` is how many sessions a tenant may have. */
  constructor(pool: Pool, inc: string, seats: number | null = null) {
    this.#pool = pool;
    this.#inc = inc;
    this.#seats = seats;
  }

  async #ask<Row extends QueryResultRow>(query: string | QueryConfig, values?: unknown[]) {
    try {
      return await this.#pool.query<Row>(query, values);
    } catch (error) {
      if (!isAway(error)) throw error;
      throw awayNow(error);
    }
  }

  /** `stamp` is the batch: what was kept under it is told again, not kept again. */
  keep(
    stamp: string,
    batch: readonly Write[],
    holds: ReadonlyMap<string, Hold>,
  ): Promise<ReadonlyMap<string, Verdict>> {
    return keepBatch(this.#pool, { inc: this.#inc, stamp, holds, seats: this.#seats }, batch);
  }

  async owned(): Promise<readonly Owned[]> {
    const { rows } = await this.#ask<OwnedRow>(
      "SELECT fence, version, record FROM session WHERE owner = $1 AND NOT gone ORDER BY born",
      [this.#inc],
    );
    return rows.map(ownedFromRow);
  }

  /**
   * Those that nobody took since they were looked up. One that another holds in this moment is
   * passed over: nobody waits for a row while it has others.
   */
  async claimAll(seen: readonly Pick<Whereabouts, "id" | "fence">[]): Promise<readonly Owned[]> {
    const { rows } = await this.#ask<OwnedRow>(CLAIM, [
      this.#inc,
      seen.map(({ id }) => id),
      seen.map(({ fence }) => fence),
    ]);
    return rows.map(ownedFromRow);
  }

  /** What is this hub's in the store, whether it knows or not. */
  async places(): Promise<readonly Whereabouts[]> {
    const { rows } = await this.#ask<WhereaboutsRow>(
      "SELECT id, name, owner, fence FROM session WHERE owner = $1 AND NOT gone",
      [this.#inc],
    );
    return rows.map(placeFromRow);
  }

  /**
   * Of sessions, and of jobs that only one hub does. From each owner to the next in the index:
   * asked for every few seconds, all sessions would be read to find a few hubs.
   */
  async owners(): Promise<readonly string[]> {
    const { rows } = await this.#ask<{ owner: string }>(
      `WITH RECURSIVE each (owner) AS (
         SELECT min(owner) FROM session WHERE NOT gone
         UNION ALL
         SELECT (SELECT min(s.owner) FROM session AS s WHERE NOT s.gone AND s.owner > each.owner)
         FROM each WHERE each.owner IS NOT NULL
       )
       SELECT owner FROM each WHERE owner IS NOT NULL
       UNION SELECT owner FROM job WHERE owner IS NOT NULL`,
    );
    return rows.map(({ owner }) => owner);
  }

  /** Sessions of nobody and of hubs that are dead, the oldest first. */
  async orphans(dead: readonly string[], limit: number): Promise<readonly Whereabouts[]> {
    const { rows } = await this.#ask<WhereaboutsRow>(
      `SELECT id, name, owner, fence FROM session
       WHERE NOT gone AND (owner IS NULL OR owner = ANY($1)) ORDER BY born LIMIT $2`,
      [dead, limit],
    );
    return rows.map(placeFromRow);
  }

  /** @returns those that were this hub's, and are nobody's now */
  async release(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#ask<{ id: string }>(
      `UPDATE session SET owner = NULL, fence = fence + 1 WHERE id = ANY($2) AND owner = $1
       RETURNING id`,
      [this.#inc, ids],
    );
    return rows.map(({ id }) => id);
  }

  /** Of these, those that work towards their proof, or were proven and have no hub. */
  async unproven(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ id: string }>(
      `SELECT s.id FROM session AS s JOIN fact AS f ON f.session = s.id AND f.version = s.version
       WHERE s.id = ANY($1) AND NOT s.gone
         AND (f.state = ANY($2) OR f.state = 'connected' AND s.owner IS NULL)`,
      [ids, workingStates],
    );
    return rows.map(({ id }) => id);
  }

  /** The living one that was made under this request key. */
  async madeUnder(requestKey: string): Promise<Whereabouts | null> {
    const { rows } = await this.#ask<WhereaboutsRow>(MADE_UNDER, [digestOf(requestKey)]);
    return rows[0] === undefined ? null : placeFromRow(rows[0]);
  }

  /** By ids, or by names of those that are not gone; what there is of them. */
  async whereabouts(idsOrNames: readonly string[]): Promise<readonly Whereabouts[]> {
    const { rows } = await this.#ask<WhereaboutsRow>(LOOK_UP, [idsOrNames]);
    return rows.map(placeFromRow);
  }

  async roster(query: RosterQuery): Promise<readonly Enrolled[]> {
    return (await this.#ask<Enrolled & QueryResultRow>(rosterQuery(query))).rows;
  }

  async find(id: string): Promise<SessionRecord | null> {
    const { rows } = await this.#ask<{ record: string }>(
      "SELECT record FROM session WHERE id = $1",
      [id],
    );
    return rows[0] === undefined ? null : recordOf(rows[0].record);
  }

  /** As `find`: those that there are. */
  async findAll(ids: readonly string[]): Promise<ReadonlyMap<string, SessionRecord>> {
    const { rows } = await this.#ask<{ id: string; record: string }>(
      "SELECT id, record FROM session WHERE id = ANY($1)",
      [ids],
    );
    return new Map(rows.map(({ id, record }) => [id, recordOf(record)]));
  }

  async endedCost(): Promise<readonly number[] | null> {
    const sums = COST_KEYS.map((_, at) => `coalesce(sum(cost[${at + 1}]), 0) AS c${at}`).join(", ");
    const { rows } = await this.#ask<Record<string, string>>(
      `SELECT count(*) AS n, ${sums} FROM session WHERE gone`,
    );
    const [row] = rows;
    if (row === undefined || Number(row["n"]) === 0) return null;
    return COST_KEYS.map((_, at) => Number(row[`c${at}`]));
  }

  /**
   * A number is given before its commit: one that is lower may come later. So what may still be
   * overtaken is not told, but to who asks for one session, which has one writer.
   */
  async events(query: EventQuery): Promise<readonly SessionEvent[]> {
    const { after, before = Number.MAX_SAFE_INTEGER, session, limit, newest } = query;
    const order = newest === true ? "DESC" : "ASC";
    const settled = "xid < pg_snapshot_xmin(pg_current_snapshot())";
    const { rows } = await this.#ask<FactRow>(
      `SELECT seq, session, at, kind, state, detail, body FROM fact
       WHERE seq > $1 AND seq < $3 AND ${session === undefined ? settled : "session = $4"}
       ORDER BY seq ${order} LIMIT $2`,
      session === undefined ? [after, limit, before] : [after, limit, before, session],
    );
    const events = rows.map(eventFromRow);
    return newest === true ? events.reverse() : events;
  }
}

type WhereaboutsRow = Omit<Whereabouts, "fence"> & { readonly fence: string };

interface OwnedRow {
  readonly fence: string;
  readonly version: string;
  readonly record: string;
}

interface FactRow {
  readonly seq: string;
  readonly session: string;
  readonly at: string;
  readonly kind: string;
  readonly state: string;
  readonly detail: string;
  readonly body: string;
}

function placeFromRow(row: WhereaboutsRow): Whereabouts {
  return { ...row, fence: Number(row.fence) };
}

function ownedFromRow({ fence, version, record }: OwnedRow): Owned {
  return { fence: Number(fence), version: Number(version), record: recordOf(record) };
}

function recordOf(text: string): SessionRecord {
  return upgradeRecord(JSON.parse(text) as Partial<SessionRecord>);
}

function eventFromRow({ seq, session, at, kind, state, detail, body }: FactRow): SessionEvent {
  const told = JSON.parse(body) as Pick<SessionEvent, "name" | "text" | "data">;
  return {
    seq: Number(seq),
    at: Number(at),
    session,
    name: told.name,
    kind: kind as FactKind,
    state: state as SessionState,
    detail,
    text: told.text,
    data: told.data,
  };
}
