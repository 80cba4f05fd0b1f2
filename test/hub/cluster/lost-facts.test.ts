/** A PostgreSQL that came back without its newest facts, as a copy does that was not waited for. */
import { createServer } from "node:http";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLogger } from "../../../src/base/log.ts";
import { openCompany } from "../../../src/hub/cluster/company.ts";
import { openCluster } from "../../../src/hub/cluster/open-cluster.ts";
import type { Sessions } from "../../../src/hub/sessions.ts";
import type { SessionRecord } from "../../../src/store/facts.ts";
import { fact, record } from "../../contract/store-contract.ts";
import { describeWhere, needs } from "../../support/needs.ts";
import { PostgresServer } from "../../support/postgres-server.ts";
import { until } from "../../support/until.ts";

describeWhere([needs.postgres], "a store that forgot", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
  });

  /** A hub of its cluster whose sessions are records in a table. */
  async function hubOn(url: string) {
    const peerListen = { host: "127.0.0.1", port: 0 };
    const settings = { url, secret: "of one hub", name: "one", peerListen, advertise: null };
    const waits = (why: string): void => expect.unreachable(why);
    const given = { clock: systemClock, log: silentLogger, waits };
    const seat = await openCluster(settings, { hubId: "hub_one", version: "0" }, given);
    const here = new Map<string, SessionRecord>();
    const lets: (readonly string[])[] = [];
    const sessions = {
      known: (id: string) => here.get(id),
      get ids() {
        return [...here.keys()];
      },
      adopt: (one: SessionRecord) => here.set(one.id, one),
      let: (ids: readonly string[]) => {
        lets.push(ids);
        for (const id of ids) here.delete(id);
        return () => undefined;
      },
      onLost: () => undefined,
    };
    const company = openCompany(
      { seat, store: seat.store },
      sessions as unknown as Sessions,
      silentLogger,
    );
    await company.join(createServer());
    return { seat, sessions, here, lets, company };
  }

  test("[CL36] one that is being made is not let go because the store does not call it ours", async () => {
    const url = await server.fresh();
    const { seat, sessions, here, lets, company } = await hubOn(url);
    const other = new Client({ connectionString: url });
    await other.connect();
    try {
      await other.query("BEGIN; LOCK TABLE session IN EXCLUSIVE MODE");
      const made = seat.store.create(record(1), fact("session.created"));
      here.set("ses_1", made?.record ?? record(1));
      sessions.onLost();
      await until(() => lets.length > 0);
      await other.query("COMMIT");
      await made?.event;
      expect([lets.flat(), here.has("ses_1")]).toEqual([[], true]);
    } finally {
      await other.end();
      await company.leave();
    }
  }, 20_000);

  test("[CL22] a session whose fact is refused, and that is still this hub's, goes on here", async () => {
    const url = await server.fresh();
    const { seat, sessions, here, company } = await hubOn(url);
    const { store } = seat;
    try {
      const made = store.create(record(1), fact("session.created"));
      if (made === null) throw new Error("it was not made");
      here.set(made.record.id, made.record);
      await made.event;
      const told = store.append(made.record, fact("epoch.issued", { epochIssued: 1 }));
      await told.event;
      const forget =
        "DELETE FROM fact WHERE version = 2; UPDATE session SET version = 1, record = ";
      await server.query(`${forget} '${JSON.stringify(made.record)}'`, url);
      const next = store.append(told.record, fact("epoch.issued", { epochIssued: 2 }));
      await expect(next.event).rejects.toMatchObject({ code: "SessionMoved" });
      here.delete(made.record.id);
      sessions.onLost();
      await until(() => here.has(made.record.id));
      const back = here.get(made.record.id);
      expect(back?.epochIssued).toBe(0);
      await store.append(back ?? made.record, fact("epoch.issued", { epochIssued: 3 })).event;
    } finally {
      await company.leave();
    }
  }, 20_000);
});
