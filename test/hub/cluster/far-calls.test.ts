/** Calls for sessions of other hubs: nobody is asked there for what the caller may not see. */
import { afterEach, beforeEach, expect, test } from "vitest";
import fastify, { type FastifyInstance } from "fastify";
import { HubError } from "../../../src/base/hub-error.ts";
import type { Elsewhere } from "../../../src/hub/cluster/company.ts";
import { keepDoor } from "../../../src/hub/server/door-keeper.ts";
import { problemOf } from "../../../src/hub/server/problem.ts";
import { hubHttp, type HubHttp } from "../../support/hub-http.ts";
import { HubWorld } from "../../support/hub-world.ts";

/** What other hubs have, by all that it is known by. */
const far = { id: "ses_far", name: "acme/far" };

let app: FastifyInstance;
let http: HubHttp;
let asked: string[];

beforeEach(() => {
  const world = new HubWorld();
  http = hubHttp(world);
  const own = world.create({ name: "far" }).record;
  asked = [];
  const elsewhere: Elsewhere = {
    isShared: true,
    roster: null,
    isPeer: () => false,
    place: (session) => Promise.resolve([far.id, far.name].includes(session) ? far : null),
    made: () => Promise.resolve(null),
    reach: (session) => {
      asked.push(session);
      return Promise.reject(new HubError("SessionMoved", "the other hub was asked"));
    },
    explain: () => Promise.resolve(null),
  };
  app = fastify();
  app.setErrorHandler((error, _, reply) => {
    const problem = problemOf(error);
    return reply.code(problem.status).send(problem);
  });
  const lookup = (session: string, tenant: string | null) =>
    world.sessions.known(session, tenant)?.record;
  keepDoor(app, { access: http.access, lookup, isReady: () => true, elsewhere });
  app.get("/v1/sessions/:id", () => ({ code: "here", own: own.id }));
});
afterEach(() => app.close());

async function codeFor(tenant: string | null, sessions: string[] | null, session: string) {
  const made = { name: "t", role: "owner", tenant, sessions, createdBy: "admin" } as const;
  const { token } = await http.access.tokens.create({ ...made, forMs: 60_000 });
  const answer = await app.inject({
    url: `/v1/sessions/${encodeURIComponent(session)}`,
    headers: { host: "127.0.0.1", authorization: `Bearer ${token}` },
  });
  return answer.json<{ code: string }>().code;
}

test("[AU18] of another tenant at another hub is answered as none, and no hub is dialled", async () => {
  for (const session of [far.id, "far", "acme/far", "ses_nobody"]) {
    expect([session, await codeFor("beta", null, session)]).toEqual([session, "SessionNotFound"]);
  }
  expect(asked).toEqual([]);
});

test("[AU19] its own is asked for there, by name and by id, also beside one of the hub's", async () => {
  for (const session of [far.id, "far", "acme/far"]) {
    expect([session, await codeFor("acme", null, session)]).toEqual([session, "SessionMoved"]);
  }
  expect(asked).toEqual([far.id, "acme/far", "acme/far"]);
  expect(await codeFor(null, null, "far")).toBe("here");
});

test("[AU3] a token for some sessions reaches them at other hubs, and no others", async () => {
  expect(await codeFor(null, [far.id], far.id)).toBe("SessionMoved");
  expect(await codeFor(null, ["ses_other"], far.id)).toBe("SessionNotFound");
  expect(await codeFor(null, [far.id], "far")).toBe("SessionNotFound");
});
