/**
 * A PostgreSQL and the copy that follows it. One that is not waited for loses at a `failOver` what
 * it had not heard of, and tells when that was; of one that is (`synchronous`) nothing may be lost.
 */
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { Relay } from "./relay.ts";

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));
/** A fact is told a moment after it was kept. */
const TOLD_MS = 2_000;
const CAUGHT_UP_MS_MAX = 30_000;
const CAUGHT_UP = `SELECT sync_state = 'sync' AND flush_lsn >= pg_current_wal_lsn() AS is
  FROM pg_stat_replication`;

export class StorePair {
  #primary: PostgresServer;
  readonly #synchronous: boolean;
  #copy: PostgresServer | null = null;
  readonly #copying: Relay;
  readonly mayBeLost: { from: number; to: number }[] = [];

  private constructor(primary: PostgresServer, synchronous: boolean) {
    this.#primary = primary;
    this.#synchronous = synchronous;
    this.#copying = new Relay(() => ({ port: this.#primary.port }));
  }

  static async start(synchronous: boolean): Promise<StorePair> {
    const pair = new StorePair(await PostgresServer.start(), synchronous);
    await pair.#copying.listen();
    return pair;
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  async follow(): Promise<void> {
    this.#copying.set("open");
    this.#copy = await this.#primary.follower(this.#copying.port);
    if (this.#synchronous) await this.#waitForTheCopy();
  }

  /** From now on; what was kept before has arrived there when this returns. */
  async #waitForTheCopy(): Promise<void> {
    await this.#primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await this.#primary.query("SELECT pg_reload_conf()");
    const endAt = performance.now() + CAUGHT_UP_MS_MAX;
    for (;;) {
      const [row] = await this.#primary.query(CAUGHT_UP);
      if (row?.["is"] === true) return;
      if (performance.now() > endAt) throw new Error("the copy does not catch up");
      await pause(50);
    }
  }

  async restart(awayMs: number): Promise<void> {
    await this.#primary.kill();
    await pause(awayMs);
    await this.#primary.run();
  }

  /** The copy lags for a while, the primary dies, and the copy takes its place. */
  async failOver(lagMs: number, awayMs: number): Promise<void> {
    const copy = this.#copy;
    if (copy === null) throw new Error("nobody follows");
    this.#copy = null;
    const from = Date.now() - TOLD_MS;
    this.#copying.set("silent");
    await pause(lagMs);
    await this.#primary.kill();
    if (!this.#synchronous) this.mayBeLost.push({ from, to: Date.now() + TOLD_MS });
    const old = this.#primary;
    this.#copying.set("refused");
    await pause(awayMs);
    await copy.promote();
    this.#primary = copy;
    await old.stop();
    await this.follow();
  }

  async stop(): Promise<void> {
    await this.#copy?.stop();
    await this.#primary.stop();
    await this.#copying.close();
  }
}
