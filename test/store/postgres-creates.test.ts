/** New sessions of several hubs in one PostgreSQL: of one request key and of one name one lives. */
import { Client } from "pg";
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { SessionRecord } from "../../src/store/facts.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { migrate, STEPS } from "../../src/store/postgres/schema.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { ownPostgres } from "../support/own-postgres.ts";

const told = { clock: systemClock, log: silentLogger };
const ended = fact("session.ended", { state: "ended", detail: "ended.gone" });

const keyed = (n: number, requestKey: string | null, name = `s${n}`): SessionRecord => ({
  ...record(n, name),
  requestKey,
});

/** What became of a create: the sentence of its refusal, or none. */
async function outcome(store: PostgresStore, wanted: SessionRecord): Promise<string> {
  try {
    await store.create(wanted, fact("session.created"))?.event;
    return "made";
  } catch (error) {
    return error instanceof HubError ? error.code : String(error);
  }
}

/** A session that is made and kept. */
async function appendedBy(store: PostgresStore, wanted: SessionRecord) {
  const made = store.create(wanted, fact("session.created"));
  if (made === null) throw new Error(`${wanted.name} is taken`);
  await made.event;
  return made;
}

describeWhere([needs.postgres], "creates of several hubs in PostgreSQL", () => {
  const postgres = ownPostgres();
  let a: PostgresStore;
  let b: PostgresStore;

  const open = async (inc: string, tenantSessions: number | null = null) => {
    const { url } = postgres;
    return postgres.closes(await PostgresStore.open({ ...told, url, inc, tenantSessions }));
  };
  beforeEach(async () => {
    a = await open("a");
    b = await open("b");
  });

  test("[CL36] of two hubs that are asked at once under one key, one makes the session", async () => {
    for (let n = 0; n < 20; n++) {
      const wanted = [keyed(2 * n, `key ${n}`), keyed(2 * n + 1, `key ${n}`)] as const;
      const codes = await Promise.all([outcome(a, wanted[0]), outcome(b, wanted[1])]);
      expect(codes.toSorted()).toEqual(["SessionMoved", "made"]);
      const [winner] = wanted.filter((_, at) => codes[at] === "made");
      for (const store of [a, b]) {
        expect((await store.madeUnder(`key ${n}`))?.id).toBe(winner?.id);
      }
    }
    expect(await a.madeUnder("another key")).toBeNull();
  });

  test("[CL39] a session whose end is on its way is not claimed by who wrote it", async () => {
    const made = await Promise.all([1, 2].map((n) => appendedBy(a, keyed(n, null))));
    const [first, second] = made.map((one) => one.record) as [SessionRecord, SessionRecord];
    const other = new Client({ connectionString: postgres.url });
    await other.connect();
    await other.query("BEGIN");
    await other.query("SELECT FROM session WHERE id = $1 FOR UPDATE", [second.id]);
    // It stands before a row that somebody holds, and what comes later waits for it.
    const held = a.append(second, fact("platform.claimed"));
    await new Promise((next) => setImmediate(next));
    const end = a.append(first, ended);
    expect(await a.claim(first.id, 1)).toBeNull();
    await other.query("COMMIT");
    await other.end();
    await Promise.all([held.event, end.event]);
    expect(await b.whereabouts(first.id)).toBeNull();
  });

  test("[CL36] the key says more than the name: it is the same request", async () => {
    expect(await outcome(a, keyed(1, "key", "same"))).toBe("made");
    expect(await outcome(b, keyed(2, "key", "same"))).toBe("SessionMoved");
    expect(await outcome(b, keyed(3, "other key", "same"))).toBe("SessionNameTaken");
    expect(await outcome(b, keyed(4, null, "same"))).toBe("SessionNameTaken");
    for (const n of [5, 6]) expect(await outcome(b, keyed(n, null))).toBe("made");
  });

  test("[CL36] a key is free once its session is gone, and goes with it to any hub", async () => {
    const made = a.create(keyed(1, "key"), fact("session.created"));
    await made?.event;
    await a.release(["ses_1"]);
    expect(await b.madeUnder("key")).toMatchObject({ id: "ses_1", owner: null });
    const fence = (await b.madeUnder("key"))?.fence ?? 0;
    const claimed = (await b.claim("ses_1", fence)) ?? record(1);
    expect(await outcome(a, keyed(2, "key"))).toBe("SessionMoved");
    await b.append(claimed, ended).event;
    expect(await a.madeUnder("key")).toBeNull();
    expect(await outcome(a, keyed(3, "key"))).toBe("made");
  });

  test("[CL36] a key is as long as it likes, and of any letters", async () => {
    for (const [n, letter] of ["k", "ü", "🚀", "'\\"].entries()) {
      expect(await outcome(a, keyed(n, letter.repeat(5_000)))).toBe("made");
      expect((await b.madeUnder(letter.repeat(5_000)))?.id).toBe(`ses_${n}`);
    }
  });

  test("[CL38] a tenant has as many as it may at all hubs together, however many ask at once", async () => {
    const hubs = await Promise.all(["x", "y", "z"].map((inc) => open(inc, 5)));
    // One that was made where no bound was set has no seat, and counts all the same.
    expect(await outcome(a, record(100, "acme/old"))).toBe("made");
    const made: { readonly store: PostgresStore; readonly id: string }[] = [];
    const rush = async (tenant: string, from: number): Promise<void> => {
      const all = Array.from({ length: 36 }, (_, n) => {
        const [store, id] = [hubs[n % 3] as PostgresStore, from + n];
        return { store, id: `ses_${id}`, told: outcome(store, record(id, `${tenant}/s${id}`)) };
      });
      for (const { store, id, told: saying } of all) {
        const said = await saying;
        expect(["made", "RateLimited"]).toContain(said);
        if (said === "made") made.push({ store, id });
      }
    };
    await Promise.all([rush("acme", 1_000), rush("acme-2", 2_000)]);
    expect(made).toHaveLength(4 + 5);
    // Of the hub's own there is no bound, and one that is gone makes room for one.
    expect(await outcome(hubs[0] as PostgresStore, record(101, "own"))).toBe("made");
    const [first] = made.filter(({ id }) => id < "ses_2");
    const kept = await first?.store.find(first.id);
    await first?.store.append(kept ?? record(0), ended).event;
    await rush("acme", 3_000);
    expect(made).toHaveLength(4 + 5 + 1);
    expect(await outcome(hubs[1] as PostgresStore, record(102, "acme/old"))).toBe(
      "SessionNameTaken",
    );
  });

  test("[CL36] tables of before bring the keys of their records along, each once", async () => {
    const url = await postgres.server.fresh();
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await migrate(client, STEPS.slice(0, 3));
      const odd = String.raw`acme\nwith "quotes", back\slash and }`.replace(String.raw`\n`, "\n");
      const spec = { env: { requestKey: "of a user", activity: "x" }, labels: { nul: "\u0000" } };
      const rows = [
        { ...keyed(1, odd), spec },
        { ...keyed(2, "twice") },
        { ...keyed(3, "twice") },
        { ...keyed(4, null), spec },
        { ...keyed(5, "gone"), detail: "ended.gone" },
      ];
      for (const { id, name, detail, ...rest } of rows) {
        await client.query(
          `INSERT INTO session (id, name, gone, fence, version, stamp, cost, record)
           VALUES ($1, $2, $3, 1, 1, '', '{}', $4)`,
          [id, name, detail === "ended.gone", JSON.stringify({ id, name, detail, ...rest })],
        );
      }
      await migrate(client, STEPS.slice(0, 4));
      const store = await PostgresStore.open({ ...told, url, inc: "me" });
      const found = ["twice", odd, "x", "of a user", "gone"].map((key) => store.madeUnder(key));
      const ids = (await Promise.all(found)).map((place) => place?.id ?? null);
      await store.close();
      expect(ids).toEqual(["ses_2", "ses_1", null, null, null]);
    } finally {
      await client.end();
    }
  });
});
