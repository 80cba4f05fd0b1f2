/** A timeline of any length over HTTP: read backwards, page by page. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

let http: HubHttp;
let world: HubWorld;

beforeEach(async () => {
  world = new HubWorld();
  http = hubHttp(world);
  await http.app.ready();
});
afterEach(() => http.app.close());

describe("GET /v1/sessions/:id/timeline", () => {
  interface Page {
    readonly items: readonly { readonly seq: number; readonly text: string }[];
    readonly nextCursor: string | null;
  }
  const page = async (query: string): Promise<Page> =>
    (await http.ask("GET", `/v1/sessions/demo/timeline${query}`)).json as unknown as Page;

  test("[FA16] 100,000 facts are read backwards in pages, each once and in order", async () => {
    const { session } = await world.connected();
    await http.ask("POST", "/v1/sessions", { name: "other" });
    for (let n = 0; n < 100_000; n++) session.ledger.note("probe.answered", `n ${n}`);
    const seqs: number[] = [];
    let cursor: string | null = null;
    do {
      const { items, nextCursor }: Page = await page(cursor === null ? "" : `?cursor=${cursor}`);
      expect(items.length).toBeLessThanOrEqual(1_000);
      seqs.unshift(...items.map(({ seq }) => seq));
      cursor = nextCursor;
    } while (cursor !== null);
    const query = { after: 0, session: session.record.id, limit: 200_000 };
    expect(seqs).toEqual(world.store.events(query).map(({ seq }) => seq));
    expect(seqs.length).toBeGreaterThan(100_000);
  });

  test("[FA16] a page that ends exactly at the beginning has none before it", async () => {
    const { session } = await world.connected();
    const all = await page("");
    expect(all.nextCursor).toBeNull();
    expect((await page(`?limit=${all.items.length}`)).nextCursor).toBeNull();
    const newest = await page("?limit=2");
    expect(newest.items.map(({ seq }) => seq)).toEqual(all.items.slice(-2).map(({ seq }) => seq));
    expect(newest.nextCursor).toBe(String(newest.items[0]?.seq));
    expect(await page("?cursor=1")).toEqual({ items: [], nextCursor: null });
    expect(session.record.state).toBe("connected");
  });

  test("[FA16] what is no limit, cursor or filter is refused by its name", async () => {
    await world.connected();
    const wrong = [
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["limit=x", "limit"],
      ["cursor=", "cursor"],
      ["cursor=-1", "cursor"],
      ["cursor=1e3", "cursor"],
      ["cursor=1&cursor=2", "cursor"],
      ["cursor=99999999999999999999", "cursor"],
      ["cursor=%00", "cursor"],
      ["kind=probe.answered", "kind"],
      ["Cursor=1", "Cursor"],
    ] as const;
    for (const [query, key] of wrong) {
      const { status, json } = await http.ask("GET", `/v1/sessions/demo/timeline?${query}`);
      expect([status, json["code"], query]).toEqual([400, "BadRequest", query]);
      expect(String(json["detail"])).toContain(`query: ${key}`);
    }
  });
});
