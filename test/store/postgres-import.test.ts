/** From the file of a hub of its own into a real PostgreSQL: whole, once, and over nothing. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { silentLogger } from "../../src/base/log.ts";
import { importStore } from "../../src/hub/backup/import-store.ts";
import type { ApiToken } from "../../src/hub/auth/api-token.ts";
import { tokenFile, tokenFileIn } from "../../src/hub/auth/token-file.ts";
import { SharedRights } from "../../src/hub/cluster/shared-rights.ts";
import { openSecrets } from "../../src/hub/hub-secrets.ts";
import { revocationFile, revocationFileIn } from "../../src/hub/preview/revocation-file.ts";
import type { SessionRecord } from "../../src/store/facts.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";

const SECRET = "a secret of hubs that share a database";
const LIVING = 3;
/** More than a page of each. */
const FACTS = 600;
const ALL = { after: 0, limit: 10_000 };

describeWhere([needs.postgres], "an import into PostgreSQL", () => {
  let server: PostgresServer;
  let url: string;
  let home: string;
  const file = (): string => join(home, "store.sqlite");
  /** What a reader of it left beside it is nobody's. */
  const files = (): string[] =>
    readdirSync(home).filter((name) => /^(store|import)/.test(name) && !name.endsWith("-shm"));
  const noted: number[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.fresh();
    home = mkdtempSync(join(tmpdir(), "hfi-"));
    noted.length = 0;
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const fill = (): void => {
    const store = new SqliteStore(file());
    const made = Array.from({ length: LIVING + 1 }, (_, n) => {
      const wanted = { ...record(n + 1), requestKey: `key of ${n + 1}` };
      const kept = store.create(wanted, fact("session.created"));
      if (kept === null) throw new Error("the name is taken");
      return kept.record;
    });
    const [first, ...others] = made as [SessionRecord, ...SessionRecord[]];
    let now = first;
    for (let n = 1; n <= FACTS; n++) {
      now = store.append(now, fact("epoch.issued", { epochIssued: n }, n)).record;
    }
    // What no text of PostgreSQL holds as it is.
    store.append(others[0] ?? first, { ...fact("session.failed"), text: "it said \0 and 🙂" });
    const gone = { state: "ended", detail: "ended.gone" } as const;
    store.append(others.at(-1) ?? first, fact("sandbox.deleted", gone));
    store.book("control", 1_500);
    store.close();
  };
  const seen = async (store: SqliteStore | PostgresStore): Promise<object> => ({
    living: [...(await store.load())],
    gone: await store.find("ses_4"),
    events: await store.events(ALL),
    newest: await store.events({ ...ALL, session: "ses_1", limit: 5, newest: true }),
    booked: store.booked(),
    ended: store.endedCost(),
  });
  const run = () =>
    importStore(home, { url, secret: SECRET }, (count, of) => void noted.push(count / of));
  const open = (inc = "first") => {
    const cluster = { idIfFirst: "another", secret: SECRET };
    return PostgresStore.open({ url, inc, clock: systemClock, log: silentLogger, cluster });
  };
  const counts = async (): Promise<unknown> =>
    (
      await server.query(
        "SELECT (SELECT count(*)::int FROM session) + (SELECT count(*)::int FROM fact) AS n",
        url,
      )
    )[0]?.["n"];

  test("[FA22] each session, fact and cost is there as it was, and goes on under its number", async () => {
    fill();
    const source = new SqliteStore(file());
    const before = await seen(source);
    source.close();
    const { hubId } = openSecrets(home);
    const imported = await run();
    expect(imported).toMatchObject({ cluster: hubId, sessions: LIVING + 1, facts: FACTS + 6 });
    expect(noted.at(-1)).toBe(1);
    const store = await open();
    try {
      expect(store.clusterId).toBe(hubId);
      // Nobody's, so the first hub takes them.
      const claimed = await store.claimAll(await store.orphans([], 100));
      expect(claimed).toHaveLength(LIVING);
      expect(await seen(store)).toEqual(before);
      expect((await store.madeUnder("key of 1"))?.id).toBe("ses_1");
      const [one] = await store.load();
      const more = fact("epoch.issued", { epochIssued: FACTS + 1 });
      const event = await store.append(one ?? record(1), more).event;
      expect(event.seq).toBe(FACTS + 7);
    } finally {
      await store.close();
    }
    // No hub goes on with the file by accident, and nothing of it is gone.
    const [left, ...none] = files();
    expect([left?.startsWith("store.sqlite.imported-"), none]).toEqual([true, []]);
    expect(join(home, left ?? "")).toBe(imported.aside);
    const aside = new SqliteStore(imported.aside);
    expect(await seen(aside)).toEqual(before);
    aside.close();
  });

  test("[FA22, CL33] its API tokens and revoked links come with it", async () => {
    fill();
    const hash = "h".repeat(43);
    const token: ApiToken = {
      ...{ id: `tok_${"0".repeat(20)}`, name: "ci", role: "viewer", tenant: null, sessions: null },
      ...{ hash, createdAt: 1, createdBy: "admin", expiresAt: 2e12, lastUsedAt: 7 },
    };
    await tokenFile(tokenFileIn(home)).change(() => [token]);
    const links = [
      { session: "ses_1", port: 80, count: 2 },
      { session: "ses_1", port: null, count: 1 },
    ];
    await revocationFile(revocationFileIn(home)).change(() => links);
    expect(await run()).toMatchObject({ tokens: 1 });
    const store = await open();
    try {
      const told = { now: 1, log: silentLogger, random: systemRandom };
      const rights = await SharedRights.open(store.rights, told);
      expect([rights.tokens.all, rights.links.all]).toEqual([[token], links]);
    } finally {
      await store.close();
    }
    const left = readdirSync(home).filter((name) => /^(tokens|preview)/.test(name));
    expect(left.map((name) => name.replace(/d-.*/, "d"))).toEqual([
      "preview-revocations.json.imported",
      "tokens.json.imported",
    ]);
  });

  test("[FA22] a database that holds anything, or is another cluster's, is left as it is", async () => {
    fill();
    await run();
    const there = await counts();
    fill();
    await expect(run()).rejects.toMatchObject({
      code: "StateConflict",
      message: `the database is not empty: it has ${LIVING + 1} sessions and ${FACTS + 6} facts`,
    });
    expect([await counts(), files().includes("store.sqlite")]).toEqual([there, true]);
    url = await server.fresh();
    await (await open()).close();
    await expect(run()).rejects.toThrow("belongs to the cluster another already");
    expect(await counts()).toBe(0);
  });

  test("[FA22] one that breaks off leaves the database empty, and the file where it was", async () => {
    fill();
    await (await open("nobody")).close();
    await server.query("DELETE FROM cluster", url);
    const fail = "BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END";
    await server.query(
      `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ ${fail} $$`,
      url,
    );
    await server.query("CREATE TRIGGER t BEFORE INSERT ON session EXECUTE FUNCTION no_room()", url);
    await expect(run()).rejects.toMatchObject({ code: "StoreUnreachable" });
    await expect(run()).rejects.toThrow("no room");
    expect([await counts(), await server.query("SELECT * FROM cluster", url)]).toEqual([0, []]);
    expect(files()).toEqual(["store.sqlite"]);
    await server.query("DROP TRIGGER t ON session", url);
    const ofOneKilled = join(home, "import-4711");
    mkdirSync(ofOneKilled);
    expect(await run()).toMatchObject({ sessions: LIVING + 1 });
    expect(existsSync(ofOneKilled)).toBe(false);
  });

  test("[FA22] a hub that runs, no file, no PostgreSQL: refused by name", async () => {
    await expect(run()).rejects.toMatchObject({ code: "BadRequest" });
    fill();
    const running = new SqliteStore(file());
    await expect(run()).rejects.toMatchObject({ code: "HubRunning" });
    running.close();
    url = "postgres://u:hush@127.0.0.1:9/none";
    const refused = await run().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "StoreUnreachable" });
    expect(String(refused)).not.toContain("hush");
    expect(files()).toEqual(["store.sqlite"]);
  });

  test("[FA22] each column of one engine has its place in the other", async () => {
    fill();
    await (await open()).close();
    const db = new DatabaseSync(file(), { readOnly: true });
    const ofFile = (table: string): string[] =>
      db
        .prepare("SELECT name FROM pragma_table_info(?)")
        .all(table)
        .map(({ name }) => String(name))
        .sort();
    const ofPostgres = async (table: string): Promise<string[]> => {
      const rows = await server.query(
        `SELECT attname FROM pg_attribute
         WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped`,
        url,
      );
      return rows.map(({ attname }) => String(attname)).sort();
    };
    const only = async (table: string) => {
      const [here, there] = [ofFile(table), await ofPostgres(table)];
      return {
        file: here.filter((name) => !there.includes(name)),
        postgres: there.filter((name) => !here.includes(name)),
      };
    };
    // Most of them order what several hubs do; the key of the request is in the record, too.
    const fenced = ["born", "cost", "fence", "owner", "request", "seat", "stamp", "version"];
    expect(await only("session")).toEqual({ file: [], postgres: fenced });
    // One text instead of three columns; the others order what several hubs write.
    expect(await only("fact")).toEqual({
      file: ["data", "name", "text"],
      postgres: ["body", "version", "xid"],
    });
    expect(await only("booked")).toEqual({ file: [], postgres: [] });
    db.close();
  });
});
