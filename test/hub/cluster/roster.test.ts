/** A list over several hubs: over real peer doors, with a store that is a table in memory. */
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLogger } from "../../../src/base/log.ts";
import { ADMIN, type Principal } from "../../../src/hub/auth/principal.ts";
import type { Elsewhere } from "../../../src/hub/cluster/company.ts";
import { PeerDoor } from "../../../src/hub/cluster/peer-door.ts";
import { peerKeyOf } from "../../../src/hub/cluster/peer-greeting.ts";
import type { HubRow } from "../../../src/hub/cluster/roll-book.ts";
import { Roster, type RosterParts } from "../../../src/hub/cluster/roster.ts";
import { newRecord, type SessionRecord } from "../../../src/store/facts.ts";
import type { Enrolled, RosterQuery } from "../../../src/store/roster.ts";
import { hubHttp, type HubHttp } from "../../support/hub-http.ts";
import { HubWorld } from "../../support/hub-world.ts";
import { until } from "../../support/until.ts";

const key = peerKeyOf("one secret");
const NONE = { env: {}, labels: {} };

/** What the store has: in its order. */
let rows: { readonly owner: string | null; readonly record: SessionRecord }[];
let queries: RosterQuery[];
let found: string[][];
let hubs: HubRow[];
let world: HubWorld;
let http: HubHttp;
/** The other hub, what it has, and what it was asked for. */
let other: Server;
let door: PeerDoor;
let others: { readonly id: string; readonly state: string; readonly code: string }[];
let asked: { readonly path: string; readonly as: Principal | null }[];
let answers: "items" | "nothing" | "refusal";
let onAsked: () => void;

const doorAt = (advertise: string): HubRow => {
  return {
    inc: "life-b",
    name: "b",
    advertise,
    version: "1",
    state: "live",
    beat: 1,
    linked: true,
    started: 7,
  };
};
const enrol = (n: number, owner: string | null, change: Partial<SessionRecord> = {}): string => {
  const id = `ses_${n}`;
  const record = { ...newRecord(id, `n-${n}`, NONE, 1_000 + n), ...change };
  rows.push({ owner, record });
  if (owner === "life-b") others.push({ id, state: record.state, code: "Connected" });
  return id;
};

beforeEach(async () => {
  [rows, queries, found, others, asked] = [[], [], [], [], []];
  answers = "items";
  onAsked = () => undefined;
  world = new HubWorld();
  door = await PeerDoor.open(
    { host: "127.0.0.1", port: 0 },
    { key, inc: "life-b", log: silentLogger },
  );
  other = createServer((request, response) => {
    asked.push({ path: request.url ?? "", as: door.principalOf(request) });
    onAsked();
    if (answers === "nothing") return;
    if (answers === "refusal") response.statusCode = 503;
    const ids = new URL(request.url ?? "", "http://b").searchParams.get("id")?.split(",") ?? [];
    const items = others
      .filter(({ id }) => ids.includes(id))
      .map(({ id, state, code }) => ({
        ...{ id, name: id.replace("ses_", "n-"), state, labels: {}, lastError: null },
        ...{ createdAt: new Date(1_000).toISOString(), health: { verdict: { code } } },
      }));
    response.end(JSON.stringify({ items, nextCursor: null, eventSeq: 0 }));
  });
  door.serve(other);
  hubs = [doorAt(door.address)];
  const store: RosterParts["seat"]["store"] = {
    roster: (query): Promise<readonly Enrolled[]> => {
      queries.push(query);
      const after = rows.findIndex(({ record }) => record.id === query.after);
      if (query.after !== null && after < 0) return Promise.resolve([]);
      const left = rows.slice(after + 1).filter(({ record }) => record.detail !== "ended.gone");
      return Promise.resolve(left.map(({ owner, record }) => ({ id: record.id, owner })));
    },
    find: (id) => Promise.resolve(rows.find(({ record }) => record.id === id)?.record ?? null),
    findAll: (ids) => {
      found.push([...ids]);
      const there = rows.filter(({ record }) => ids.includes(record.id));
      return Promise.resolve(new Map(there.map(({ record }) => [record.id, record])));
    },
  };
  const members = { hubs, inc: "life-a" };
  const seat = { peerKey: key, name: "a", store, members };
  const roster = new Roster({ seat, clock: world.clock, log: silentLogger });
  const elsewhere: Elsewhere = {
    isShared: true,
    roster,
    isPeer: () => false,
    place: () => Promise.resolve(null),
    made: () => Promise.resolve(null),
    reach: () => Promise.resolve(null),
    explain: () => Promise.resolve(null),
  };
  const not = undefined;
  http = hubHttp(world, not, not, not, null, not, null, {}, { elsewhere });
  await http.app.ready();
});
afterEach(async () => {
  await http.app.close();
  await door.close();
  other.close();
});

interface Listed {
  readonly id: string;
  readonly hub: string | null;
  readonly stale?: string;
  readonly health?: { readonly verdict: { readonly code: string } };
}
const list = async (query = "") => {
  const { status, json } = await http.ask("GET", `/v1/sessions${query}`);
  expect([status, json]).toMatchObject([200, {}]);
  return json as unknown as { items: Listed[]; nextCursor: string | null };
};
const ids = ({ items }: { items: Listed[] }): string[] => items.map(({ id }) => id);

test("[CL29] each session once, in the store's order, from the hub that has it", async () => {
  const far = enrol(1, "life-b");
  const own = world.create({ name: "own" }).record;
  rows.push({ owner: "life-a", record: own });
  const nobodys = enrol(3, null);
  const page = await list();
  expect(page.items).toMatchObject([
    { id: far, hub: "b" },
    { id: own.id, hub: "a", name: "own" },
    { id: nobodys, hub: null, stale: "no hub has it now" },
  ]);
  expect(page.nextCursor).toBeNull();
  expect(page.items.map(({ stale, health }) => [stale === undefined, health])).toEqual([
    [true, undefined],
    [true, undefined],
    [false, undefined],
  ]);
  // One question to the hub, for the one who asked here; one to the store.
  expect(asked).toEqual([{ path: expect.stringContaining(`id=${far}&`) as string, as: ADMIN }]);
  expect([queries.length, found]).toEqual([1, [[nobodys]]]);
});

test("[CL29] a hub that stands still is waited for a second, and then not for the next pages", async () => {
  const far = enrol(1, "life-b", { state: "connected", detail: "connected.healthy" });
  answers = "nothing";
  const first = list("?health=true");
  await until(() => asked.length === 1);
  await world.clock.advanceAsync(1_000);
  const said = { id: far, hub: "b", state: "connected", stale: "the hub b does not answer" };
  expect((await first).items).toMatchObject([
    { ...said, health: { status: "warn", verdict: { code: "Unproven" }, evidence: {} } },
  ]);
  expect((await list()).items).toMatchObject([said]);
  expect(asked).toHaveLength(1);
  answers = "items";
  await world.clock.advanceAsync(2_000);
  const again = (await list()).items;
  expect([again[0]?.hub, again[0]?.stale, asked.length]).toEqual(["b", undefined, 2]);
});

test("[CL29] one that is gone, or refuses, is told by the store at once", async () => {
  const far = enrol(1, "life-b");
  answers = "refusal";
  expect((await list()).items).toMatchObject([{ id: far, stale: "the hub b does not answer" }]);
  await world.clock.advanceAsync(2_000);
  await door.close();
  expect((await list()).items).toMatchObject([{ id: far, stale: "the hub b does not answer" }]);
  hubs[0] = { ...doorAt(door.address), state: "dead" };
  expect((await list()).items).toMatchObject([{ id: far, hub: null, stale: "no hub has it now" }]);
});

test("[CL29] one that moves while its hub is asked is there once; one that ends then is not", async () => {
  const [moving, ending] = [enrol(1, "life-b"), enrol(2, "life-b")];
  onAsked = () => {
    others = [];
    rows = rows.map(({ owner, record }) => {
      const { detail } = record;
      return { owner, record: { ...record, detail: record.id === ending ? "ended.gone" : detail } };
    });
  };
  const page = await list();
  expect(ids(page)).toEqual([moving]);
  expect(page.items[0]).toMatchObject({ hub: "b", stale: "it moves away from the hub b" });
  expect(found).toEqual([[moving, ending]]);
});

test("[CL29] one that comes here while its hub is asked is told from here", async () => {
  const { record } = world.create({ name: "coming" });
  rows.push({ owner: "life-b", record });
  const away = { ...record };
  world.sessions.let([record.id]);
  onAsked = () => world.sessions.adopt(away, 0);
  expect((await list()).items).toMatchObject([{ id: record.id, hub: "a" }]);
  expect((await list()).items[0]?.stale).toBeUndefined();
});

test("[CL29] pages meet each session once, and a cursor of no page is refused", async () => {
  const all = Array.from({ length: 7 }, (_, n) => enrol(n + 1, n % 2 === 0 ? "life-b" : null));
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page = await list(`?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...ids(page));
    cursor = page.nextCursor;
  }
  expect(seen).toEqual(all);
  const { status, json } = await http.ask("GET", "/v1/sessions?cursor=5.ses_none");
  expect([status, json["detail"]]).toEqual([400, expect.stringContaining("ses_none") as string]);
});

test("[CL29] a filter asks for the verdict of the hub that has it, and fills its page", async () => {
  for (let n = 1; n <= 30; n += 1) enrol(n, "life-b", { state: "nudging" });
  others = others.map((one, at) => (at % 10 === 9 ? { ...one, code: "DriverAbsent" } : one));
  const page = await list("?code=DriverAbsent&limit=2");
  expect(ids(page)).toEqual(["ses_10", "ses_20"]);
  expect(page.items[0]?.health).toBeUndefined();
  // Most are asked about in vain: not in parts of two.
  expect(asked).toHaveLength(1);
  const rest = await list(`?code=DriverAbsent&limit=2&cursor=${page.nextCursor ?? ""}`);
  expect([ids(rest), rest.nextCursor]).toEqual([["ses_30"], null]);
  // What changed its state since the store's sieve is not of the state that was asked for.
  others = others.map((one) => ({ ...one, state: "connected" }));
  expect(ids(await list("?state=nudging"))).toEqual([]);
  await list('?state=error,nudging&label=a=b"c,d&code=Unproven');
  expect(queries.at(-1)?.sieve).toEqual([
    ['"state":"error"', '"state":"nudging"'],
    ['"a":"b\\"c"'],
    ['"d":'],
    ['"code":"Unproven"', '"diagnosis":"Unproven"', '"fault":null'],
  ]);
});

test("[CL29, AU18, AU3] the store is asked for what the caller sees, and nobody is told of more", async () => {
  const [ours, theirs] = [enrol(1, null, { name: "acme/x" }), enrol(2, null, { name: "beta/x" })];
  const listAs = async (tenant: string | null, sessions: string[] | null, query = "") => {
    const made = { name: "t", role: "viewer", tenant, sessions, createdBy: "admin" } as const;
    const { token } = await http.access.tokens.create({ ...made, forMs: 60_000 });
    const headers = { host: "127.0.0.1", authorization: `Bearer ${token}` };
    const answer = await http.app.inject({ url: `/v1/sessions${query}`, headers });
    return ids(answer.json<{ items: Listed[] }>());
  };
  // This store sieves nothing: what must not be told is kept back here, too.
  expect(await listAs("acme", null)).toEqual([ours]);
  expect(queries.at(-1)).toMatchObject({ tenant: "acme", ids: null });
  expect(await listAs(null, [theirs])).toEqual([theirs]);
  expect(queries.at(-1)).toMatchObject({ tenant: null, ids: [theirs] });
  expect(await listAs(null, [theirs], `?id=${ours}`)).toEqual([]);
  expect(queries.at(-1)).toMatchObject({ ids: [] });
});
