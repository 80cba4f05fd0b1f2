/** The store in a real PostgreSQL: the contract, fences, unknown commits, refusals. */
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { SessionRecord } from "../../src/store/facts.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { SessionRows } from "../../src/store/postgres/session-rows.ts";
import { fact, record, storeContract } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { until } from "../support/until.ts";

describeWhere([needs.postgres], "a store in PostgreSQL", () => {
  let server: PostgresServer;
  let url: string;
  let opened: PostgresStore[];

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.fresh();
    opened = [];
  });
  afterEach(async () => {
    for (const store of opened) await store.close();
  });

  const open = async (inc: string, at = url): Promise<PostgresStore> => {
    const store = await PostgresStore.open({ url: at, inc, clock: systemClock, log: silentLogger });
    opened.push(store);
    return store;
  };
  const make = async (store: PostgresStore, n = 1): Promise<SessionRecord> => {
    const made = store.create(record(n), fact("session.created"));
    await made?.event;
    return made?.record ?? record(n);
  };
  const codeOf = async (work: unknown): Promise<string> => {
    try {
      await work;
      return "none";
    } catch (error) {
      return error instanceof HubError ? error.code : String(error);
    }
  };
  const fenceOf = async (store: PostgresStore, id = "ses_1"): Promise<number> =>
    (await store.whereabouts(id))?.fence ?? -1;

  storeContract(
    "postgres",
    () => open("me"),
    async (store) => {
      await store.close();
      opened = [];
      return open("me");
    },
  );

  test("[CL1] of many that claim one session, one gets it, and only that one writes", async () => {
    const first = await open("first");
    const made = await make(first);
    const others = await Promise.all(["a", "b", "c", "d", "e"].map((inc) => open(inc)));
    const seen = await fenceOf(first);
    const claimed = await Promise.all(others.map((store) => store.claim("ses_1", seen)));
    const winners = others.filter((_, at) => claimed[at] !== null);
    expect(winners).toHaveLength(1);
    const late = first.append(made, fact("epoch.issued", { epochIssued: 1 }));
    expect(await codeOf(late.event)).toBe("SessionMoved");
    expect(() => first.append(late.record, fact("probe.answered"))).toThrow("another hub");
    const [winner] = winners;
    const mine = winner?.append(made, fact("epoch.issued", { epochIssued: 1 }));
    expect(await codeOf(mine?.event)).toBe("none");
    expect(await first.events({ after: 0, session: "ses_1", limit: 9 })).toHaveLength(2);
  });

  test("[CL1] of many claims of one hub that go together each has its own answer", async () => {
    const [before, after] = [await open("before"), await open("after")];
    for (let n = 1; n <= 4; n++) await make(before, n);
    const places = await before.places();
    const fenceOfId = (id: string): number => places.find((place) => place.id === id)?.fence ?? 0;
    const claim = (id: string, fence = fenceOfId(id)) => after.claim(id, fence);
    const lookUp = async (idOrName: string) => (await after.whereabouts(idOrName))?.id ?? null;
    expect(await Promise.all(["ses_1", "none", "s2", "ses_3"].map(lookUp))).toEqual([
      "ses_1",
      null,
      "ses_2",
      "ses_3",
    ]);
    const stale = fenceOfId("ses_2") - 1;
    const asked = [claim("ses_1"), claim("ses_1"), claim("ses_2", stale), claim("ses_3")];
    const got = (await Promise.all(asked)).map((record) => record?.id ?? null);
    expect(got).toEqual(["ses_1", null, null, "ses_3"]);
    expect((await after.places()).map(({ id }) => id).sort()).toEqual(["ses_1", "ses_3"]);
  });

  test("[CL1] a session that comes back to a hub is written by it again", async () => {
    const [here, there] = [await open("here"), await open("there")];
    const made = await make(here);
    const gone = await there.claim("ses_1", await fenceOf(here));
    const there1 = there.append(gone ?? made, fact("epoch.issued", { epochIssued: 4 }));
    await there1.event;
    expect(await codeOf(here.append(made, fact("probe.answered")).event)).toBe("SessionMoved");
    expect(await there.release(["ses_1"])).toEqual(["ses_1"]);
    const back = await here.claim("ses_1", await fenceOf(here));
    expect(back?.epochIssued).toBe(4);
    const next = here.append(back ?? made, fact("epoch.issued", { epochIssued: 5 }));
    expect(await codeOf(next.event)).toBe("none");
    expect((await there.find("ses_1"))?.epochIssued).toBe(5);
  });

  test("[CL2] sessions of the dead are shared out, each once, and no living hub loses one", async () => {
    const [dead, alive] = [await open("dead"), await open("alive")];
    for (let n = 1; n <= 40; n++) await make(n % 2 === 0 ? dead : alive, n);
    const heirs = await Promise.all(["x", "y", "z"].map((inc) => open(inc)));
    const taken: string[] = [];
    const some = async (heir: PostgresStore) => heir.claimAll(await heir.orphans(["dead"], 3));
    while ((await heirs[0]?.orphans(["dead"], 1))?.length === 1) {
      taken.push(...(await Promise.all(heirs.map(some))).flat().map(({ id }) => id));
    }
    expect(taken).toHaveLength(20);
    expect(new Set(taken).size).toBe(20);
    expect(await alive.load()).toHaveLength(20);
  });

  test("[CL22] each hub that has a session or a job is told once, and no other", async () => {
    const [a, b, c, idle] = [await open("a"), await open("b"), await open("c"), await open("d")];
    expect(await idle.owners()).toEqual([]);
    for (let n = 1; n <= 6; n++) await make(n % 2 === 0 ? a : c, n);
    const ended = await make(b, 7);
    await b.append(ended, fact("session.ended", { state: "ended", detail: "ended.gone" })).event;
    await a.release(["ses_2"]);
    expect([...(await idle.owners())].sort()).toEqual(["a", "c"]);
    await b.jobs.takeJob("strays", 0);
    await c.jobs.takeJob("control", 0);
    expect([...(await idle.owners())].sort()).toEqual(["a", "b", "c"]);
  });

  test("[CL14] one that was given back is unproven until its next hub has proven it", async () => {
    const [giver, heir] = [await open("giver"), await open("heir")];
    const made = await make(giver);
    const proven = giver.append(made, fact("session.connected", { state: "connected" }));
    await proven.event;
    expect(await giver.unproven(["ses_1"])).toEqual([]);
    await giver.release(["ses_1"]);
    expect(await giver.unproven(["ses_1"])).toEqual(["ses_1"]);
    const taken = (await heir.claim("ses_1", await fenceOf(heir))) ?? made;
    const entered = heir.append(taken, fact("session.entered", { state: "nudging" }));
    await entered.event;
    expect(await giver.unproven(["ses_1", "ses_unknown"])).toEqual(["ses_1"]);
    const again = heir.append(entered.record, fact("session.connected", { state: "connected" }));
    await again.event;
    expect(await giver.unproven(["ses_1"])).toEqual([]);
    // Nobody waits for the proof of one that rests, and no hub looks at it at once.
    await heir.append(again.record, fact("session.suspended", { state: "suspended" })).event;
    await heir.release(["ses_1"]);
    expect(await giver.unproven(["ses_1"])).toEqual([]);
  });

  test("[FA4] of two hubs that want one name, one gets it, and the other is told", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const made = [a, b].map((store, n) => {
      return store.create(record(n + 1, "same"), fact("session.created"))?.event;
    });
    const codes = await Promise.all(made.map(codeOf));
    expect(codes.sort()).toEqual(["SessionNameTaken", "none"]);
    expect((await a.findAll(["ses_1", "ses_2"])).size).toBe(1);
    await make(a, 10);
    const gone = await make(b, 11);
    await b.append(gone, fact("session.ended", { state: "ended", detail: "ended.gone" })).event;
    const found = await a.findAll(["ses_10", "ses_11", "ses_12"]);
    expect([...found.keys()].sort()).toEqual(["ses_10", "ses_11"]);
    expect(found.get("ses_11")).toEqual(await a.find("ses_11"));
  });

  test("[FA19] an engine that dies and comes back keeps each fact once, and all in order", async () => {
    const store = await open("me");
    let now = await make(store);
    const told: number[] = [];
    const note = (n: number): void => {
      const next = store.append(now, fact("epoch.issued", { epochIssued: n }, n));
      now = next.record;
      void Promise.resolve(next.event).then(({ at }) => told.push(at));
    };
    for (let n = 1; n <= 15; n++) note(n);
    await store.settled("ses_1");
    await server.kill();
    for (let n = 16; n <= 30; n++) note(n);
    await until(
      () => {
        try {
          store.check();
          return false;
        } catch {
          return true;
        }
      },
      () => "the store does not notice",
    );
    expect(() => note(31)).toThrow("takes no facts");
    expect(told).toHaveLength(15);
    await server.run();
    await store.settled("ses_1");
    expect(() => store.check()).not.toThrow();
    note(31);
    await store.settled("ses_1");
    const kept = await store.events({ after: 0, session: "ses_1", limit: 100 });
    expect(kept.map(({ at }) => at)).toEqual([
      2_000,
      ...Array.from({ length: 31 }, (_, n) => n + 1),
    ]);
    expect(told).toEqual(Array.from({ length: 31 }, (_, n) => n + 1));
  }, 20_000);

  test.each([
    { what: "read-only", sqlstate: "read_only_sql_transaction", says: "is in recovery" },
    { what: "full", sqlstate: "disk_full", says: "No space left on device" },
    { what: "slow", sqlstate: "query_canceled", says: "due to statement timeout" },
  ])(
    "[FA19] one that becomes $what is named, and each fact is kept once when that is over",
    async ({ sqlstate, says }) => {
      const store = await open("me");
      const made = await make(store);
      const fail = `BEGIN RAISE EXCEPTION '${says}' USING ERRCODE = '${sqlstate}'; END`;
      await server.query(
        `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ ${fail} $$`,
        url,
      );
      await server.query("CREATE TRIGGER t BEFORE INSERT ON fact EXECUTE FUNCTION fail()", url);
      const { event } = store.append(made, fact("probe.answered"));
      const trouble = (): string => {
        try {
          store.check();
          return "none";
        } catch (error) {
          return String(error);
        }
      };
      await until(() => trouble() !== "none");
      expect(trouble()).toContain(`the store takes no facts: ${says}`);
      expect(await fenceOf(store)).toBe(1);
      await server.query("DROP TRIGGER t ON fact", url);
      await event;
      expect(trouble()).toBe("none");
      expect(await store.events({ after: 0, session: "ses_1", limit: 9 })).toHaveLength(2);
    },
  );

  test("[FA19] a batch that is offered again under its number answers as before, and keeps nothing twice", async () => {
    await (await open("x")).close();
    opened = [];
    const pool = new Pool({ connectionString: url });
    try {
      const rows = new SessionRows(pool, "me");
      const first = { fact: fact("session.created"), record: record(1) };
      const next = { fact: fact("epoch.issued", {}, 3), record: { ...record(1), epochIssued: 1 } };
      const made = [{ session: "ses_1", fresh: true, facts: [first, next] }];
      const kept = { kept: true, seqs: [1, 2] };
      expect((await rows.keep("me:1", made, new Map())).get("ses_1")).toEqual(kept);
      expect((await rows.keep("me:1", made, new Map())).get("ses_1")).toEqual(kept);
      const holds = new Map([["ses_1", { fence: 1, version: 2 }]]);
      const more = [{ session: "ses_1", fresh: false, facts: [next] }];
      const told = { kept: true, seqs: [3] };
      expect((await rows.keep("me:2", more, holds)).get("ses_1")).toEqual(told);
      expect((await rows.keep("me:2", more, holds)).get("ses_1")).toEqual(told);
      expect(await rows.events({ after: 0, session: "ses_1", limit: 9 })).toHaveLength(3);
      // Under another number it is another's write on what has changed since.
      const late = (await rows.keep("me:3", more, holds)).get("ses_1");
      expect(late).toMatchObject({ kept: false, error: { code: "SessionMoved" } });
    } finally {
      await pool.end();
    }
  });

  test("[CL3] a newer schema, another's steps, a read-only engine, no engine: refused by name", async () => {
    const first = await open("first");
    await first.close();
    opened = [];
    await server.query("INSERT INTO schema_step VALUES (99, 'x')", url);
    await expect(open("x")).rejects.toThrow("newer Holdfast (step 99)");
    await server.query("DELETE FROM schema_step WHERE id = 99", url);
    await server.query("UPDATE schema_step SET checksum = 'x' WHERE id = 1", url);
    await expect(open("x")).rejects.toThrow("step 1 is not this Holdfast's");
    const locked = (await server.fresh()).replace(
      "search_path",
      "default_transaction_read_only%3Don%20-c%20search_path",
    );
    await expect(open("x", locked)).rejects.toThrow("read-only");
    const secret = "postgres://u:hush@127.0.0.1:9/none";
    const refused = await open("x", secret).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "StoreUnreachable" });
    expect(String(refused)).not.toContain("hush");
    expect(String(refused)).toContain("postgres://127.0.0.1:9/none");
    const stranger = url.replace("holdfast@", "stranger:hush@");
    const unknown = await open("x", stranger).catch((error: unknown) => error);
    expect(unknown).toMatchObject({ code: "StoreUnreachable" });
    expect(String(unknown)).toContain('role "stranger" does not exist');
    expect(String(unknown)).not.toContain("hush");
  });

  test("[CL21] who asks while the engine is away is told to come again, not of a defect", async () => {
    const store = await open("asks");
    await server.kill();
    const asked = store.whereabouts("ses_1");
    await expect(asked).rejects.toMatchObject({ code: "StoreRefuses" });
    await server.run();
    expect(await store.whereabouts("ses_1")).toBeNull();
  });

  test("[CL8] a database is of one cluster: a hub with another secret is refused", async () => {
    const enter = async (idIfFirst: string, secret: string): Promise<PostgresStore> => {
      const told = { url, clock: systemClock, log: silentLogger };
      const cluster = { idIfFirst, secret };
      const store = await PostgresStore.open({ ...told, inc: idIfFirst, cluster });
      opened.push(store);
      return store;
    };
    expect((await enter("one", "s1")).clusterId).toBe("one");
    expect((await enter("two", "s1")).clusterId).toBe("one");
    await expect(enter("three", "s2")).rejects.toMatchObject({
      code: "ConfigInvalid",
      message: "the database belongs to the cluster one, whose secret is another one",
    });
  });

  test("[CL8] without a lease no fact is taken, and all goes on with it", async () => {
    let leased = true;
    let isJustOver = false;
    const told = { url, inc: "me", clock: systemClock, log: silentLogger };
    const lease = { mayAct: () => leased, mayNote: () => leased || isJustOver };
    const store = await PostgresStore.open({ ...told, ...lease });
    opened.push(store);
    const made = await make(store);
    leased = false;
    expect(() => store.append(made, fact("probe.answered"))).toThrow("lease is over");
    expect(() => store.create(record(2), fact("session.created"))).toThrow("lease is over");
    expect(() => store.check()).toThrow("lease is over");
    // One that is over for a moment begins nothing, and what it has goes on.
    isJustOver = true;
    const { record: noted } = store.append(made, fact("probe.answered"));
    expect(() => store.create(record(2), fact("session.created"))).toThrow("lease is over");
    expect(() => store.check()).toThrow("lease is over");
    leased = true;
    await store.append(noted, fact("probe.answered")).event;
    expect(await store.events({ after: 0, session: "ses_1", limit: 9 })).toHaveLength(3);
  });
});
