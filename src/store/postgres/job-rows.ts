/** Who does what only one hub does: a row for each job, with its holder and how many there were. */
import type { Pool } from "pg";

export class JobRows {
  readonly #pool: Pool;
  readonly #inc: string;

  constructor(pool: Pool, inc: string) {
    this.#pool = pool;
    this.#inc = inc;
  }

  async job(name: string): Promise<{ readonly owner: string | null; readonly epoch: number }> {
    const { rows } = await this.#pool.query<{ owner: string | null; epoch: string }>(
      "SELECT owner, epoch FROM job WHERE name = $1",
      [name],
    );
    const [row] = rows;
    return row === undefined ? { owner: null, epoch: 0 } : { ...row, epoch: Number(row.epoch) };
  }

  async takeJob(name: string, seenEpoch: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `INSERT INTO job (name, owner, epoch) VALUES ($2, $1, $3 + 1)
       ON CONFLICT (name) DO UPDATE SET owner = $1, epoch = $3 + 1 WHERE job.epoch = $3`,
      [this.#inc, name, seenEpoch],
    );
    return rowCount === 1;
  }

  async endJob(name: string, epoch: number): Promise<void> {
    await this.#pool.query(
      "UPDATE job SET owner = NULL WHERE name = $2 AND owner = $1 AND epoch = $3",
      [this.#inc, name, epoch],
    );
  }
}
