/**
 * Which sessions there are in all hubs, oldest first, and who has each. One statement tells it: a
 * session that moves between hubs meanwhile is there once. What is known of them is not told here.
 */
import type { QueryConfig } from "pg";

export interface RosterQuery {
  readonly limit: number;
  /** Id of the session that the first one follows; null is from the beginning. */
  readonly after: string | null;
  /** Whose; null is everybody's. */
  readonly tenant: string | null;
  /** Only these; null is all. */
  readonly ids: readonly string[] | null;
  /** Of each group one is in the record's JSON. A sieve: who passes it may still not be meant. */
  readonly sieve: readonly (readonly string[])[];
}

export interface Enrolled {
  readonly id: string;
  /** The life of a hub; null is nobody's. */
  readonly owner: string | null;
}

const GIVEN = 4;

export function rosterQuery({ limit, after, tenant, ids, sieve }: RosterQuery): QueryConfig {
  const groups = sieve.map((_, at) => {
    const group = `unnest($${GIVEN + 1 + at}::text[]) AS t`;
    return `AND EXISTS (SELECT FROM ${group} WHERE strpos(s.record, t) > 0)`;
  });
  // Numbers by birth and not by time: hubs have clocks of their own.
  return {
    text: `SELECT s.id, s.owner FROM session AS s
      WHERE NOT s.gone
        AND ($1::text IS NULL OR s.born > (SELECT born FROM session WHERE id = $1))
        AND ($2::text IS NULL OR starts_with(s.name, $2))
        AND ($3::text[] IS NULL OR s.id = ANY($3))
        ${groups.join("\n        ")}
      ORDER BY s.born LIMIT $4`,
    values: [after, tenant === null ? null : `${tenant}/`, ids, limit, ...sieve],
  };
}
