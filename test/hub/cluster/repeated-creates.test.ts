/** A create whose session another hub has: it is passed on before it counts for anything here. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { HubError } from "../../../src/base/hub-error.ts";
import type { Elsewhere } from "../../../src/hub/cluster/company.ts";
import { hubHttp, type HubHttp } from "../../support/hub-http.ts";
import { HubWorld } from "../../support/hub-world.ts";

let world: HubWorld;
let http: HubHttp;
let isPeer: boolean;
/** By the key as the store knows it: sessions of other hubs. */
let made: Record<string, { readonly id: string; readonly name: string }>;
let looked: string[];
let reached: string[];

beforeEach(async () => {
  world = new HubWorld();
  isPeer = false;
  made = {};
  [looked, reached] = [[], []];
  const elsewhere: Elsewhere = {
    isShared: true,
    roster: null,
    isPeer: () => isPeer,
    place: () => Promise.resolve(null),
    made: (key) => {
      looked.push(key);
      return Promise.resolve(made[key] ?? null);
    },
    reach: (session) => {
      reached.push(session);
      if (session === "ses_gone") return Promise.resolve(null);
      return Promise.reject(new HubError("SessionMoved", "the other hub was asked"));
    },
    explain: () => Promise.resolve(null),
  };
  const rules = { createsPerHour: 2, tenantSessions: 1 };
  const far = { elsewhere };
  http = hubHttp(world, undefined, undefined, undefined, null, undefined, null, rules, far);
  await http.app.ready();
});
afterEach(() => http.app.close());

async function tokenOf(tenant: string | null): Promise<string> {
  const wish = { name: "t", role: "operator", tenant, sessions: null } as const;
  return (await http.access.tokens.create({ ...wish, createdBy: "admin", forMs: 60_000 })).token;
}
async function post(token: string, key: string | null, name: string): Promise<unknown> {
  const { statusCode, body } = await http.app.inject({
    method: "POST",
    url: "/v1/sessions",
    headers: {
      host: "127.0.0.1:7070",
      authorization: `Bearer ${token}`,
      ...(key === null ? {} : { "idempotency-key": key }),
    },
    payload: { name },
  });
  return statusCode === 202 ? "made" : (JSON.parse(body) as { code: string }).code;
}

test("[CL36] it goes to the hub that has it, also where there is room for no other", async () => {
  made = { "acme\nfar": { id: "ses_far", name: "acme/far" } };
  const acme = await tokenOf("acme");
  expect(await post(acme, "here", "one")).toBe("made");
  expect(await post(acme, "new", "two")).toBe("RateLimited");
  for (let n = 0; n < 3; n++) expect(await post(acme, "far", "far")).toBe("SessionMoved");
  expect(reached).toEqual(["ses_far", "ses_far", "ses_far"]);
  // What is here is answered here, and asks no store.
  looked = [];
  expect(await post(acme, "here", "one")).toBe("made");
  expect(looked).toEqual([]);
  expect(world.sessions.all).toHaveLength(1);
});

test("[CL36] a key is its tenant's, and a create without one asks for nothing more", async () => {
  made = { "acme\nk": { id: "ses_far", name: "acme/far" } };
  expect(await post(await tokenOf("beta"), "k", "b")).toBe("made");
  expect(await post(await tokenOf(null), "k", "n")).toBe("made");
  expect(looked).toEqual(["beta\nk", "k"]);
  expect(await post(await tokenOf(null), null, "o")).toBe("made");
  expect([looked.length, reached]).toEqual([2, []]);
});

test("[CL36] one that is gone since is made anew, and what a hub passed on goes no further", async () => {
  const token = await tokenOf(null);
  made = { k: { id: "ses_gone", name: "gone" }, p: { id: "ses_far", name: "far" } };
  expect(await post(token, "k", "n")).toBe("made");
  isPeer = true;
  expect(await post(token, "p", "p")).toBe("made");
  expect(reached).toEqual(["ses_gone"]);
});
