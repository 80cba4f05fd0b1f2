/** What every store promises, as tests that run on each of them. */
import { beforeEach, describe, expect, test } from "vitest";
import { newRecord, type Fact, type SessionRecord } from "../../src/store/facts.ts";
import type { Soon } from "../../src/store/soon.ts";
import type { Store } from "../../src/store/store.ts";

export const record = (n: number, name = `s${n}`): SessionRecord =>
  newRecord(`ses_${n}`, name, { env: { A: "1" }, labels: { b: "2" } }, 1_000 + n);

export const fact = (kind: Fact["kind"], change: Fact["change"] = {}, at = 2_000): Fact => ({
  kind,
  at,
  text: `${kind} happened`,
  data: { some: ["data", 1, null] },
  change,
});

/** `reopen` is another process that reads what is kept; a store in memory has none. */
export function storeContract(
  name: string,
  open: () => Soon<Store>,
  reopen: (store: Store) => Soon<Store> = (store) => store,
): void {
  describe(`the store contract on ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });

    /** A new session whose first fact is kept. */
    const create = async (blank: SessionRecord): Promise<SessionRecord> => {
      const made = store.create(blank, fact("session.created"));
      await made?.event;
      return made?.record ?? blank;
    };
    const append = async (before: SessionRecord, next: Fact): Promise<SessionRecord> => {
      const appended = store.append(before, next);
      await appended.event;
      return appended.record;
    };

    test("[FA1] a record is the fold of its facts, and loads as it was", async () => {
      const made = await create(record(1));
      const cost = { ...record(1).cost, at: 2_000 };
      expect(made).toEqual({ ...record(1), updatedAt: 2_000, cost });
      const next = await append(
        made,
        fact("sandbox.created", { sandboxId: "box", epochIssued: 2 }, 3_000),
      );
      expect(next).toMatchObject({ sandboxId: "box", epochIssued: 2, updatedAt: 3_000 });
      expect([...(await store.load())]).toEqual([next]);
      expect(await store.find("ses_1")).toEqual(next);
      expect(await store.find("ses_2")).toBeNull();
    });

    test("[FA2] applying a fact twice changes nothing more", async () => {
      const made = await create(record(1));
      const change = fact("driver.launched", { driverDir: "/x" });
      const once = await append(made, change);
      expect(await append(once, change)).toEqual(once);
    });

    test("[FA3] epochs never go back, whatever a fact says, and nothing is written then", async () => {
      const made = await create(record(1));
      const high = await append(made, fact("epoch.issued", { epochIssued: 5, epoch: 5 }));
      expect(() => store.append(high, fact("epoch.issued", { epoch: 4 }))).toThrow("epoch");
      expect(() => store.append(high, fact("epoch.issued", { epochIssued: 4 }))).toThrow("epoch");
      expect([...(await store.load())]).toEqual([high]);
      expect(await store.events({ after: 0, limit: 10 })).toHaveLength(2);
    });

    test("[FA4] a name belongs to one living session, and is free when that is gone", async () => {
      const made = await create(record(1, "a"));
      expect(store.create(record(2, "a"), fact("session.created"))).toBeNull();
      expect([...(await store.load())]).toHaveLength(1);
      expect(await store.events({ after: 0, limit: 10 })).toHaveLength(1);
      await append(made, fact("session.ended", { state: "ended", detail: "ended.gone" }));
      expect([...(await store.load())]).toEqual([]);
      expect((await create(record(3, "a"))).id).toBe("ses_3");
      expect([...(await store.load())]).toHaveLength(1);
      expect(await store.events({ after: 0, session: "ses_1", limit: 10 })).toHaveLength(2);
    });

    test("[FA17] facts are applied in their turn, and what is settled is kept", async () => {
      let now = store.create(record(1), fact("session.created"))?.record ?? record(1);
      for (let n = 1; n <= 50; n++) {
        now = store.append(now, fact("epoch.issued", { epochIssued: n }, n)).record;
      }
      expect(now.epochIssued).toBe(50);
      await store.settled("ses_1");
      expect(store.settled("ses_1")).toBeNull();
      expect(await store.find("ses_1")).toEqual(now);
      const kept = await store.events({ after: 0, session: "ses_1", limit: 100 });
      expect(kept.map(({ at }) => at)).toEqual([
        2_000,
        ...Array.from({ length: 50 }, (_, n) => n + 1),
      ]);
    });

    test("[FA18] what a platform says is kept to the letter", async () => {
      const said = "nul \u0000, quote ' \" \\, brace {}, ✓ 🚀, \r\n";
      const env = { [said]: said };
      const made = await create({ ...record(1), spec: { env, labels: {} } });
      await append(made, { ...fact("platform.claimed"), text: said, data: { said } });
      expect((await store.find("ses_1"))?.spec.env).toEqual(env);
      const [, told] = await store.events({ after: 0, session: "ses_1", limit: 2 });
      expect(told).toMatchObject({ text: said, data: { said } });
    });

    test("[CO3] what was booked adds up by kind, and ended sessions keep their cost", async () => {
      expect([store.booked(), store.endedCost()]).toEqual([{}, null]);
      for (const ms of [5, 7]) store.book("control", ms);
      store.book("orphaned", 1);
      expect(store.booked()).toEqual({
        control: { ms: 12, count: 2 },
        orphaned: { ms: 1, count: 1 },
      });
      for (const n of [1, 2]) {
        const made = await create(record(n));
        const owned = await append(made, fact("sandbox.created", { sandboxId: `box-${n}` }));
        const ended = { state: "ended", detail: "ended.gone" } as const;
        await append(owned, fact("session.ended", ended, 2_000 + n * 1_000));
        expect((await store.find(`ses_${n}`))?.cost.ownedMs).toBe(n * 1_000);
      }
      store = await reopen(store);
      expect(store.endedCost()).toMatchObject({ ownedMs: 3_000, orphanedMs: 0, cleaned: 0 });
      expect(store.booked()["control"]).toEqual({ ms: 12, count: 2 });
    });

    test("[FA5] events are numbered upwards and read in pages, from both ends", async () => {
      const records = [await create(record(1)), await create(record(2))];
      for (let n = 0; n < 20; n++) {
        await append(records[n % 2] ?? record(1), fact("probe.answered", {}, n));
      }
      const all = await store.events({ after: 0, limit: 100 });
      expect(all).toHaveLength(22);
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at + 1));
      const first = await store.events({ after: 0, limit: 8 });
      const rest = await store.events({ after: first.at(-1)?.seq ?? 0, limit: 100 });
      expect([...first, ...rest]).toEqual(all);
      const newest = await store.events({ after: 0, limit: 3, newest: true });
      expect(newest).toEqual(all.slice(-3));
      const mine = all.filter(({ session }) => session === "ses_2");
      expect(await store.events({ after: 0, session: "ses_2", limit: 100 })).toEqual(mine);
      expect(await store.events({ after: 0, session: "ses_2", limit: 2, newest: true })).toEqual(
        mine.slice(-2),
      );
      expect(await store.events({ after: 0, session: "nobody", limit: 2 })).toEqual([]);
      expect(all[0]).toEqual({
        seq: 1,
        at: 2_000,
        session: "ses_1",
        name: "s1",
        kind: "session.created",
        state: "creating",
        detail: "creating.requesting",
        text: "session.created happened",
        data: { some: ["data", 1, null] },
      });
    });
  });
}
