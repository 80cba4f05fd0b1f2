/** What doctor says of a PostgreSQL and of the hubs on it: a real one, in every bad way. */
import { createServer, type AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type Config } from "../../src/base/config.ts";
import { sleep } from "../../src/base/deadline.ts";
import { silentLogger } from "../../src/base/log.ts";
import { checkCluster, findingsOf } from "../../src/cli/doctor/cluster.ts";
import type { CheckFacts, Finding } from "../../src/cli/doctor/finding.ts";
import { PeerDoor } from "../../src/hub/cluster/peer-door.ts";
import { peerKeyOf } from "../../src/hub/cluster/peer-greeting.ts";
import { PostgresRoll } from "../../src/store/postgres/postgres-roll.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";

const SECRET = "5e".repeat(32);

/** Its findings as they are printed, each without its fix. */
async function look(store: string | null, clusterSecret = SECRET): Promise<readonly Finding[]> {
  const config = { store, clusterSecret } as Config;
  return [await checkCluster({ config } as CheckFacts)].flat();
}
const said = (found: readonly Finding[]): string[] =>
  found.map((one) => `${one.level} ${one.text}`);

describe("[CL27] doctor without a cluster", () => {
  test("says nothing of one, also where its address is none", async () => {
    expect(await look(null)).toEqual([]);
    expect(await look("postgres://[oops")).toEqual([]);
  });
});

describeWhere([needs.postgres], "[CL27] doctor and a PostgreSQL", () => {
  let server: PostgresServer;
  let url: string;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
    await server.demandPassword("guarded", "right");
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.fresh();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const open = async (at = url): Promise<PostgresStore> => {
    const cluster = { idIfFirst: "hub_first", secret: SECRET };
    const store = await PostgresStore.open({
      ...{ url: at, inc: "me", clock: systemClock, log: silentLogger, cluster },
    });
    closers.push(() => store.close());
    return store;
  };
  const enlist = async (name: string, advertise: string): Promise<PostgresRoll> => {
    const roll = new PostgresRoll(url);
    closers.push(() => roll.close());
    await roll.register({ inc: `life-${name}`, name, advertise, version: "1", started: 7 });
    return roll;
  };

  test("one that is well: how far, which tables, and what no copy means", async () => {
    expect(said(await look(url))[0]).toMatch(
      /^ok PostgreSQL 1\d\.\d+ takes facts, \d+\.\d ms away; /,
    );
    expect(said(await look(url))[0]).toContain("the next hub that starts makes or completes");
    // It looked, and made nothing.
    expect(await server.query("SELECT to_regclass('session') AS made", url)).toEqual([
      { made: null },
    ]);
    await open();
    expect(said(await look(url))).toEqual([
      expect.stringMatching(/^ok .* its tables are this Holdfast's$/),
      "warn fsync is off: facts are lost with the power",
      expect.stringMatching(/^warn no copy is waited for: .* forgets the newest facts/),
    ]);
  });

  test("what it cannot use: each by its name, with a next step, and no password", async () => {
    const guarded = url.replace("holdfast@", "guarded:right@");
    await open();
    const closed = `postgres://guarded:hush@localhost:${await closedPort()}/postgres`;
    const cases: readonly (readonly [string, string, string])[] = [
      [closed, "ECONNREFUSED", "Start it"],
      [guarded.replace("right", "hush"), "password authentication failed", "HOLDFAST_STORE_FILE"],
      [guarded.replace("/postgres", "/none"), 'database "none" does not exist', "createdb"],
      [guarded.replace(/search_path%3Dt\d+/, "search_path%3Dnone"), "names no schema", "Create"],
    ];
    for (const [at, text, fix] of cases) {
      const [found, ...more] = await look(at);
      expect(more).toEqual([]);
      expect(found).toMatchObject({ id: "postgres", level: "fail" });
      expect(found?.text).toContain(text);
      expect(found?.fix).toContain(fix);
      expect(JSON.stringify(found)).not.toMatch(/hush|right/);
    }
    expect((await look(url, "another ".repeat(8)))[0]).toMatchObject({
      level: "fail",
      text: "the database belongs to the cluster hub_first, whose secret is another one",
      fix: expect.stringContaining("HOLDFAST_CLUSTER_SECRET") as string,
    });
    await server.query("INSERT INTO schema_step (id, checksum) VALUES (99, 'x')", url);
    expect((await look(url))[0]?.text).toContain("written by a newer Holdfast (step 99)");
    await server.query("ALTER ROLE guarded SET default_transaction_read_only = on");
    expect((await look(guarded))[0]?.text).toBe("this PostgreSQL is read-only");
    await server.query("ALTER ROLE guarded RESET default_transaction_read_only");
  }, 20_000);

  test("rights that are missing are named; with them, and no more, a hub works", async () => {
    await open();
    const role = `poor_${closers.length}`;
    const schema = /search_path%3D(t\d+)/.exec(url)?.[1] ?? "";
    await server.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const poor = url.replace("holdfast@", `${role}@`);
    const [found] = await look(poor);
    const lacks = `the user ${role} lacks `;
    expect(found).toMatchObject({ level: "fail", fix: expect.stringContaining("Grant") as string });
    expect(found?.text.startsWith(lacks)).toBe(true);
    for (const denied of found?.text.slice(lacks.length).split(", ") ?? []) {
      await server.query(`GRANT ${denied} TO ${role}`, url);
    }
    expect((await look(poor))[0]?.level).toBe("ok");
    const store = await open(poor);
    await store.create(record(1), fact("session.created"))?.event;
    store.book("create", 1);
    expect(await store.release(["ses_1"])).toEqual(["ses_1"]);
    expect(await store.claimAll([{ id: "ses_1", fence: 2 }])).toHaveLength(1);
    expect(await store.jobs.takeJob("strays", 0)).toBe(true);
    const roll = new PostgresRoll(poor);
    closers.push(() => roll.close());
    await roll.register({ inc: "i", name: "n", advertise: "", version: "1", started: 7 });
    expect(await roll.beat("i")).toHaveLength(1);
  });

  test("a standby is refused, and one that all wait for and that is gone is told", async () => {
    await open();
    const copy = await server.follower(server.port);
    closers.push(() => copy.stop());
    const there = url.replace(String(server.port), String(copy.port));
    expect((await look(there))[0]).toMatchObject({
      text: "this PostgreSQL is a standby in recovery",
      fix: "Name the primary, or promote this one.",
    });
    const waitFor = async (names: string): Promise<void> => {
      await server.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await server.query("SELECT pg_reload_conf()");
      await expect
        .poll(() => server.query("SHOW synchronous_standby_names"))
        .toEqual([{ synchronous_standby_names: names }]);
    };
    await waitFor("*");
    expect(said(await look(url)).join("\n")).not.toMatch(/copy/);
    await copy.kill();
    await expect.poll(async () => said(await look(url)).at(-1)).toMatch(/^fail .* none follows/);
    await waitFor("");
  }, 40_000);

  test("hubs on it: who answers, who does not and lives, and who ended without a word", async () => {
    await open();
    const doorOf = async (name: string, secret: string): Promise<string> => {
      const listen = { host: "127.0.0.1", port: 0 };
      const told = { key: peerKeyOf(secret), inc: `life-${name}`, log: silentLogger };
      const door = await PeerDoor.open(listen, told);
      closers.push(() => door.close());
      return door.address;
    };
    await enlist("a", await doorOf("a", SECRET));
    expect(said(await look(url)).at(-1)).toMatch(/^ok the hub a at 127\.0\.0\.1:\d+ answers/);
    await enlist("b", await doorOf("b", "another secret"));
    const cut = await enlist("c", `127.0.0.1:${await closedPort()}`);
    await enlist("d", `127.0.0.1:${await closedPort()}`);
    const looking = look(url);
    let isOver = false;
    void looking.finally(() => (isOver = true));
    while (!isOver) {
      await cut.beat("life-c");
      await sleep(systemClock, 100);
    }
    const found = (await looking).filter(({ id }) => id === "peer");
    expect(said(found)).toEqual([
      expect.stringMatching(/^ok the hub a /),
      expect.stringMatching(/^warn the hub b .*it said: another secret, and it does not beat$/),
      expect.stringMatching(/^fail the hub c .* lives and is not met from here: .*ECONNREFUSED/),
      expect.stringMatching(/^warn the hub d .*ECONNREFUSED/),
    ]);
    expect(found.map(({ fix }) => fix === null)).toEqual([true, false, false, false]);
  });
});

test("[CL27] a PostgreSQL that is far away is told, and by how much", () => {
  const seen = { version: "15.1", odd: [], waitsFor: "*", followers: 1, stepsToCome: 0, peers: [] };
  const [, ...near] = findingsOf({ ...seen, roundTripMs: 3 });
  expect(near).toEqual([]);
  const [, far] = findingsOf({ ...seen, roundTripMs: 41.26 });
  expect(far).toMatchObject({ level: "warn", text: expect.stringContaining("41.3 ms") as string });
});

async function closedPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
