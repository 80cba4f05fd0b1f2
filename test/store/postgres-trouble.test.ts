/**
 * A PostgreSQL that is there and not as it should be: a password that is wrong or was changed, no
 * room on its disk, tables of another version.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger, type Logger } from "../../src/base/log.ts";
import { Membership } from "../../src/hub/cluster/membership.ts";
import { PostgresRoll } from "../../src/store/postgres/postgres-roll.ts";
import { PostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { migrate, STEPS } from "../../src/store/postgres/schema.ts";
import { fact, record } from "../contract/store-contract.ts";
import { describeWhere, needs } from "../support/needs.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { until } from "../support/until.ts";

const refusal = (store: PostgresStore): string | null => {
  try {
    store.check();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describeWhere([needs.postgres], "a PostgreSQL with a password", () => {
  let server: PostgresServer;
  let url: string;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
    await server.demandPassword("guarded", "right");
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = (await server.fresh()).replace("holdfast@", "guarded:right@");
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  const open = async (at = url, log: Logger = silentLogger): Promise<PostgresStore> => {
    const store = await PostgresStore.open({ url: at, inc: "me", clock: systemClock, log });
    closers.push(() => store.close());
    return store;
  };

  test("[CL3] a wrong password and a database that is not there: what to do", async () => {
    const wrong = await open(url.replace("right", "hush")).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: "StoreUnreachable" });
    expect(String(wrong)).toContain('password authentication failed for user "guarded"');
    expect(String(wrong)).not.toContain("hush");
    expect(wrong).toHaveProperty("hint", expect.stringContaining("HOLDFAST_STORE_FILE"));
    const none = await open(url.replace("/postgres", "/none")).catch((error: unknown) => error);
    expect(String(none)).toContain('database "none" does not exist');
    expect(none).toHaveProperty("hint", expect.stringContaining("Create it"));
  });

  test("[CL5] one that is changed: what is connected goes on, all else holds", async () => {
    const store = await open();
    const warned: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_, text) => void warned.push(text) };
    const roll = new PostgresRoll(url);
    const dead: string[] = [];
    const members = new Membership({
      self: { inc: "me", name: "me", advertise: "", version: "1", started: 7 },
      book: roll,
      refuses: () => Promise.resolve(false),
      clock: systemClock,
      log,
      onDeclaredDead: () => dead.push("me"),
      onDead: (incs) => dead.push(...incs),
    });
    closers.push(() => roll.close());
    await members.start();
    const made = store.create(record(1), fact("session.created"));
    await made?.event;
    await server.query("ALTER ROLE guarded PASSWORD 'another'");
    let now = store.append(made?.record ?? record(1), fact("epoch.issued", { epochIssued: 1 }));
    await now.event;
    expect([refusal(store), members.mayAct()]).toEqual([null, true]);
    // As a pooler, a fail-over or an idle time would: all that is connected is not any more.
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'",
    );
    now = store.append(now.record, fact("epoch.issued", { epochIssued: 2 }));
    await until(() => refusal(store) !== null && !members.mayAct());
    expect(refusal(store)).toContain('password authentication failed for user "guarded"');
    expect(warned).toContain("no beat: the store does not answer");
    await server.query("ALTER ROLE guarded PASSWORD 'right'");
    await until(() => refusal(store) === null && members.mayAct());
    expect((await now.event).seq).toBeGreaterThan(0);
    expect((await store.find("ses_1"))?.epochIssued).toBe(2);
    members.stop();
    expect(dead).toEqual([]);
  }, 30_000);
});

describeWhere([needs.postgres], "tables of another version", () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await PostgresServer.start();
  }, 60_000);
  afterAll(() => server.stop());

  test("[CL3] old ones are brought forward under a hub that runs, and refuse it after", async () => {
    const url = await server.fresh();
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await migrate(client, STEPS.slice(0, 1));
      const old = new PostgresRoll(url);
      const self = { inc: "old", name: "old", advertise: "", version: "0.1.0", started: 7 };
      await old.register(self);
      const store = await PostgresStore.open({
        ...{ url, inc: "new", clock: systemClock, log: silentLogger },
      });
      const fresh = new PostgresRoll(url);
      await fresh.register({ ...self, inc: "new", name: "new", version: "0.2.0" });
      const versions = (await old.beat("old"))?.map(({ version }) => version);
      expect(versions?.sort()).toEqual(["0.1.0", "0.2.0"]);
      expect(await fresh.beat("new")).toHaveLength(2);
      for (const one of [old, fresh, store]) await one.close();
      const newest = `newer Holdfast (step ${STEPS.at(-1)?.id ?? 0})`;
      await expect(migrate(client, STEPS.slice(0, -1))).rejects.toThrow(newest);
    } finally {
      await client.end();
    }
  });
});

describeWhere(
  [needs.linux, needs.root, needs.postgres],
  "a disk of PostgreSQL's that is full",
  () => {
    let room: string;
    let server: PostgresServer;

    beforeAll(async () => {
      room = mkdtempSync(join(tmpdir(), "holdfast-room-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=220m,mode=0755", "none", room]);
      server = await PostgresServer.start("off", room);
    }, 60_000);
    afterAll(async () => {
      await server.stop();
      execFileSync("umount", [room]);
      rmSync(room, { recursive: true });
    });

    test("[FA19] facts are refused by its word, and all kept once, in order, with room", async () => {
      const url = await server.fresh();
      const store = await PostgresStore.open({
        ...{ url, inc: "me", clock: systemClock, log: silentLogger },
      });
      const made = store.create(record(1), fact("session.created"));
      await made?.event;
      const ballast = join(room, "ballast");
      const { bavail, bsize } = statfsSync(room);
      execFileSync("fallocate", ["-l", String(bavail * bsize - 256 * 1024), ballast]);
      // What has a page left is still taken: big facts need new ones soon.
      let next = made?.record ?? record(1);
      const kept: Promise<{ readonly seq: number }>[] = [];
      const word = "x".repeat(20_000);
      await until(() => {
        if (refusal(store) !== null) return true;
        const appended = store.append(next, {
          ...fact("probe.answered"),
          data: { word: `${word}${kept.length}` },
        });
        next = appended.record;
        kept.push(Promise.resolve(appended.event));
        return false;
      });
      const why = refusal(store);
      rmSync(ballast);
      await until(() => refusal(store) === null);
      const seqs = (await Promise.all(kept)).map(({ seq }) => seq);
      expect(why).toContain("No space left on device");
      const told = await store.events({ after: 0, session: "ses_1", limit: 10_000 });
      expect(told.slice(1).map(({ seq }) => seq)).toEqual(seqs);
      await store.close();
    }, 60_000);
  },
);
