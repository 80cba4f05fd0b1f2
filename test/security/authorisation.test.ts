/**
 * Every route × every kind of caller, from the table of rights itself: a route that this file does
 * not know fails it, and one that the table does not know does not start.
 */
import { beforeEach, describe, expect, test } from "vitest";
import fastify from "fastify";
import { routeRights } from "../../src/hub/auth/route-rights.ts";
import type { Role } from "../../src/hub/auth/principal.ts";
import { keepDoor } from "../../src/hub/server/door-keeper.ts";
import { ADMIN_TOKEN, hubHttp, METRICS_TOKEN, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

/** Written down a second time on purpose: who changes a right has to say so twice. */
const classes: Readonly<Record<string, readonly string[]>> = {
  open: [
    ...[
      "GET /livez",
      "GET /readyz",
      "GET /startupz",
      "GET /openapi.json",
      "GET /docs",
      "GET /docs/faults",
    ],
    ...["GET /", "GET /login", "GET /*", "GET /v1/login", "POST /v1/login"],
  ],
  "numbers of the hub": ["GET /metrics"],
  "looks at a session": [
    "GET /v1/sessions/:id",
    "GET /v1/sessions/:id/health",
    "GET /v1/sessions/:id/timeline",
    "GET /v1/sessions/:id/ports",
  ],
  "looks at what is its own": [...["GET /v1/sessions", "GET /v1/events"]],
  "reads terminals": ["POST /v1/tickets", "GET /v1/me"],
  "looks at the hub": ["GET /v1/platform", "GET /v1/hubs"],
  "starts sessions": ["POST /v1/sessions"],
  "changes the hub": ["POST /v1/platform/control"],
  "works in a session": [
    "POST /v1/sessions/:id/pause",
    "POST /v1/sessions/:id/resume",
    "POST /v1/sessions/:id/retry",
    "POST /v1/sessions/:id/probe",
    "POST /v1/sessions/:id/lease",
    "POST /v1/sessions/:id/exec",
    "POST /v1/sessions/:id/code",
    "POST /v1/sessions/:id/ports/:port/links",
    "DELETE /v1/sessions/:id/ports/:port/links",
    "DELETE /v1/sessions/:id/links",
    "POST /v1/sessions/:id/shares",
    "GET /v1/sessions/:id/shares",
    "DELETE /v1/sessions/:id/shares/:shareId",
    "* /v1/sessions/:id/ports/:port/http",
    "* /v1/sessions/:id/ports/:port/http/*",
    // The last: what it removes is gone for the others.
    "DELETE /v1/sessions/:id",
  ],
  "gives and takes tokens": ["GET /v1/tokens", "POST /v1/tokens", "DELETE /v1/tokens/:tokenId"],
  "governs the hub": ["GET /v1/audit", "GET /v1/backup", "POST /v1/hubs/drain"],
  // The very last: a caller who logs out is nobody afterwards.
  "logs out": ["DELETE /v1/login"],
};

/** WebSockets have their own test: upgrade.test.ts and links.test.ts. */
const sockets = ["WS /v1/client", "WS /v1/driver", "WS /v1/sessions/:id/lsp/:name"];

type Verdict = "in" | 401 | 403 | 404;
type Row = Readonly<Record<string, Verdict>>;
const all = (verdict: Verdict): Row =>
  Object.fromEntries(Object.keys(classes).map((kind) => [kind, verdict]));
const nobody: Row = { ...all(401), open: "in" };
const known: Row = { ...all(403), open: "in" };
const watcher: Row = { ...known, "reads terminals": "in", "logs out": "in" };
const viewer: Row = {
  ...watcher,
  "looks at a session": "in",
  "looks at what is its own": "in",
  "looks at the hub": "in",
};
const operator: Row = {
  ...viewer,
  "starts sessions": "in",
  "changes the hub": "in",
  "works in a session": "in",
};
const owner: Row = {
  ...operator,
  "gives and takes tokens": "in",
  "governs the hub": "in",
  "numbers of the hub": "in",
};
/** Of a tenant: nothing of the hub as a whole, and all of its own. */
const tenant = (row: Row): Row => ({
  ...row,
  ...{ "looks at the hub": 403, "changes the hub": 403, "governs the hub": 403 },
  "numbers of the hub": 403,
});
/** One session's: nothing of the hub as a whole. */
const scoped = (row: Row): Row => ({
  ...tenant(row),
  ...{ "starts sessions": 403, "gives and takes tokens": 403 },
});
const elsewhere: Row = { "looks at a session": 404, "works in a session": 404 };

const matrix: Readonly<Record<string, Row>> = {
  nobody,
  "a wrong token": nobody,
  "a driver": nobody,
  "an expired token": nobody,
  "a revoked token": nobody,
  "the hub's own token": owner,
  "a collector": { ...known, "numbers of the hub": "in" },
  "an owner": owner,
  "an operator": operator,
  "a viewer": viewer,
  "a watcher of this session": watcher,
  "a watcher of another session": watcher,
  "an operator of this session": scoped(operator),
  "a viewer of this session": scoped(viewer),
  "an owner of another session": { ...scoped(owner), ...elsewhere },
  "an operator of another session": { ...scoped(operator), ...elsewhere },
  "an owner in this tenant": tenant(owner),
  "an operator in this tenant": tenant(operator),
  "a viewer in this tenant": tenant(viewer),
  "an owner in another tenant": { ...tenant(owner), ...elsewhere },
  "an operator in another tenant": { ...tenant(operator), ...elsewhere },
  "a viewer in another tenant": { ...tenant(viewer), ...elsewhere, "works in a session": 403 },
  // What it may never do is refused before it could learn whether the session exists.
  "a viewer of another session": { ...scoped(viewer), ...elsewhere, "works in a session": 403 },
};

let world: HubWorld;
let http: HubHttp;

beforeEach(async () => {
  world = new HubWorld();
  http = hubHttp(world);
  await http.app.ready();
  world.create();
  world.create({ name: "other" });
  world.create({ tenant: "acme" });
});

async function tokenOf(caller: string): Promise<string | null> {
  const { tokens } = http.access;
  const make = (
    role: Role,
    session: string | null = null,
    forMs = 3_600_000,
    tenant: string | null = null,
  ) =>
    tokens.create({
      name: caller,
      role,
      tenant,
      sessions: session === null ? null : [world.sessions.find(session).record.id],
      createdBy: "admin",
      forMs,
    });
  switch (caller) {
    case "nobody":
      return null;
    case "a wrong token":
      return (await make("owner")).token.replace(/.{3}$/, "abc");
    case "a driver":
      return http.access.driverToken(world.sessions.find("demo").record.id, "box");
    case "an expired token": {
      const { token } = await make("owner", null, 1_000);
      world.clock.jumpWall(1_000);
      return token;
    }
    case "a revoked token": {
      const { token, kept } = await make("owner");
      await tokens.revoke(kept.id);
      return token;
    }
    case "the hub's own token":
      return ADMIN_TOKEN;
    case "a collector":
      return METRICS_TOKEN;
    default: {
      const pattern = /^an? (\w+)(?: of (\w+) session)?(?: in (\w+) tenant)?$/;
      const [, role = "", of, within] = pattern.exec(caller) ?? [];
      const session = { this: "demo", another: "other" }[of ?? ""] ?? null;
      const tenant = { this: "acme", another: "beta" }[within ?? ""] ?? null;
      return (await make(role as Role, session, 3_600_000, tenant)).token;
    }
  }
}

const bodies: Readonly<Record<string, object>> = {
  "POST /v1/sessions": { name: "fresh" },
  "POST /v1/tokens": { name: "t", role: "viewer" },
  "POST /v1/sessions/:id/exec": { command: "true" },
  "POST /v1/sessions/:id/code": { language: "sh", code: "true" },
};

/** Without a dashboard these two are not there. */
const withoutPage = ["GET /login", "GET /*"];

function runs(route: string): boolean {
  const [method = "", url = ""] = route.split(" ");
  return http.app.hasRoute({ method: method === "*" ? "PUT" : method, url });
}

async function ask(route: string, token: string | null) {
  const [method = "", path = ""] = route.split(" ");
  const url = path
    .replace(":id", "demo")
    .replace(":port", "8000")
    .replace(/:(token|share)Id/, "tok_x");
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await http.app.inject({
    method: (method === "*" ? "PUT" : method) as "GET",
    // Work waits for a session that is on its way; here it is not to.
    url: `${url.replace("/*", "/x")}?wait=0`,
    headers: { host: "127.0.0.1:7070", ...authorization },
    ...(bodies[route] === undefined ? {} : { payload: bodies[route] }),
    payloadAsStream: true,
  });
  const status = response.statusCode;
  const type = response.headers["content-type"] ?? "";
  if (!type.includes("json")) {
    response.raw.res.destroy();
    return { status, code: "" };
  }
  let text = "";
  for await (const chunk of response.stream()) text += String(chunk);
  return { status, code: (JSON.parse(text) as { code?: string }).code ?? "" };
}

/** What the guard said: the routes behind it have refusals of their own, for other reasons. */
function verdictOf({ status, code }: { status: number; code: string }): Verdict {
  if (code === "Unauthenticated") return 401;
  if (code === "Forbidden") return 403;
  return status === 404 && code === "SessionNotFound" ? 404 : "in";
}

describe("the authorisation matrix", () => {
  test("[AU1] has a row for every route that runs, and no other", () => {
    const told = [...Object.values(classes).flat(), ...sockets];
    expect(told.toSorted()).toEqual(Object.keys(routeRights).toSorted());
    const missing = told.filter((route) => !route.startsWith("WS") && !runs(route));
    expect(missing).toEqual(withoutPage);
  });

  test("[AU1] a route that nobody decided on ends the start of the server", async () => {
    const app = fastify();
    keepDoor(app, { access: http.access, lookup: () => undefined, isReady: () => true });
    expect(() => app.get("/v1/new", () => "open by oversight")).toThrow("no row in the table");
    await app.close();
  });

  test.for(Object.entries(matrix))("[AU2] %s", async ([caller, expected]) => {
    const token = await tokenOf(caller);
    for (const [kind, routes] of Object.entries(classes)) {
      for (const route of routes.filter(runs)) {
        const answer = await ask(route, token);
        expect([route, verdictOf(answer)]).toEqual([route, expected[kind]]);
      }
    }
  });

  test("[AU3] a session of others is answered as one that does not exist", async () => {
    const token = await tokenOf("an operator of another session");
    const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${token ?? ""}` };
    const get = async (name: string) => {
      const answer = await http.app.inject({ url: `/v1/sessions/${name}/health`, headers });
      return [answer.statusCode, answer.body.replaceAll(name, "NAME")];
    };
    expect(await get("demo")).toEqual(await get("nope"));
    expect(await get(world.sessions.find("demo").record.id)).toEqual(await get("nope"));
    const list = await http.app.inject({ url: "/v1/sessions", headers });
    expect(list.json<{ items: { name: string }[] }>().items.map(({ name }) => name)).toEqual([
      "other",
    ]);
  });
});
