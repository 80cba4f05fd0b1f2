/**
 * The list of hubs in PostgreSQL, on a connection that nothing else uses: a beat must not stand in
 * a queue behind the queries of a storm. A connection that failed is given up, and the next call
 * makes another.
 */
import type { Client } from "pg";
import { openClient } from "./connect.ts";

interface Row {
  readonly inc: string;
  readonly name: string;
  readonly advertise: string;
  readonly version: string;
  readonly state: "live" | "draining" | "dead" | "gone";
  readonly beat: number;
  readonly started: number;
}

/** PostgreSQL's big integers come as text. */
type RowAsSent = Omit<Asked, "beat" | "started"> & {
  readonly beat: string;
  readonly started: string;
};

/** A beat brings the stamp of what hubs share beside sessions, too: right-rows.ts. */
type Asked = Row & { readonly rights?: string | null };

type Self = Omit<Row, "state" | "beat">;

/** Dead and gone lives stay for a look back, and are nobody's owner by then. */
const FORGET_AFTER = 50;

export class PostgresRoll {
  readonly #url: string;
  readonly #hear: (rights: string) => void;
  #client: Promise<Client> | null = null;

  /** `hear` is told the stamp of rights with each beat. */
  constructor(url: string, hear: (rights: string) => void = () => undefined) {
    this.#url = url;
    this.#hear = hear;
  }

  async register({ inc, name, advertise, version, started }: Self): Promise<void> {
    await this.#query(
      `UPDATE hub SET state = 'dead'
       WHERE name = $1 AND inc <> $2 AND state IN ('live', 'draining')`,
      [name, inc],
    );
    await this.#query(
      `INSERT INTO hub (inc, name, advertise, version, state, started)
       VALUES ($1, $2, $3, $4, 'live', $5) ON CONFLICT (inc) DO NOTHING`,
      [inc, name, advertise, version, started],
    );
    await this.#query(
      `DELETE FROM hub WHERE inc IN (
         SELECT inc FROM hub WHERE state IN ('dead', 'gone')
           AND NOT EXISTS (SELECT FROM session WHERE owner = hub.inc AND NOT gone)
         ORDER BY started DESC OFFSET ${FORGET_AFTER})`,
      [],
    );
  }

  async beat(inc: string): Promise<readonly Row[] | null> {
    const rows = await this.#query(
      `WITH me AS (
         UPDATE hub SET beat = beat + 1 WHERE inc = $1 AND state IN ('live', 'draining')
         RETURNING inc, name, advertise, version, state, beat, started
       )
       SELECT *, (SELECT stamp FROM rights) AS rights FROM me
       UNION ALL
       SELECT inc, name, advertise, version, state, beat, started, NULL FROM hub
       WHERE inc <> $1 AND state <> 'gone' AND EXISTS (SELECT FROM me)`,
      [inc],
    );
    if (rows.length === 0) return null;
    return rows.map(({ rights, ...row }) => {
      if (typeof rights === "string") this.#hear(rights);
      return row;
    });
  }

  async declareDead(inc: string, seenBeat: number): Promise<boolean> {
    const rows = await this.#query(
      `UPDATE hub SET state = 'dead'
       WHERE inc = $1 AND beat = $2 AND state IN ('live', 'draining')
       RETURNING inc, name, advertise, version, state, beat, started`,
      [inc, seenBeat],
    );
    return rows.length > 0;
  }

  async enter(inc: string, state: "live" | "draining" | "gone"): Promise<void> {
    await this.#query(
      "UPDATE hub SET state = $2 WHERE inc = $1 AND state IN ('live', 'draining')",
      [inc, state],
    );
  }

  async close(): Promise<void> {
    const opened = this.#client;
    this.#client = null;
    if (opened !== null) await discard(opened);
  }

  async #query(text: string, values: readonly unknown[]): Promise<readonly Asked[]> {
    const opened = (this.#client ??= openClient(this.#url, () => (this.#client = null)));
    try {
      const { rows } = await (await opened).query<RowAsSent>(text, [...values]);
      return rows.map((row) => {
        return { ...row, beat: Number(row.beat), started: Number(row.started) };
      });
    } catch (error) {
      // Half an answer may be on it: nothing is asked on it any more.
      if (this.#client === opened) this.#client = null;
      await discard(opened);
      throw error;
    }
  }
}

/** One that never came to be needs no end, and why it did not was told to who asked for it. */
async function discard(opened: Promise<Client>): Promise<void> {
  const [made] = await Promise.allSettled([opened]);
  if (made.status === "fulfilled") await Promise.allSettled([made.value.end()]);
}
