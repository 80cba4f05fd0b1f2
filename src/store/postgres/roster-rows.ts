/** The statement behind the roster. */
import type { QueryConfig } from "pg";
import type { RosterQuery } from "../roster.ts";

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
