/**
 * Tenants of one hub: every route and door × somebody of another tenant, from the table of rights
 * itself, so that a new route is in here before anybody thinks of it.
 */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { routeRights } from "../../src/hub/auth/route-rights.ts";
import type { Role } from "../../src/hub/auth/principal.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import { bodyOf, hubServer, type HubServer } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { WorkCounter } from "../support/work-count.ts";

let world: HubWorld;
let hub: HubServer;
/** Of beta; whoever asks is of acme. */
let theirs: { readonly id: string; readonly name: string };

beforeEach(async () => {
  world = new HubWorld();
  hub = await hubServer(world);
  theirs = world.create({ name: "secret", tenant: "beta" }).record;
  world.create({ name: "plain" });
  await world.clock.advanceAsync(10);
});
afterEach(() => hub.close());

async function tokenOf(tenant: string | null, role: Role = "owner"): Promise<string> {
  const made = { name: "t", role, tenant, sessions: null, createdBy: "admin", forMs: 3_600_000 };
  return (await hub.access.tokens.create(made)).token;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

async function ask(
  token: string,
  route: string,
  body?: object,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const [method = "", url = ""] = route.split(" ");
  const answer = await hub.app.inject({
    method: (method === "*" ? "PUT" : method) as "GET",
    url,
    headers: { host: "127.0.0.1:7070", authorization: `Bearer ${token}`, ...more },
    ...(body === undefined ? {} : { payload: body }),
  });
  const type = answer.headers["content-type"] ?? "";
  const text = answer.body;
  const json = type.includes("json") ? (JSON.parse(text) as Answer["json"]) : {};
  return { status: answer.statusCode, text, json };
}

const bodies: Readonly<Record<string, object>> = {
  "POST /v1/sessions/:id/exec": { command: "true" },
  "POST /v1/sessions/:id/code": { language: "sh", code: "true" },
};

/** Every route of one session, with this one in its place. */
function routesTo(session: string): [route: string, asked: string][] {
  return Object.keys(routeRights)
    .filter((route) => /^[A-Z*]+ .*\/sessions\/:id/.test(route) && !route.startsWith("WS"))
    .map((route) => {
      const path = route.replace(":id", encodeURIComponent(session)).replace(":port", "80");
      return [route, path.replace(":shareId", "tok_x").replace("/*", "/x")];
    });
}

/** Session names are as long as each other, so that nothing but whose they are differs. */
const NOBODY = { id: `ses_${"0".repeat(20)}`, name: "nobody" };

describe("a session of another tenant", () => {
  test("[AU18] is at every route what nobody ever made: status, words and head", async () => {
    const token = await tokenOf("acme");
    const told = (answer: Answer, name: string) => answer.text.replaceAll(name, "NAME");
    const pairs = [
      [theirs.id, NOBODY.id],
      ["secret", NOBODY.name],
      ["beta/secret", "beta/nobody"],
      ["plain", "empty"],
    ] as const;
    for (const [real, none] of pairs) {
      const [asked, control] = [routesTo(real), routesTo(none)];
      expect(asked.length).toBeGreaterThan(15);
      for (const [at, [route, url]] of asked.entries()) {
        const [found, missing] = [
          await ask(token, url, bodies[route]),
          await ask(token, control[at]?.[1] ?? "", bodies[route]),
        ];
        expect([route, found.status, found.json["code"]]).toEqual([route, 404, "SessionNotFound"]);
        expect([route, told(found, real)]).toEqual([route, told(missing, none)]);
      }
    }
  });

  test("[AU18] takes at every route the calls that one takes which nobody made", async () => {
    const token = await tokenOf("acme");
    // What sessions do by themselves is none of the request's work.
    world.sessions.stop();
    const counter = new WorkCounter();
    counter.start();
    const count = (path: string, route: string) =>
      counter.next("/src/hub/", () => ask(token, path, bodies[route]));
    try {
      const pairs = [...routesTo(theirs.id), ...routesTo("beta/secret")];
      const others = [...routesTo(NOBODY.id), ...routesTo("beta/nobody")];
      // Refusals of one second are only counted after the first few, and then all alike.
      for (let at = 0; at < 6; at += 1) await count("GET /v1/sessions/nobody", "");
      for (const [at, [route, url]] of pairs.entries()) {
        const missing = await count(others[at]?.[1] ?? "", route);
        const found = await count(url, route);
        expect(Object.keys(missing).length).toBeGreaterThan(20);
        expect([route, found]).toEqual([route, missing]);
      }
    } finally {
      counter.stop();
    }
  });

  test("[AU18] is attached to as one that nobody made", async () => {
    const wire = await hub.client(await tokenOf("acme"));
    wire.helloAsClient();
    await wire.hear(FrameType.welcome);
    for (const session of [theirs.id, "beta/secret", "secret", "plain", NOBODY.id]) {
      wire.say(FrameType.attach, { mode: "new", session, channelId: "chn_1" });
      expect(bodyOf(await wire.hear(FrameType.error))["code"]).toBe("SessionNotFound");
    }
    const ticket = await ask(await tokenOf("acme"), "POST /v1/tickets", { session: theirs.id });
    expect(ticket.json["code"]).toBe("SessionNotFound");
  });

  test("[AU18] has no preview and no language server for them", async () => {
    const preview = (host: string, token: string) =>
      new Promise((told) => {
        const headers = { host, "x-holdfast-token": token };
        request({ host: "127.0.0.1", port: hub.port, headers }, (answer) => {
          answer.resume();
          told(answer.statusCode);
        }).end();
      });
    world.create({ name: "plain", tenant: "acme" });
    const label = (session: string) => `80-${session}.localhost:${hub.port}`;
    expect(await preview(label(theirs.id), await tokenOf("acme"))).toBe(404);
    // The name in an address is the hub's own session, also for who has one of that name.
    expect(await preview(label("plain"), await tokenOf("acme"))).toBe(404);
    expect(await preview(label(theirs.id), await tokenOf("beta"))).not.toBe(404);
    const lsp = async (session: string, token: string) => {
      const path = `/v1/sessions/${encodeURIComponent(session)}/lsp/ts`;
      const outcome = await hub.dial(path, { authorization: `Bearer ${token}` }, []);
      return outcome.ok ? 101 : outcome.failure.status;
    };
    for (const session of [theirs.id, "beta/secret", NOBODY.id]) {
      expect(await lsp(session, await tokenOf("acme"))).toBe(404);
    }
    expect(await lsp(theirs.id, await tokenOf("beta"))).not.toBe(404);
  });
});

describe("a tenant", () => {
  test("[AU19] has names and request keys of its own", async () => {
    const key = { "idempotency-key": "k1" };
    const made = new Map<string, unknown>();
    for (const tenant of ["acme", "beta"]) {
      const { status, json } = await ask(
        await tokenOf(tenant),
        "POST /v1/sessions",
        { name: "x" },
        key,
      );
      expect([status, json["name"]]).toEqual([202, `${tenant}/x`]);
      made.set(tenant, json["id"]);
      const again = await ask(await tokenOf(tenant), "POST /v1/sessions", { name: "x" }, key);
      expect(again.json["id"]).toBe(json["id"]);
    }
    expect(made.get("acme")).not.toBe(made.get("beta"));
    const taken = await ask(await tokenOf("acme"), "POST /v1/sessions", { name: "x" });
    expect(taken.json["code"]).toBe("SessionNameTaken");
    for (const asked of ["x", "acme%2Fx", String(made.get("acme"))]) {
      const found = await ask(await tokenOf("acme"), `GET /v1/sessions/${asked}`);
      expect(found.json["id"]).toBe(made.get("acme"));
    }
    const unnamed = await ask(await tokenOf("acme"), "POST /v1/sessions", {});
    expect(unnamed.json["name"]).toMatch(/^acme\/s-/);
    const foreign = await ask(await tokenOf("acme"), "POST /v1/sessions", { name: "beta/y" });
    expect(foreign.json["code"]).toBe("BadRequest");
    const whole = await ask(await tokenOf("acme"), "POST /v1/sessions", { name: "acme/z" });
    expect(whole.json["name"]).toBe("acme/z");
  });

  test("[AU19] is listed to itself and to the hub's own people", async () => {
    world.create({ name: "mine", tenant: "acme" });
    const names = async (token: string) => {
      const { json } = await ask(token, "GET /v1/sessions");
      return (json["items"] as { name: string }[]).map(({ name }) => name).toSorted();
    };
    expect(await names(await tokenOf("acme"))).toEqual(["acme/mine"]);
    expect(await names(await tokenOf("beta"))).toEqual(["beta/secret"]);
    expect(await names(await tokenOf("gamma"))).toEqual([]);
    const all = ["acme/mine", "beta/secret", "plain"];
    expect(await names(await tokenOf(null))).toEqual(all);
    expect(await names(ADMIN_TOKEN)).toEqual(all);
    const theirId = await ask(await tokenOf("acme"), `GET /v1/sessions?id=${theirs.id}`);
    expect(theirId.json["items"]).toEqual([]);
    // A prefix of a tenant's name is another tenant.
    expect(await names(await tokenOf("bet"))).toEqual([]);
  });

  test("[AU19] hears of its own events, old and new, and of no others", async () => {
    const mine = world.create({ name: "mine", tenant: "acme" });
    const heard = async (token: string) => {
      const url = `http://127.0.0.1:${hub.port}/v1/events?after=0`;
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      mine.operate("operator.removed");
      world.sessions.find(theirs.id).operate("operator.removed");
      await world.clock.advanceAsync(50);
      let text = "";
      while (reader !== undefined && !text.includes('"ended')) {
        text += (await reader.read()).value ?? "";
      }
      await reader?.cancel();
      return text;
    };
    const text = await heard(await tokenOf("acme"));
    expect(text).toContain("session.created");
    expect(text).toContain("acme/mine");
    expect(text).not.toContain("secret");
    expect(text).not.toContain("plain");
  });

  test("[AU19] gives, sees and takes tokens of its own alone", async () => {
    const acme = await tokenOf("acme");
    const made = await ask(acme, "POST /v1/tokens", { name: "ci", role: "viewer" });
    expect([made.status, made.json["tenant"]]).toEqual([201, "acme"]);
    const listed = (await ask(acme, "GET /v1/tokens")).json["items"] as { tenant: string }[];
    expect(new Set(listed.map(({ tenant }) => tenant))).toEqual(new Set(["acme"]));
    const other = { name: "x", role: "viewer", tenant: "beta" };
    expect((await ask(acme, "POST /v1/tokens", other)).json["code"]).toBe("Forbidden");
    expect((await ask(ADMIN_TOKEN, "POST /v1/tokens", other)).json["tenant"]).toBe("beta");
    const beta = hub.access.tokens.all.find(({ tenant }) => tenant === "beta");
    const theirToken = await ask(acme, `DELETE /v1/tokens/${beta?.id ?? ""}`);
    const noToken = await ask(acme, "DELETE /v1/tokens/tok_nobody");
    expect(theirToken.status).toBe(404);
    expect(theirToken.text.replace(beta?.id ?? "", "ID")).toBe(
      noToken.text.replace("tok_nobody", "ID"),
    );
    const wrong = { name: "x", role: "viewer", tenant: "A/b" };
    expect((await ask(ADMIN_TOKEN, "POST /v1/tokens", wrong)).json["code"]).toBe("BadRequest");
    const strange = { name: "x", role: "viewer", tenant: "acme", sessions: [theirs.id] };
    expect((await ask(ADMIN_TOKEN, "POST /v1/tokens", strange)).json["code"]).toBe("BadRequest");
    expect((await ask(acme, "GET /v1/me")).json["tenant"]).toBe("acme");
  });

  test("[AU19] has shares that show its sessions alone, whoever made them", async () => {
    const route = `POST /v1/sessions/${theirs.id}/shares`;
    const shared = await ask(ADMIN_TOKEN, route, {});
    expect(shared.status).toBe(201);
    const watcher = hub.access.tokens.all.find(({ role }) => role === "watcher");
    expect([watcher?.tenant, watcher?.sessions]).toEqual(["beta", [theirs.id]]);
  });

  test("[AU19] leaves room in the book of tokens for the others", async () => {
    for (let at = 0; at < 200; at += 1) await tokenOf("acme");
    await expect(tokenOf("acme")).rejects.toThrow("acme has 200 tokens");
    expect(await tokenOf("beta")).toMatch(/^hft_/);
  });

  test("[AU19] stands in the audit log beside whoever asked", async () => {
    await ask(await tokenOf("acme"), "POST /v1/sessions", { name: "x" });
    expect(hub.access.audit.tail(1)[0]?.detail).toEqual({ tenant: "acme" });
  });
});
