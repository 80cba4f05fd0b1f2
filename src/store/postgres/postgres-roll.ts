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
  readonly linked: boolean;
  readonly started: number;
}

/** PostgreSQL's big integers come as text. */
type RowAsSent = Omit<Asked, "beat" | "started"> & {
  readonly beat: string;
  readonly started: string;
};

/** A beat brings the stamp of what hubs share beside sessions, too: right-rows.ts. */
type Asked = Row & { readonly rights?: string | null };

type Self = Omit<Row, "state" | "beat" | "linked">;

/** Before a life's name, as the title of its connection. */
const TITLE = "holdfast ";

/** Dead and gone lives stay for a look back, and are nobody's owner by then. */
const FORGET_AFTER = 50;

export interface RollOptions {
  /** Whose connection it is: the server lists it so, and others see by that whether it stands. */
  readonly life?: string;
  /** Told the stamp of rights with each beat. */
  readonly onRights?: (stamp: string) => void;
  /** The connection ended, by whomsoever; the next call makes another. */
  readonly onLost?: () => void;
}

export class PostgresRoll {
  readonly #url: string;
  readonly #options: RollOptions;
  #client: Promise<Client> | null = null;

  constructor(url: string, options: RollOptions = {}) {
    this.#url = url;
    this.#options = options;
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
       ), lines AS (
         SELECT application_name AS title FROM pg_stat_activity
       )
       SELECT *, true AS linked, (SELECT stamp FROM rights) AS rights FROM me
       UNION ALL
       SELECT inc, name, advertise, version, state, beat, started,
         EXISTS (SELECT FROM lines WHERE title = $2 || inc), NULL
       FROM hub
       WHERE inc <> $1 AND state <> 'gone' AND EXISTS (SELECT FROM me)`,
      [inc, TITLE],
    );
    if (rows.length === 0) return null;
    return rows.map(({ rights, ...row }) => {
      if (typeof rights === "string") this.#options.onRights?.(rights);
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
    const opened = (this.#client ??= this.#open());
    try {
      const { rows } = await (await opened).query<RowAsSent>(text, [...values]);
      return rows.map((row) => {
        return { ...row, beat: Number(row.beat), started: Number(row.started) };
      });
    } catch (error) {
      // Half an answer may be on it: nothing is asked on it any more.
      this.#lost(opened);
      await discard(opened);
      throw error;
    }
  }

  #open(): Promise<Client> {
    const { life } = this.#options;
    const title = life === undefined ? {} : { title: TITLE + life };
    const opened = openClient(this.#url, () => this.#lost(opened), title);
    return opened;
  }

  /** Told more than once of some ends. */
  #lost(ended: Promise<Client>): void {
    if (this.#client !== ended) return;
    this.#client = null;
    this.#options.onLost?.();
  }
}

/** One that never came to be needs no end, and why it did not was told to who asked for it. */
async function discard(opened: Promise<Client>): Promise<void> {
  const [made] = await Promise.allSettled([opened]);
  if (made.status === "fulfilled") await Promise.allSettled([made.value.end()]);
}
