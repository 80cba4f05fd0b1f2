/** What every store promises, as tests that run on each of them. */
import { beforeEach, describe, expect, test } from "vitest";
import { newRecord, type Fact, type SessionRecord } from "../../src/store/facts.ts";
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

export function storeContract(name: string, open: () => Store): void {
  describe(`the store contract on ${name}`, () => {
    let store: Store;
    beforeEach(() => {
      store = open();
    });

    test("[FA1] a record is the fold of its facts, and loads as it was", () => {
      const made = store.create(record(1), fact("session.created"));
      const cost = { ...record(1).cost, at: 2_000 };
      expect(made?.record).toEqual({ ...record(1), updatedAt: 2_000, cost });
      const next = store.append(
        made?.record ?? record(1),
        fact("sandbox.created", { sandboxId: "box", epochIssued: 2 }, 3_000),
      );
      expect(next.record).toMatchObject({ sandboxId: "box", epochIssued: 2, updatedAt: 3_000 });
      expect(store.load()).toEqual([next.record]);
    });

    test("[FA2] applying a fact twice changes nothing more", () => {
      const made = store.create(record(1), fact("session.created"))?.record ?? record(1);
      const change = fact("driver.launched", { driverDir: "/x" });
      const once = store.append(made, change).record;
      expect(store.append(once, change).record).toEqual(once);
    });

    test("[FA3] epochs never go back, whatever a fact says, and nothing is written then", () => {
      const made = store.create(record(1), fact("session.created"))?.record ?? record(1);
      const high = store.append(made, fact("epoch.issued", { epochIssued: 5, epoch: 5 })).record;
      expect(() => store.append(high, fact("epoch.issued", { epoch: 4 }))).toThrow("epoch");
      expect(() => store.append(high, fact("epoch.issued", { epochIssued: 4 }))).toThrow("epoch");
      expect(store.load()).toEqual([high]);
      expect(store.events({ after: 0, limit: 10 })).toHaveLength(2);
    });

    test("[FA4] a name belongs to one living session, and is free when that is gone", () => {
      const made = store.create(record(1, "a"), fact("session.created"))?.record ?? record(1);
      expect(store.create(record(2, "a"), fact("session.created"))).toBeNull();
      expect(store.load()).toHaveLength(1);
      expect(store.events({ after: 0, limit: 10 })).toHaveLength(1);
      store.append(made, fact("session.ended", { state: "ended", detail: "ended.gone" }));
      expect(store.load()).toEqual([]);
      expect(store.create(record(3, "a"), fact("session.created"))?.record.id).toBe("ses_3");
      expect(store.events({ after: 0, session: "ses_1", limit: 10 })).toHaveLength(2);
    });

    test("[CO3] what was booked adds up by kind, and ended sessions keep their cost", () => {
      expect([store.booked(), store.endedCost()]).toEqual([{}, null]);
      for (const ms of [5, 7]) store.book("control", ms);
      store.book("orphaned", 1);
      expect(store.booked()).toEqual({
        control: { ms: 12, count: 2 },
        orphaned: { ms: 1, count: 1 },
      });
      for (const n of [1, 2]) {
        const made = store.create(record(n), fact("session.created"))?.record ?? record(n);
        const owned = store.append(made, fact("sandbox.created", { sandboxId: `box-${n}` })).record;
        const ended = { state: "ended", detail: "ended.gone" } as const;
        store.append(owned, fact("session.ended", ended, 2_000 + n * 1_000));
        expect(store.find(`ses_${n}`)?.cost.ownedMs).toBe(n * 1_000);
      }
      expect(store.endedCost()).toMatchObject({ ownedMs: 3_000, orphanedMs: 0, cleaned: 0 });
    });

    test("[FA5] events are numbered upwards and read in pages, from both ends", () => {
      const records = [1, 2].map((n) => {
        return store.create(record(n), fact("session.created"))?.record ?? record(n);
      });
      for (let n = 0; n < 20; n++) {
        store.append(records[n % 2] ?? record(1), fact("probe.answered", {}, n));
      }
      const all = store.events({ after: 0, limit: 100 });
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at + 1));
      const first = store.events({ after: 0, limit: 8 });
      const rest = store.events({ after: first.at(-1)?.seq ?? 0, limit: 100 });
      expect([...first, ...rest]).toEqual(all);
      const newest = store.events({ after: 0, limit: 3, newest: true });
      expect(newest).toEqual(all.slice(-3));
      const mine = all.filter(({ session }) => session === "ses_2");
      expect(store.events({ after: 0, session: "ses_2", limit: 100 })).toEqual(mine);
      expect(store.events({ after: 0, session: "ses_2", limit: 2, newest: true })).toEqual(
        mine.slice(-2),
      );
      expect(store.events({ after: 0, session: "nobody", limit: 2 })).toEqual([]);
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
