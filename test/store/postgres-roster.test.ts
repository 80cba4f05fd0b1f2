/** What a list of all hubs is made of, in a real PostgreSQL. */
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { SessionRecord } from "../../src/store/facts.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import type { RosterQuery } from "../../src/store/roster.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { ownPostgres } from "../support/own-postgres.ts";

const ALL: RosterQuery = { limit: 100, after: null, tenant: null, ids: null, sieve: [] };

describeWhere([needs.postgres], "the roster in PostgreSQL", () => {
  const postgres = ownPostgres();
  let a: PostgresStore;
  let b: PostgresStore;

  beforeEach(async () => {
    const told = { url: postgres.url, clock: systemClock, log: silentLogger };
    a = postgres.closes(await PostgresStore.open({ ...told, inc: "a" }));
    b = postgres.closes(await PostgresStore.open({ ...told, inc: "b" }));
  });

  const make = async (
    store: PostgresStore,
    n: number,
    more: Partial<SessionRecord> = {},
  ): Promise<SessionRecord> => {
    const made = store.create({ ...record(n), ...more }, fact("session.created"));
    await made?.event;
    return made?.record ?? record(n);
  };
  const idsOf = async (query: Partial<RosterQuery>): Promise<readonly string[]> =>
    (await b.roster({ ...ALL, ...query })).map(({ id }) => id);

  test("[CL29] all that live, of every hub and of none, in the order in which they were made", async () => {
    // By their clocks they are in another order.
    await make(b, 9);
    const given = await make(a, 2);
    const ended = await make(b, 5);
    await make(a, 1);
    await a.release([given.id]);
    await b.append(ended, fact("session.ended", { detail: "ended.gone", state: "ended" })).event;
    expect(await b.roster(ALL)).toEqual([
      { id: "ses_9", owner: "b" },
      { id: "ses_2", owner: null },
      { id: "ses_1", owner: "a" },
    ]);
    expect(await idsOf({ limit: 2 })).toEqual(["ses_9", "ses_2"]);
    expect(await idsOf({ limit: 2, after: "ses_2" })).toEqual(["ses_1"]);
    // A page goes on after one that ended since.
    expect(await idsOf({ after: "ses_5" })).toEqual(["ses_1"]);
    expect(await idsOf({ after: "ses_7" })).toEqual([]);
    expect(await idsOf({ ids: ["ses_1", "ses_5", "ses_7"] })).toEqual(["ses_1"]);
    expect(await idsOf({ ids: [] })).toEqual([]);
  });

  test("[CL29] of a tenant, and of what is in the record: nothing in it is a pattern", async () => {
    await make(a, 1, { name: "acme/one" });
    await make(a, 2, { name: "acme-two/one" });
    await make(b, 3, { name: "acme" });
    const labels = { team: 'a"b', "100%": "_" };
    await make(b, 4, { spec: { env: {}, labels }, state: "nudging" });
    expect(await idsOf({ tenant: "acme" })).toEqual(["ses_1"]);
    expect(await idsOf({ tenant: "acm_" })).toEqual([]);
    expect(await idsOf({ sieve: [['"team":"a\\"b"'], ['"100%":"_"']] })).toEqual(["ses_4"]);
    expect(await idsOf({ sieve: [['"team":"a\\"b"'], ['"b":"2"']] })).toEqual([]);
    expect(await idsOf({ sieve: [['"100%":"__"']] })).toEqual([]);
    const states = ['"state":"creating"', '"state":"nudging"'];
    expect(await idsOf({ sieve: [states] })).toHaveLength(4);
    expect(await idsOf({ sieve: [states.slice(1)] })).toEqual(["ses_4"]);
  });
});
