/**
 * Who may come in, for all hubs on one database: API tokens, and preview links that were taken
 * back. Both change under one stamp: a write names the stamp that it was decided on, so that of two
 * hubs that decide at once one decides again, and whoever sees another stamp reads all anew. What a
 * token is, its `body` says; a hub of today reads nothing else of it here.
 */
import type { ClientBase, Pool } from "pg";
import { HubError } from "../../base/hub-error.ts";

export interface TokenRow {
  readonly id: string;
  /** Wall ms. */
  readonly ends: number;
  readonly used: number | null;
  readonly body: string;
}

export interface LinkRow {
  readonly session: string;
  /** Null for all ports. */
  readonly port: number | null;
  readonly count: number;
}

export interface Rights {
  /** Another one with each change, also when a copy of the database is older. */
  readonly stamp: string;
  readonly tokens: readonly Pick<TokenRow, "used" | "body">[];
  readonly links: readonly LinkRow[];
}

export interface RightsChange {
  /** The one that comes with it. */
  readonly stamp: string;
  /** New ones, and such that were used since; one that was revoked stays so. */
  readonly put: readonly TokenRow[];
  readonly revoked: readonly string[];
  readonly links: readonly LinkRow[];
}

/** In place of a port, for all of them. */
const ALL_PORTS = 0;

export class RightRows {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** @throws HubError StoreUnreachable */
  async read(): Promise<Rights> {
    const { rows } = await this.#ask(
      this.#pool.query<Rights>(
        `SELECT stamp,
           (SELECT coalesce(json_agg(json_build_object('used', used, 'body', body)), '[]')
            FROM token WHERE NOT revoked) AS tokens,
           (SELECT coalesce(json_agg(json_build_object(
              'session', session, 'port', nullif(port, ${ALL_PORTS}), 'count', count)), '[]')
            FROM link_revocation) AS links
         FROM rights`,
      ),
    );
    const [rights] = rows;
    if (rights === undefined) throw new HubError("StoreCorrupt", "the table rights has no row");
    return rights;
  }

  /** False when another hub was faster; nothing is written then. @throws HubError */
  write(seen: string, change: RightsChange): Promise<boolean> {
    return this.#ask(writeRights(this.#pool, seen, change), { outcomeUnknown: true });
  }

  /** Forgets tokens that were over by then, and links of sessions that are gone for good. */
  async prune(over: number): Promise<void> {
    await this.#ask(this.#pool.query("DELETE FROM token WHERE ends <= $1", [Math.round(over)]));
    await this.#ask(
      this.#pool.query(
        `DELETE FROM link_revocation
         WHERE NOT EXISTS (SELECT FROM session WHERE id = link_revocation.session AND NOT gone)`,
      ),
    );
  }

  async #ask<T>(asked: Promise<T>, more: { readonly outcomeUnknown?: true } = {}): Promise<T> {
    try {
      return await asked;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const said = `API tokens and preview links are kept in PostgreSQL, which says: ${why}`;
      const hint = "Try again once it answers this hub. Tokens that there are go on working.";
      throw new HubError("StoreUnreachable", said, { ...more, hint, cause });
    }
  }
}

/** One statement: all of it, or nothing. */
export async function writeRights(
  to: Pool | ClientBase,
  seen: string,
  { stamp, put, revoked, links }: RightsChange,
): Promise<boolean> {
  const { rowCount } = await to.query(
    `WITH turn AS (
       UPDATE rights SET stamp = $2 WHERE stamp = $1 RETURNING stamp
     ), put AS (
       INSERT INTO token (id, ends, used, body)
       SELECT i.* FROM turn, unnest($3::text[], $4::bigint[], $5::bigint[], $6::text[]) AS i
       ON CONFLICT (id) DO UPDATE SET used = greatest(token.used, excluded.used)
     ), gone AS (
       UPDATE token SET revoked = true FROM turn WHERE id = ANY ($7::text[])
     ), links AS (
       INSERT INTO link_revocation (session, port, count)
       SELECT i.* FROM turn, unnest($8::text[], $9::int[], $10::int[]) AS i
       ON CONFLICT (session, port)
       DO UPDATE SET count = greatest(link_revocation.count, excluded.count)
     )
     SELECT FROM turn`,
    [
      ...[seen, stamp],
      put.map(({ id }) => id),
      put.map(({ ends }) => Math.round(ends)),
      put.map(({ used }) => used),
      put.map(({ body }) => body),
      revoked,
      links.map(({ session }) => session),
      links.map(({ port }) => port ?? ALL_PORTS),
      links.map(({ count }) => count),
    ],
  );
  return rowCount === 1;
}
