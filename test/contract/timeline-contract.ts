/** What every store promises of a timeline's pages and of what is dropped. */
import { beforeEach, describe, expect, test } from "vitest";
import type { TimelineShelf, TrimLaw } from "../../src/store/retention.ts";
import type { SqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { Store } from "../../src/store/store.ts";
import { fact, record } from "./store-contract.ts";

const law: TrimLaw = { rowsMax: 10, outcomesMax: 10, beforeAt: null, spare: 5, batch: 100 };

/** A store of one hub, which answers in the same turn. */
type OneHubStore = Omit<Store, "events"> & TimelineShelf & Pick<SqliteStore, "events">;

export function timelineContract(name: string, open: () => OneHubStore): void {
  describe(`timelines on ${name}`, () => {
    let store: OneHubStore;
    /** Session 1 has `count` steps at 1, 2, 3… and an end of an attempt among them. */
    const fill = (count: number): void => {
      let made = store.create(record(1), fact("session.created"))?.record ?? record(1);
      store.create(record(2), fact("session.created"));
      for (let at = 1; at <= count; at++) {
        const kind = at === 3 ? "attempt.ended" : "probe.answered";
        made = store.append(made, fact(kind, {}, at)).record;
      }
    };
    const story = () => store.events({ after: 0, session: "ses_1", limit: 1_000 });
    beforeEach(() => {
      store = open();
    });

    test("[FA16] a page ends before a number, from both ends", () => {
      fill(20);
      const all = story();
      const before = all[12]?.seq ?? 0;
      const query = { after: 0, before, session: "ses_1" };
      expect(store.events({ ...query, limit: 100 })).toEqual(all.slice(0, 12));
      expect(store.events({ ...query, limit: 4, newest: true })).toEqual(all.slice(8, 12));
      expect(store.events({ after: 0, before: 3, limit: 9 }).map(({ seq }) => seq)).toEqual([1, 2]);
    });

    test("[FA14] beyond the number of rows the oldest go, and what is kept for good stays", () => {
      fill(20);
      const all = story();
      // 21 facts, of which 10 stay; two of the others are kept for good.
      expect(store.trim("ses_1", law)).toBe(9);
      const left = story();
      expect(left.map(({ kind }) => kind)).toEqual([
        "session.created",
        "attempt.ended",
        "timeline.trimmed",
        ...all.slice(-10).map(({ kind }) => kind),
      ]);
      expect(left.slice(-10)).toEqual(all.slice(-10));
      expect(store.events({ after: 0, session: "ses_2", limit: 10 })).toHaveLength(1);
      expect(store.trim("ses_2", law)).toBe(0);
    });

    test("[FA14] what is old goes by its age, and the newest stay at any age", () => {
      fill(20);
      // Of the 20 steps those before 8 go: 7, without the one that is kept for good.
      const byAge = { ...law, rowsMax: 1_000, beforeAt: 8 };
      expect(store.trim("ses_1", byAge)).toBe(6);
      expect(store.trim("ses_1", { ...byAge, beforeAt: 1_000 })).toBe(8);
      expect(story().map(({ at }) => at)).toEqual([2_000, 3, 15, 16, 17, 18, 19, 20]);
    });

    test("[FA14] of ends of attempts the newest stay, and the begin however many there are", () => {
      let made = store.create(record(1), fact("session.created"))?.record ?? record(1);
      for (let at = 1; at <= 40; at++) {
        const kind = at % 2 === 0 ? "attempt.ended" : "session.failed";
        made = store.append(made, fact(kind, {}, at)).record;
      }
      const all = story();
      const few = { ...law, outcomesMax: 3 };
      expect([store.trim("ses_1", { ...few, batch: 20 }), store.trim("ses_1", few)]).toEqual([
        20, 7,
      ]);
      // The one that stands for the others has a number of its own among those that are left.
      expect(store.trim("ses_1", few)).toBe(0);
      const left = story();
      expect(left.map(({ seq }) => seq)).toEqual([
        all[0]?.seq,
        all[27]?.seq,
        ...all.slice(-13).map(({ seq }) => seq),
      ]);
      expect(left[1]).toMatchObject({ kind: "timeline.trimmed", data: { dropped: 27 } });
    });

    test("[FA15] one fact stands for all that were dropped, also after many goes", () => {
      fill(60);
      const last = story().at(-11);
      const goes = Array.from({ length: 9 }, () => store.trim("ses_1", { ...law, batch: 7 }));
      expect(goes).toEqual([7, 7, 7, 7, 7, 7, 7, 0, 0]);
      const told = story().filter(({ kind }) => kind === "timeline.trimmed");
      expect(told).toHaveLength(1);
      expect(told[0]).toMatchObject({
        seq: last?.seq,
        data: { dropped: 49, until: new Date(last?.at ?? 0).toISOString() },
        text: "49 facts up to here were dropped; how the last attempts ended is kept",
      });
    });

    test("[FA14] the sessions are walked in pages, those that are gone included", () => {
      const made = store.create(record(1), fact("session.created"))?.record ?? record(1);
      store.create(record(2), fact("session.created"));
      store.append(made, fact("session.ended", { state: "ended", detail: "ended.gone" }));
      const [first] = store.shelved(0, 1);
      expect(first?.id).toBe("ses_1");
      expect(store.shelved(first?.place ?? 0, 5).map(({ id }) => id)).toEqual(["ses_2"]);
    });
  });
}
