/**
 * A PostgreSQL and the copy that follows it without being waited for. `failOver` loses what the
 * copy had not heard of, as such a copy may, and tells when that was.
 */
import { PostgresServer } from "../../test/support/postgres-server.ts";
import { Relay } from "./relay.ts";

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));
/** A fact is told a moment after it was kept. */
const TOLD_MS = 2_000;

export class StorePair {
  #primary: PostgresServer;
  #copy: PostgresServer | null = null;
  readonly #copying: Relay;
  readonly mayBeLost: { from: number; to: number }[] = [];

  private constructor(primary: PostgresServer) {
    this.#primary = primary;
    this.#copying = new Relay(() => ({ port: this.#primary.port }));
  }

  static async start(): Promise<StorePair> {
    const pair = new StorePair(await PostgresServer.start());
    await pair.#copying.listen();
    return pair;
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  async follow(): Promise<void> {
    this.#copying.set("open");
    this.#copy = await this.#primary.follower(this.#copying.port);
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
    this.mayBeLost.push({ from, to: Date.now() + TOLD_MS });
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
