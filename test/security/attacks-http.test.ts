/** Attacks on the HTTP door and on the handshake, byte by byte on a socket where it matters. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ADMIN_TOKEN } from "../support/hub-http.ts";
import {
  hubServer,
  rawConnection,
  ticketProtocols,
  type HubServer,
} from "../support/hub-server.ts";
import { HubWorld } from "../support/hub-world.ts";
import { ADMIN } from "../../src/hub/auth/principal.ts";
import { Traffic } from "../../src/hub/auth/traffic.ts";

let world: HubWorld;
let hub: HubServer;

beforeEach(async () => {
  world = new HubWorld();
  hub = await hubServer(world);
  world.create();
});
afterEach(() => hub.close());

const auth = `Authorization: Bearer ${ADMIN_TOKEN}`;
const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${ADMIN_TOKEN}` };

/** Status lines that the hub answered with, until it closed the connection. */
async function answers(bytes: string): Promise<readonly string[]> {
  const raw = await rawConnection(hub.port);
  raw.socket.write(bytes, "latin1");
  await raw.closed;
  raw.socket.destroy();
  return raw.text().match(/HTTP\/1\.1 \d{3}/g) ?? [];
}
const request = (line: string, ...lines: readonly string[]): string =>
  `${[line, "Host: 127.0.0.1", "Connection: close", ...lines].join("\r\n")}\r\n\r\n`;
const upgrade = (...lines: readonly string[]): string =>
  [
    "GET /v1/client HTTP/1.1",
    ...["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    ...lines,
    "\r\n",
  ].join("\r\n");

describe("heads that two readers could read in two ways", () => {
  test("[AC16] a header that decides is refused when it comes twice", async () => {
    const evil = "Origin: https://evil.example";
    const twice = [
      request("GET /livez HTTP/1.1", "Host: evil.example"),
      request("GET /v1/sessions HTTP/1.1", auth, "Authorization: Bearer other"),
      request("GET /livez HTTP/1.1", "Origin: http://127.0.0.1", evil),
      upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1", "Host: evil.example"),
      upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1", auth),
      upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1", "Origin: http://127.0.0.1", evil),
    ];
    for (const bytes of twice) expect(await answers(bytes)).toEqual(["HTTP/1.1 400"]);
  });

  test("[AC16] lengths that disagree, broken chunks and lines end the connection", async () => {
    const post = "POST /v1/tickets HTTP/1.1";
    const smuggled = "GET /v1/sessions HTTP/1.1\r\nHost: a\r\n\r\n";
    const broken = [
      request(post, auth, "Content-Length: 2", "Transfer-Encoding: chunked") + smuggled,
      request(post, auth, "Content-Length: 2", "Content-Length: 40") + smuggled,
      request(post, auth, "Transfer-Encoding: chunked") + `FFFFFFFFFFFFFFFFF\r\n${smuggled}`,
      request(post, auth, "Transfer-Encoding: xchunked") + smuggled,
      "GET /livez HTTP/1.1\nHost: 127.0.0.1\n\n\n",
      "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\rX-C: d\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
      "GET /livez HTTP/1.1\r\n\r\n",
      "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n folded: x\r\n\r\n",
    ];
    for (const bytes of broken) {
      expect([bytes, new Set(await answers(bytes))]).toEqual([bytes, new Set(["HTTP/1.1 400"])]);
    }
  });

  test("[AC16] odd methods change nothing and are told so", async () => {
    const odd = ["TRACE", "OPTIONS", "PUT", "PATCH", "PROPFIND"];
    for (const method of odd) {
      const override = "X-HTTP-Method-Override: DELETE";
      const got = await answers(request(`${method} /v1/sessions/demo HTTP/1.1`, auth, override));
      expect([method, got]).toEqual([method, ["HTTP/1.1 404"]]);
    }
    expect(
      await answers(request("GET /v1/sessions/demo HTTP/1.1", auth, "X-HTTP-Method: DELETE")),
    ).toEqual(["HTTP/1.1 200"]);
    expect(await answers(request("CONNECT 169.254.169.254:80 HTTP/1.1", auth))).toEqual([]);
    expect(world.sessions.find("demo").record.desired).toBe("connected");
  });

  test("[AC16] a handshake by another method or of another kind opens nothing", async () => {
    const key = upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1");
    const others = [
      key.replace("GET ", "POST "),
      key.replace("websocket", "h2c"),
      key.replace("/v1/client", "/v1/sessions"),
      key.replace("Version: 13", "Version: 8"),
      key.replace("/v1/client", "http://evil.example/v1/client"),
    ];
    for (const bytes of others) {
      const got = await answers(bytes);
      expect([bytes, got.length, got[0]?.slice(9, 10)]).toEqual([bytes, 1, "4"]);
    }
    expect(hub.switchboard.counts.clients).toBe(0);
  });

  test("[AC16] an offer of compression is passed over", async () => {
    const raw = await rawConnection(hub.port);
    const offer = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99";
    raw.socket.write(upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1", offer));
    await new Promise((resolve) => raw.socket.once("data", resolve));
    expect(raw.text()).toContain("HTTP/1.1 101");
    expect(raw.text().toLowerCase()).not.toContain("extensions");
    raw.socket.destroy();
  });

  test("[AC16] 30,000 spaces in a protocol list cost no time", async () => {
    const began = performance.now();
    await answers(upgrade(auth, `Sec-WebSocket-Protocol: a,${" ".repeat(30_000)},b`));
    await answers(upgrade(auth, `Sec-WebSocket-Protocol: a,${" ".repeat(12_000)},b`));
    // Backtracking would take minutes; a busy machine takes a part of this.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe("credentials", () => {
  test("[AC17] in a URL are refused on every door, whatever else is right", async () => {
    const { ticket } = hub.access.issueTicket(ADMIN);
    for (const key of ["token", "access_token", "Ticket", "api_key", "%74oken"]) {
      const url = `/v1/sessions?${key}=${ADMIN_TOKEN}`;
      const answer = await hub.app.inject({ url, headers });
      expect([key, answer.statusCode]).toEqual([key, 400]);
      expect(answer.body).not.toContain(ADMIN_TOKEN);
      const dialled = await hub.dial(`/v1/client?${key}=${ticket}`, {}, ticketProtocols(ticket));
      expect([key, dialled.ok]).toEqual([key, false]);
    }
    // Nothing of it used the ticket up.
    const good = await hub.dial("/v1/client", {}, ticketProtocols(ticket));
    expect(good.ok).toBe(true);
    if (good.ok) good.socket.terminate();
  });

  test("[AC17] are taken in one form only", async () => {
    const forms = [
      ...["", "Bearer", "Bearer ", `bearer${ADMIN_TOKEN}`, ADMIN_TOKEN, `Token ${ADMIN_TOKEN}`],
      ...[
        `Bearer ${ADMIN_TOKEN} x`,
        `Bearer ${ADMIN_TOKEN},Bearer x`,
        `Basic x, Bearer ${ADMIN_TOKEN}`,
      ],
      ...[`Bearer ${ADMIN_TOKEN.toUpperCase()}`, `Bearer ${ADMIN_TOKEN}\u00a0`, "Bearer undefined"],
      `Bearer ${"x".repeat(8_000)}`,
    ];
    for (const authorization of forms) {
      const answer = await hub.app.inject({
        url: "/v1/me",
        headers: { ...headers, authorization },
      });
      expect([authorization, answer.statusCode]).toEqual([authorization, 401]);
    }
    const cookie = `token=${ADMIN_TOKEN}; authorization=Bearer ${ADMIN_TOKEN}; holdfast=${ADMIN_TOKEN}`;
    const { host } = headers;
    expect((await hub.app.inject({ url: "/v1/me", headers: { host, cookie } })).statusCode).toBe(
      401,
    );
  });
});

describe("bodies", () => {
  const post = (payload: string | Buffer, more: Record<string, string>) =>
    hub.app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { ...headers, "content-type": "application/json", ...more },
      payload,
    });

  test("[AC7] no content type gets round the check of a body", async () => {
    const wrong = JSON.stringify({ name: "fresh", role: "root" });
    const types = [
      ...[
        "application/json\ta",
        " application/json",
        "application/json garbage",
        "APPLICATION/JSON",
      ],
      ...["text/plain", "application/json;charset=utf-7", "application/x-www-form-urlencoded"],
      ...["multipart/form-data; boundary=x", "application/json, text/plain", "application/xml", ""],
    ];
    for (const type of types) {
      const answer = await post(wrong, { "content-type": type });
      expect([type, answer.statusCode]).toEqual([type, 400]);
    }
    for (const coding of ["gzip", "br", "deflate"]) {
      const answer = await post(Buffer.from([0x1f, 0x8b, 8, 0]), { "content-encoding": coding });
      expect([coding, answer.statusCode]).toEqual([coding, 400]);
    }
    expect(world.sessions.all).toHaveLength(1);
  });

  test("[AC7] nothing in a JSON text reaches a prototype or the stack", async () => {
    const hostile = [
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"env":{"__proto__":"x"}}',
      '{"labels":{"constructor":{"prototype":{}}}}',
      `{"env":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
      `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
      '{"name":1e400}',
      '{"name":"a\\u0000b"}',
      '{"name":"\\ud800"}',
      '{"retry":{"startup":1e308}}',
      '{"retry":{"startup":-1}}',
    ];
    for (const text of hostile) {
      const { statusCode } = await post(text, {});
      expect([text.slice(0, 40), statusCode]).toEqual([text.slice(0, 40), 400]);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("[AC7] no name that means something elsewhere is a session's", async () => {
    const names = [
      "..",
      "-rf",
      "$(id)",
      "a b",
      "a/b",
      "😀",
      "x".repeat(300),
      "A",
      "a\n",
      "%2e",
      "",
    ];
    for (const name of names) {
      const { statusCode } = await post(JSON.stringify({ name }), {});
      expect([name, statusCode]).toEqual([name, 400]);
    }
  });
});

describe("what a browser or a proxy adds", () => {
  test("[AC4] no page elsewhere is answered with leave to read", async () => {
    const origin = "https://evil.example";
    const preflight = await hub.app.inject({
      method: "OPTIONS",
      url: "/v1/sessions",
      headers: { ...headers, origin, "access-control-request-method": "POST" },
    });
    expect(preflight.statusCode).toBe(403);
    const form = await hub.app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { host: headers.host, origin, "content-type": "application/x-www-form-urlencoded" },
      payload: "name=evil",
    });
    expect(form.statusCode).toBe(403);
    for (const { headers: told } of [preflight, form]) {
      expect(Object.keys(told).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("[AC18] what a caller says of itself is not believed", async () => {
    const forged = {
      "x-forwarded-for": "10.0.0.1",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-real-ip": "10.0.0.1",
      forwarded: "for=10.0.0.1;host=evil.example",
      "x-original-url": "/livez",
      "x-rewrite-url": "/livez",
    };
    const { host } = headers;
    const refused = await hub.app.inject({ url: "/v1/me", headers: { host, ...forged } });
    expect(refused.statusCode).toBe(401);
    const done = await hub.app.inject({
      method: "POST",
      url: "/v1/sessions",
      headers: { ...headers, ...forged },
      payload: { name: "fresh" },
    });
    expect(done.headers.location).toMatch(/^\/v1\/sessions\/ses_/);
    for (const { from } of hub.access.audit.tail(5)) expect(from).toBe("127.0.0.1");
  });
});

describe("more than there is room for", () => {
  test("[AC19] is answered early, with the time to come again, and ends nothing", async () => {
    const leave = Array.from({ length: 4_000 }, () => hub.access.calls.enter(ADMIN));
    const busy = await hub.app.inject({ url: "/v1/me", headers });
    expect([busy.statusCode, busy.headers["retry-after"]]).toEqual([503, "2"]);
    expect(busy.json()).toMatchObject({ code: "HubBusy" });
    expect((await hub.app.inject({ url: "/livez", headers })).statusCode).toBe(200);
    for (const end of leave) end();
    expect((await hub.app.inject({ url: "/v1/me", headers })).statusCode).toBe(200);
    const links = Array.from({ length: 15_000 }, () => hub.access.links.enter(ADMIN));
    const raw = await rawConnection(hub.port);
    raw.socket.write(upgrade(auth, "Sec-WebSocket-Protocol: hsp.v1"));
    await raw.closed;
    expect(raw.text()).toMatch(/^HTTP\/1\.1 503[^]*retry-after: 2\r\n/);
    for (const end of links) end();
    raw.socket.destroy();
  });

  test("[AC19] one token leaves room for the others, and a link counts while it lasts", async () => {
    const traffic = new Traffic({ what: "calls", all: 3, each: 2 });
    const [one, other] = [{ id: "tok_one" }, { id: "tok_other" }];
    const leave = traffic.enter(one);
    traffic.enter(one);
    expect(() => traffic.enter(one)).toThrow("tok_one has 2 calls already");
    traffic.enter(other);
    expect(() => traffic.enter(ADMIN)).toThrow("this hub has 3 calls already");
    leave();
    leave();
    expect(traffic.underWay).toBe(2);
    const before = hub.access.links.underWay;
    const wire = await hub.client();
    expect(hub.access.links.underWay).toBe(before + 1);
    wire.socket.terminate();
    await wire.end();
  });
});

describe("reading", () => {
  test("[AC20] changes nothing, on any route", async () => {
    await world.clock.advanceAsync(10);
    const state = (): string =>
      JSON.stringify([
        world.sessions.all.map(({ record }) => record),
        world.store.events({ after: 0, limit: 10_000 }),
        hub.access.tokens.all,
        hub.access.audit.head,
      ]);
    const before = state();
    const paths = ["", "/demo", "/demo/health", "/demo/timeline", "/demo/ports"];
    const urls = [
      ...paths.map((path) => `/v1/sessions${path}`),
      ...["/v1/platform", "/v1/me", "/v1/tokens", "/v1/audit", "/metrics", "/openapi.json", "/"],
      ...["/v1/sessions/demo/pause", "/v1/sessions/demo/exec", "/v1/tickets"],
      ...["/v1/platform/control"],
    ];
    for (const url of urls) {
      for (const method of ["GET", "HEAD"] as const) {
        await hub.app.inject({ method, url, headers });
      }
    }
    expect(state()).toBe(before);
  });
});
