/** Who gets in over HTTP: every route without a token, odd spellings of paths, Host, Origin. */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ADMIN_TOKEN, hubHttp, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";

let http: HubHttp;
let world: HubWorld;

beforeEach(async () => {
  world = new HubWorld();
  http = hubHttp(world);
  await http.app.ready();
});
afterEach(() => http.app.close());

const plain = (url: string, headers: Record<string, string> = {}, method = "GET") =>
  http.app.inject({
    method: method as "GET",
    url,
    headers: { host: "127.0.0.1:7070", ...headers },
  });

/** What answers without a token. A new route is not in here, so it must refuse. */
const OPEN = new Set([
  ...["/livez", "/readyz", "/startupz"],
  ...["/openapi.json", "/docs", "/docs/faults", "/", "/login", "/*"],
]);

/** Every route of the server, from fastify's own tree: four characters deeper is one level. */
function routes(): { method: string; url: string }[] {
  const found: { method: string; url: string }[] = [];
  const above: string[] = [];
  for (const line of http.app.printRoutes({ commonPrefix: false }).split("\n")) {
    const match = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)/.exec(line);
    const [, indent = "", part, methods] = match ?? [];
    if (part === undefined || methods === undefined) continue;
    const depth = indent.length / 4;
    const url = (above[depth - 1] ?? "") + part;
    above[depth] = url;
    for (const method of methods.split(", ")) found.push({ method, url });
  }
  return found;
}

describe("access over HTTP", () => {
  test("[AC1] every route but the open ones answers 401 without and with a wrong token", async () => {
    const all = routes().filter(
      ({ method, url }) => !OPEN.has(url) && !(url === "/v1/login" && method !== "DELETE"),
    );
    expect(all.length).toBeGreaterThan(12);
    for (const { method, url } of all) {
      const path = url.replace(":id", "demo");
      for (const authorization of [
        "",
        "Bearer wrong",
        `Basic ${ADMIN_TOKEN}`,
        `Bearer ${http.access.driverToken("ses_x", "box")}`,
      ]) {
        const answer = await plain(path, authorization === "" ? {} : { authorization }, method);
        expect([answer.statusCode, `${method} ${url}`]).toEqual([401, `${method} ${url}`]);
        if (method !== "HEAD") {
          expect(answer.headers["content-type"]).toContain("application/problem+json");
          expect(answer.json()).toMatchObject({ code: "Unauthenticated", status: 401 });
        }
      }
    }
  });

  test("[AC2] no spelling of a path gets round the token", async () => {
    world.create();
    const spellings = [
      "/%761/sessions",
      "/v%31/sessions",
      "/%76%31/sessions",
      "//v1/sessions",
      "/v1//sessions",
      "/./v1/sessions",
      "/x/../v1/sessions",
      "http://127.0.0.1:7070/v1/sessions",
      "http://evil/v1/sessions",
      "/V1/sessions",
      "/v1/sessions;x",
      "/v1/sessions/",
      "/v1%2fsessions",
      "/v1\\sessions",
      "/v1",
    ];
    for (const url of spellings) {
      const answer = await plain(url);
      expect([answer.statusCode, url]).toEqual([answer.statusCode === 404 ? 404 : 401, url]);
      expect(answer.body).not.toContain("demo");
    }
  });

  test("[AC3] a foreign Host is refused everywhere, also on the open routes", async () => {
    for (const host of ["evil.example", "hub.example.evil.com", "[::g]", "127.0.0.1 evil"]) {
      const answer = await plain("/livez", { host });
      expect([answer.statusCode, host]).toEqual([403, host]);
      expect(answer.json()).toMatchObject({ code: "HostNotAllowed" });
    }
    for (const host of ["localhost:7070", "hub.example", "HUB.example:443", "[::1]:7070"]) {
      expect((await plain("/livez", { host })).statusCode).toBe(200);
    }
  });

  test("[AC4] a foreign Origin is refused, also with the token; the own one is not", async () => {
    const authorization = `Bearer ${ADMIN_TOKEN}`;
    const foreign = [
      "null",
      "https://evil.example",
      "http://127.0.0.1:7071",
      "http://127.0.0.1",
      "http://127.0.0.1:7070.evil.com",
      "http://127.0.0.1:7070, http://127.0.0.1:7070",
      "garbage",
    ];
    for (const origin of foreign) {
      const answer = await plain("/v1/sessions", { origin, authorization });
      expect([answer.statusCode, origin]).toEqual([403, origin]);
      expect(answer.json()).toMatchObject({ code: "OriginNotAllowed" });
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
    const own = { origin: "http://127.0.0.1:7070", authorization };
    expect((await plain("/v1/sessions", own)).statusCode).toBe(200);
  });

  test("[AC5] the three open probes tell nothing", async () => {
    world.create();
    http.ready = false;
    expect([(await plain("/readyz")).statusCode, (await plain("/startupz")).statusCode]).toEqual([
      503, 503,
    ]);
    http.ready = true;
    for (const path of ["/livez", "/readyz", "/startupz"]) {
      const answer = await plain(path);
      expect([answer.statusCode, answer.body]).toEqual([200, "ok\n"]);
    }
  });

  test("[AC5] the short way to /livez says what the API says, and has no other door", async () => {
    const url = await http.app.listen({ host: "127.0.0.1", port: 0 });
    const port = new URL(url).port;
    const short = await fetch(`${url}/livez`);
    const long = await plain("/livez");
    expect([short.status, await short.text()]).toEqual([long.statusCode, long.body]);
    for (const [name, value] of Object.entries(long.headers)) {
      const told = short.headers.get(name);
      if (["date", "x-request-id", "connection"].includes(name)) expect(told, name).not.toBe("");
      else expect(told, name).toBe(String(value));
    }
    const odd = [
      [{ origin: "https://evil.example" }, "OriginNotAllowed"],
      [{ host: "evil.example" }, "HostNotAllowed"],
    ] as const;
    for (const [headers, code] of odd) {
      const answer = await new Promise<string>((resolve, reject) => {
        const asked = request({ port, host: "127.0.0.1", path: "/livez", headers });
        asked.on("response", (response) => {
          let said = "";
          response.on("data", (bytes: Buffer) => (said += bytes.toString()));
          response.on("end", () => resolve(said));
        });
        asked.on("error", reject).end();
      });
      expect(answer).toContain(code);
    }
    expect((await fetch(`${url}/livez`, { method: "POST" })).status).toBe(401);
  });

  test("[AC6] while the hub starts, what it does not know yet is 503 and not 404", async () => {
    http.ready = false;
    const answer = await http.ask("GET", "/v1/sessions/demo");
    expect(answer.status).toBe(503);
    expect(answer.json).toMatchObject({ code: "HubUnreachable" });
    expect((await plain("/v1/sessions/demo")).statusCode).toBe(401);
  });
});
