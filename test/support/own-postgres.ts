/** A PostgreSQL for the block of tests that asks for it, with a database of its own for each. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { PostgresServer } from "./postgres-server.ts";

const START_MS = 60_000;

export interface OwnPostgres {
  /** From the first test on. */
  readonly server: PostgresServer;
  /** Of the database of the test that runs. */
  readonly url: string;
  /** What is opened is closed after the test, the last first, before its database is another. */
  closes<T extends { close(): Promise<unknown> }>(opened: T): T;
}

/** Called where the block's hooks are, before its own. */
export function ownPostgres(): OwnPostgres {
  let server: PostgresServer;
  let url: string;
  const opened: { close(): Promise<unknown> }[] = [];
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, START_MS);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.fresh();
  });
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });
  return {
    get server() {
      return server;
    },
    get url() {
      return url;
    },
    closes: (one) => {
      opened.push(one);
      return one;
    },
  };
}
