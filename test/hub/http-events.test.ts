/** Server-sent events over a real socket: from any point, page by page, then live. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Elsewhere } from "../../src/hub/cluster/company.ts";
import { fact, record } from "../contract/store-contract.ts";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { MemoryStore } from "../../src/testing/sim/memory-store.ts";
import { HubWorld } from "../support/hub-world.ts";

let http: HubHttp;
let world: HubWorld;
let origin: string;
let cutting: AbortController;
let store: MemoryStore;

beforeEach(async () => {
  store = new MemoryStore();
  world = new HubWorld({ store });
  http = hubHttp(world);
  origin = await http.app.listen({ host: "127.0.0.1", port: 0 });
  cutting = new AbortController();
});
afterEach(async () => {
  cutting.abort();
  http.app.server.closeAllConnections();
  await http.app.close();
});

async function open(query = "", headers: Record<string, string> = {}) {
  const response = await fetch(`${origin}/v1/events${query}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
    signal: cutting.signal,
  });
  let text = "";
  const reader = response.body?.getReader();
  const ids = (): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  /** Reads until `count` events are there. */
  const read = async (count: number): Promise<number[]> => {
    while (ids().length < count) {
      const part = await reader?.read();
      if (part === undefined || part.done) throw new Error(`cut after ${ids().length} events`);
      text += new TextDecoder().decode(part.value);
    }
    return ids();
  };
  return { response, read, text: () => text };
}

const total = (): number => world.store.events({ after: 0, limit: 100_000 }).length;

describe("GET /v1/events", () => {
  test("[FA10] replays from the start, then follows, each event once and in order", async () => {
    const { session } = await world.connected();
    const stream = await open();
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
    const old = await stream.read(total());
    expect(old).toEqual(old.map((_, at) => at + 1));
    session.operate("operator.paused");
    await world.clock.advanceAsync(100);
    const all = await stream.read(total());
    expect(all).toEqual(all.map((_, at) => at + 1));
    expect(stream.text()).toContain("event: session.suspended");
  });

  test("[FA10] Last-Event-ID goes on behind that event, and wins over ?after", async () => {
    await world.connected();
    const count = total();
    const stream = await open("?after=1", { "last-event-id": String(count - 2) });
    expect(await stream.read(2)).toEqual([count - 1, count]);
  });

  test("[FA11] a long history reaches a reader in full", async () => {
    const { session } = await world.connected();
    const text = "x".repeat(2_000);
    for (let n = 0; n < 3_000; n++) session.ledger.note("probe.answered", text);
    const stream = await open();
    const ids = await stream.read(total());
    expect(ids).toEqual(ids.map((_, at) => at + 1));
    session.ledger.note("probe.answered", "live again");
    await stream.read(total());
    expect(stream.text()).toContain("live again");
  });

  test("[FA11] a live reader that takes nothing is cut, and counted", async () => {
    const { session } = await world.connected();
    const stream = await open();
    await stream.read(total());
    for (let n = 0; n < 1_000; n++) session.ledger.note("probe.answered", "x".repeat(2_000));
    await expect(stream.read(total())).rejects.toThrow();
    const { text } = await http.ask("GET", "/metrics");
    expect(text).toContain("holdfast_event_readers_cut_total 1\n");
  });

  test("one session's events, by name or id", async () => {
    const { session } = await world.connected();
    world.create({ name: "other" });
    const stream = await open("?session=demo");
    const mine = world.store.events({ after: 0, session: session.record.id, limit: 10_000 });
    expect(await stream.read(mine.length)).toEqual(mine.map(({ seq }) => seq));
    const byId = await open(`?session=${session.record.id}&after=${mine.at(-2)?.seq ?? 0}`);
    expect(await byId.read(1)).toEqual([mine.at(-1)?.seq]);
  });

  test("[CL9] those of another hub's session, by its name there; of none, and of others', none", async () => {
    const elsewhere: Elsewhere = {
      isShared: true,
      roster: null,
      isPeer: () => false,
      place: (name) => Promise.resolve(name === "far" ? { id: "ses_7", name } : null),
      made: () => Promise.resolve(null),
      reach: () => Promise.resolve(null),
      explain: () => Promise.resolve(null),
    };
    await http.app.close();
    http = hubHttp(
      world,
      undefined,
      undefined,
      undefined,
      null,
      undefined,
      null,
      {},
      { elsewhere },
    );
    origin = await http.app.listen({ host: "127.0.0.1", port: 0 });
    await world.connected();
    const made = store.create(record(7, "far"), fact("session.created"));
    const stream = await open("?session=far");
    expect(await stream.read(1)).toEqual([(await made?.event)?.seq]);
    expect((await open("?session=none")).response.status).toBe(404);
    expect((await open("?session=demo")).response.status).toBe(200);
    const asked = { for: "client", session: "far" };
    expect((await http.ask("POST", "/v1/tickets", asked)).status).toBe(200);
    const others = { name: "t", role: "owner", tenant: "acme", sessions: null } as const;
    const { token } = await http.access.tokens.create({ ...others, createdBy: "x", forMs: 60_000 });
    const refused = await open("?session=far", { authorization: `Bearer ${token}` });
    expect(refused.response.status).toBe(404);
  });

  test("[AC7] a wrong place to start is refused", async () => {
    for (const query of ["?after=x", "?after=-1", "?after=1.5", "?after=", "?after=1&after=2"]) {
      const { response } = await open(query);
      expect([response.status, query]).toEqual([400, query]);
    }
    expect((await open("?session=a&session=b")).response.status).toBe(400);
    expect((await open("", { "last-event-id": "abc" })).response.status).toBe(400);
  });

  test("[FA16] a filter that is not known, and a place above the newest event, are refused", async () => {
    await world.connected();
    const count = total();
    for (const query of ["?kind=x", `?after=${count + 1}`, "?Session=demo"]) {
      const { response } = await open(query);
      expect([response.status, query]).toEqual([400, query]);
    }
    const beyond = { "last-event-id": String(count + 1) };
    expect((await open("", beyond)).response.status).toBe(400);
  });

  test("[FA15] a Last-Event-ID in what was dropped meets the fact that says so", async () => {
    const { session } = await world.connected();
    for (let n = 0; n < 50; n++) session.ledger.note("probe.answered", `n ${n}`);
    const last = total();
    const law = { rowsMax: 10, outcomesMax: 10, beforeAt: null, spare: 10, batch: 1_000 };
    expect(store.trim(session.record.id, law)).toBeGreaterThan(40);
    const stream = await open("?session=demo", { "last-event-id": String(last - 30) });
    const [first] = await stream.read(11);
    expect(first).toBe(last - 10);
    expect(stream.text()).toMatch(/^event: timeline\.trimmed$/m);
    expect(stream.text()).toMatch(/"text":"\d+ facts up to here were dropped/);
  });

  test("a HEAD ends at once and leaves nobody listening", async () => {
    const response = await fetch(`${origin}/v1/events`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(response.status).toBe(404);
  });
});
