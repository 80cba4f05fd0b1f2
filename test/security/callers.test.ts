/** Where callers come from, how much they may start, and what their tickets open. */
import { beforeEach, describe, expect, test } from "vitest";
import { CreateQuota } from "../../src/hub/auth/create-quota.ts";
import { ADMIN, type Principal } from "../../src/hub/auth/principal.ts";
import { LOGIN } from "../../src/hub/auth/token-book.ts";
import { Callers } from "../../src/hub/server/callers.ts";
import { hubHttp, type HubHttp } from "../support/hub-http.ts";
import { hubServer, ticketProtocols } from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";

let world: HubWorld;
beforeEach(() => {
  world = new HubWorld();
});

const OPERATOR = { role: "operator", tenant: null, sessions: null } as const;

describe("where a request came from", () => {
  const from = (near: string, forwarded?: string, scheme?: string) => ({
    socket: { remoteAddress: near },
    headers: {
      ...(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }),
      ...(scheme === undefined ? {} : { "x-forwarded-proto": scheme }),
    },
  });

  test.each<[string, string[], ReturnType<typeof from>, string]>([
    ["nobody is trusted", [], from("10.0.0.1", "1.1.1.1"), "10.0.0.1"],
    ["it comes from elsewhere", ["10.0.0.1"], from("10.0.0.2", "1.1.1.1"), "10.0.0.2"],
    ["a proxy says it", ["10.0.0.1"], from("10.0.0.1", "1.1.1.1"), "1.1.1.1"],
    ["the caller says more", ["10.0.0.1"], from("10.0.0.1", "127.0.0.1, 1.1.1.1"), "1.1.1.1"],
    ["two proxies", ["10.0.0.0/8"], from("10.0.0.1", "9.9.9.9,1.1.1.1, 10.2.0.1"), "1.1.1.1"],
    ["only proxies", ["10.0.0.0/8"], from("10.0.0.1", "10.3.0.1, 10.2.0.1"), "10.3.0.1"],
    ["a proxy says nonsense", ["10.0.0.1"], from("10.0.0.1", "1.1.1.1, evil"), "10.0.0.1"],
    ["a proxy says nothing", ["10.0.0.1"], from("10.0.0.1"), "10.0.0.1"],
    ["a socket of both kinds", ["10.0.0.1"], from("::ffff:10.0.0.1", "::ffff:1.1.1.1"), "1.1.1.1"],
    ["the newer kind", ["fd00::/8"], from("fd00::1", "2606:4700::1111"), "2606:4700::1111"],
  ])("[AC18] %s", (_, trusted, asked, address) => {
    expect(new Callers(trusted).addressOf(asked)).toBe(address);
  });

  test("[AC18] whether it came with TLS is the proxy's to say, and nobody else's", () => {
    const callers = new Callers(["10.0.0.1"]);
    expect(callers.isSecure(from("10.0.0.1", "1.1.1.1", "https"))).toBe(true);
    expect(callers.isSecure(from("10.0.0.2", "1.1.1.1", "https"))).toBe(false);
    expect(callers.isSecure(from("10.0.0.1", "1.1.1.1", "http"))).toBe(false);
  });

  test.each(["proxy.example", "10.0.0.0/33", "10.0.0.1/8/8", "10.0.0.0/", "", "::1/129"])(
    "[AC18] %j is no proxy's address, and the start says so",
    (entry) => {
      expect(() => new Callers([entry])).toThrow(/trustedProxies: ".*" is neither/);
    },
  );

  test("[AC18] the audit log has the caller's address by a trusted proxy, and no other", async () => {
    const asks = async (trustedProxies: string[]): Promise<string> => {
      const rules = { trustedProxies };
      const http = hubHttp(world, undefined, undefined, undefined, null, undefined, null, rules);
      const headers = { host: "127.0.0.1:7070", "x-forwarded-for": "1.1.1.1" };
      await http.app.inject({ method: "GET", url: "/v1/sessions", headers });
      return http.access.audit.tail(1)[0]?.from ?? "";
    };
    expect(await asks([])).toBe("127.0.0.1");
    expect(await asks(["127.0.0.1"])).toBe("1.1.1.1");
  });
});

describe("how many sessions one may start", () => {
  const somebody = (id: string, person?: string): Principal => ({
    ...{ id, role: "operator", tenant: null, sessions: null, expiresAt: null },
    ...(person === undefined ? {} : { person }),
  });

  async function tokenOf(http: HubHttp, createdBy: string): Promise<string> {
    const wish = { ...OPERATOR, name: "t", forMs: 7_200_000 } as const;
    return (await http.access.tokens.create({ ...wish, createdBy })).token;
  }

  async function start(http: HubHttp, token: string, body: object, key?: string) {
    const answer = await http.app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: {
        ...{ host: "127.0.0.1:7070", authorization: `Bearer ${token}` },
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      payload: body,
    });
    return { status: answer.statusCode, again: answer.headers["retry-after"] };
  }

  const limited = (createsPerHour: number): HubHttp =>
    hubHttp(world, undefined, undefined, undefined, null, undefined, null, { createsPerHour });

  test("[AU17] of a hundred at once as many as there is room for, and no sandbox more", async () => {
    const http = limited(3);
    const token = await tokenOf(http, "admin");
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, at) => start(http, token, { name: `s-${at}` })),
    );
    expect(all.filter(({ status }) => status === 202)).toHaveLength(3);
    expect(all.filter(({ status, again }) => status === 429 && again === "3600")).toHaveLength(97);
    expect(world.sessions.all).toHaveLength(3);
    // Others have room of their own, and who runs the hub has no limit.
    expect((await start(http, await tokenOf(http, "admin"), {})).status).toBe(202);
  });

  test("[AU17] what is repeated or refused counts for nothing", async () => {
    const http = limited(2);
    const token = await tokenOf(http, "admin");
    for (let at = 0; at < 3; at += 1) {
      expect((await start(http, token, { name: "one" }, "key-1")).status).toBe(202);
      expect((await start(http, token, { name: "one" })).status).toBe(409);
      expect((await start(http, token, { name: "-rf" })).status).toBe(400);
    }
    expect((await start(http, token, { name: "two" })).status).toBe(202);
    expect((await start(http, token, { name: "three" })).status).toBe(429);
  });

  test("[AU17] two logins of one person are one", async () => {
    const http = limited(1);
    const [first, second] = [
      await tokenOf(http, `${LOGIN}oidc_ada`),
      await tokenOf(http, `${LOGIN}oidc_ada`),
    ];
    expect((await start(http, first, {})).status).toBe(202);
    expect((await start(http, second, {})).status).toBe(429);
    expect((await start(http, await tokenOf(http, `${LOGIN}oidc_bob`), {})).status).toBe(202);
  });

  test("[AU21] a tenant has as many as there is room for, by whichever token", async () => {
    const rules = { tenantSessions: 2 };
    const http = hubHttp(world, undefined, undefined, undefined, null, undefined, null, rules);
    const of = async (tenant: string | null): Promise<string> => {
      const wish = { ...OPERATOR, name: "t", createdBy: "admin", forMs: 7_200_000 };
      return (await http.access.tokens.create({ ...wish, tenant })).token;
    };
    const [first, second] = [await of("acme"), await of("acme")];
    expect((await start(http, first, { name: "one" }, "key-1")).status).toBe(202);
    expect((await start(http, second, { name: "two" })).status).toBe(202);
    const full = await http.app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { host: "127.0.0.1:7070", authorization: `Bearer ${second}` },
      payload: { name: "three" },
    });
    expect([full.statusCode, full.json()]).toMatchObject([
      429,
      { code: "RateLimited", detail: "acme has 2 sessions already" },
    ]);
    expect(full.json<{ hint: string }>().hint).toContain("HOLDFAST_TENANT_SESSIONS");
    // What is repeated is there already; others, and the hub's own people, have room of their own.
    expect((await start(http, first, { name: "one" }, "key-1")).status).toBe(202);
    for (const token of [await of("beta"), await of(null), await of(null), await of(null)]) {
      expect((await start(http, token, {})).status).toBe(202);
    }
    expect(world.sessions.of("acme")).toHaveLength(2);
  });

  test("[AU17] an hour later there is room again, one by one", () => {
    const quota = new CreateQuota(2, world.clock);
    const takes = (who: Principal): number => {
      const taken = quota.take(who);
      return typeof taken === "function" ? 0 : taken.waitSeconds;
    };
    const ada = somebody("tok_a", "oidc_ada");
    expect(takes(ada)).toBe(0);
    world.clock.advance(1_800_000);
    expect([takes(ada), takes(ada), takes(somebody("oidc_ada"))]).toEqual([0, 1_800, 1_800]);
    world.clock.advance(1_800_000);
    expect([takes(ada), takes(ada)]).toEqual([0, 1_800]);
    expect(takes(ADMIN)).toBe(0);
    expect(new CreateQuota(null, world.clock).take(ada)).toBeTypeOf("function");
  });
});

describe("what a ticket opens", () => {
  test("[AC10] the door that it was asked for, once, and no session but the named", async () => {
    const hub = await hubServer(world);
    try {
      const id = world.create().record.id;
      const other = world.sessions.create({ name: "other", spec: { env: {}, labels: {} } });
      const ask = async (body: object): Promise<string> =>
        String((await hub.ask("POST", "/v1/tickets", body)).json["ticket"]);
      const opens = async (ticket: string): Promise<boolean> => {
        const dialled = await hub.dial("/v1/client", {}, ticketProtocols(ticket));
        if (dialled.ok) dialled.socket.terminate();
        return dialled.ok;
      };
      const [plain, forServers] = [await ask({}), await ask({ for: "lsp", session: id })];
      expect([await opens(forServers), await opens(plain), await opens(plain)]).toEqual([
        ...[false, true, false],
      ]);
      const narrow = hub.access.redeemTicket(await ask({ session: "demo" }));
      expect([narrow.id, narrow.sessions]).toEqual(["admin", [id]]);
      const unknown = await hub.ask("POST", "/v1/tickets", { session: "nobody" });
      const wish = { name: "t", tenant: null, sessions: [id], createdBy: "a", forMs: 60_000 };
      const { token } = await hub.access.tokens.create({ ...wish, role: "viewer" });
      const unseen = await fetch(`http://127.0.0.1:${hub.port}/v1/tickets`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ session: other.record.name }),
      });
      const hidden = (await unseen.text()).replaceAll("other", "nobody");
      expect([unknown.status, unseen.status, hidden]).toEqual([404, 404, unknown.text]);
    } finally {
      await hub.close();
    }
  });
});

test("[AU11] the call that ends its own login is answered", async () => {
  const hub = await hubServer(world);
  try {
    const wish = { ...OPERATOR, name: "ada", forMs: 60_000 } as const;
    const createdBy = `${LOGIN}oidc_ada`;
    const { token } = await hub.access.tokens.create({ ...wish, createdBy });
    const headers = { authorization: `Bearer ${token}` };
    const url = `http://127.0.0.1:${hub.port}/v1/login`;
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(200);
    expect((await fetch(url, { method: "DELETE", headers })).status).toBe(401);
  } finally {
    await hub.close();
  }
});
