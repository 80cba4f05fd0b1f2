/** People of an identity provider: who comes in, and everything that looks like it and does not. */
import { generateKeyPair } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { Oidc } from "../../src/hub/auth/oidc/oidc.ts";
import { hubHttp, ADMIN_TOKEN, type HubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";
import { until } from "../support/until.ts";
import { ISSUER, settings, SmallIssuer } from "../support/small-issuer.ts";

const VERIFIER = "v".repeat(43);
const NONCE = "n".repeat(32);
const REDIRECT = "http://127.0.0.1:7070/login";

const VIEWER = { role: "viewer", tenant: null, sessions: null } as const;

let world: HubWorld;
let http: HubHttp;
let issuer: SmallIssuer;

beforeEach(async () => {
  world = new HubWorld();
  issuer = await new SmallIssuer(() => world.clock.now()).start();
  const oidc = new Oidc(settings, world.clock, issuer.ask);
  http = hubHttp(world, undefined, undefined, undefined, null, undefined, oidc);
  await http.app.ready();
});

async function ask(method: string, path: string, token: string | null, body?: object) {
  const answer = await http.app.inject({
    method: method as "GET",
    url: `/v1/${path}`,
    headers: {
      host: "127.0.0.1:7070",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, json: answer.json<Record<string, unknown>>() };
}

const login = (body: object) => ask("POST", "login", null, body);
const loginWith = async (claims: object, header = {}) =>
  login({ idToken: await issuer.sign({ ...claims }, header) });

function tokensThere(): number {
  return http.access.tokens.all.length;
}

describe("a login with a code", () => {
  const begin = (claims: object = { nonce: NONCE }) =>
    issuer.grant("c1", VERIFIER, REDIRECT, claims);
  const body = { code: "c1", verifier: VERIFIER, nonce: NONCE };

  test("[AU11] ends with a token of the hub, by the rules, in the audit log", async () => {
    await begin();
    const { status, json } = await login(body);
    expect(status).toBe(201);
    expect(json).toMatchObject({ role: "operator", name: "ada@x.org", sessions: null });
    const me = await ask("GET", "me", String(json["token"]));
    expect(me.json).toMatchObject({ id: json["id"], role: "operator" });
    const entry = http.access.audit.tail(9).find(({ what }) => what === "POST /v1/login");
    expect(entry).toMatchObject({ outcome: "asked", detail: { subject: "ada", role: "operator" } });
    expect(JSON.stringify(http.access.audit.tail(9))).not.toContain(VERIFIER);
    world.clock.jumpWall(settings.loginMs);
    expect((await ask("GET", "me", String(json["token"]))).status).toBe(401);
  });

  test("[AU11] is logged out, and then its token opens nothing", async () => {
    await begin();
    const token = String((await login(body)).json["token"]);
    expect((await ask("DELETE", "login", token)).status).toBe(200);
    expect((await ask("GET", "me", token)).status).toBe(401);
    expect((await ask("DELETE", "login", ADMIN_TOKEN)).json["code"]).toBe("BadRequest");
    const wish = { name: "ci", createdBy: "admin", forMs: 60_000 };
    const machine = (await http.access.tokens.create({ ...wish, ...VIEWER })).token;
    expect((await ask("DELETE", "login", machine)).json["code"]).toBe("BadRequest");
    expect((await ask("GET", "me", machine)).status).toBe(200);
  });

  test("[AU12] is refused for a code that was used, with another verifier or nonce", async () => {
    await begin();
    expect((await login({ ...body, verifier: "w".repeat(43) })).json["code"]).toBe("LoginRefused");
    await begin();
    expect((await login({ ...body, nonce: "m".repeat(32) })).json["code"]).toBe("LoginRefused");
    await begin({});
    expect((await login(body)).json["code"]).toBe("LoginRefused");
    await begin();
    expect((await login(body)).status).toBe(201);
    expect((await login(body)).json["code"]).toBe("LoginRefused");
    expect(tokensThere()).toBe(1);
  });

  test("[AU12] is refused where the code was meant for another address", async () => {
    await issuer.grant("c1", VERIFIER, "https://evil.example/login", { nonce: NONCE });
    expect((await login(body)).json["code"]).toBe("LoginRefused");
    const named = { ...body, redirectUri: "https://evil.example/login" };
    expect((await login(named)).json["code"]).toBe("BadRequest");
  });

  test("[AU12] of somebody without a role is refused, and says what is missing", async () => {
    await begin({ nonce: NONCE, groups: ["sales"] });
    const { status, json } = await login(body);
    expect([status, json["code"]]).toEqual([403, "Forbidden"]);
    expect(json["detail"]).toBe("nothing in groups has a role on this hub");
    expect(tokensThere()).toBe(0);
  });

  test("[AU11] of somebody who logs in without end keeps ten", async () => {
    for (let at = 0; at < 12; at += 1) {
      await begin();
      expect((await login(body)).status).toBe(201);
    }
    expect(tokensThere()).toBe(10);
  });
});

describe("a token of the identity provider", () => {
  const now = () => Math.floor(world.clock.now() / 1_000);
  const wrong: readonly (readonly [string, () => object, object?])[] = [
    ["another audience", () => ({ aud: "another" })],
    ["the audience of access tokens", () => ({ aud: settings.audience })],
    ["another issuer", () => ({ iss: "https://evil.example" })],
    ["an issuer with one letter more", () => ({ iss: `${ISSUER}/` })],
    ["no issuer", () => ({ iss: null })],
    ["its time over", () => ({ exp: now() - 6 })],
    ["no end", () => ({ exp: null })],
    ["a beginning to come", () => ({ nbf: now() + 60 })],
    ["no time of its making", () => ({ iat: null })],
    ["an age of an hour", () => ({ iat: now() - 3_600 })],
    ["no subject", () => ({ sub: null })],
    ["a subject with a line break", () => ({ sub: "ada\nroot" })],
    ["many audiences, and made for another", () => ({ aud: ["hub-cli", "x"], azp: "x" })],
    ["a key that its bearer must show", () => ({ cnf: { jkt: "x" } })],
    ["a type for something else", () => ({}), { typ: "logout+jwt" }],
    ["a key that nobody published", () => ({}), { kid: "../../dev/null" }],
    ["a key id that is an address", () => ({}), { kid: "https://evil.example/keys" }],
    ["keys at an address of its own", () => ({}), { kid: "two", jku: "https://evil.example/k" }],
    ["a chain at an address of its own", () => ({}), { kid: "2", x5u: "https://evil.example/c" }],
  ];

  test.for(wrong)("[AU12] with %s logs nobody in", async ([, claims, header]) => {
    const { status, json } = await loginWith(claims(), header);
    expect([status, json["code"]]).toEqual([401, "LoginRefused"]);
    expect(tokensThere()).toBe(0);
    expect(issuer.asked.filter((path) => path.includes("evil"))).toEqual([]);
  });

  test("[AU12] with a leeway of five seconds, and no more, is in time", async () => {
    expect((await loginWith({ exp: now() - 4 })).status).toBe(201);
    expect((await loginWith({ exp: now() - 5 })).status).toBe(401);
  });

  test("[AU12] that is signed with nothing, a shared secret or a foreign key is none", async () => {
    const good = await issuer.sign();
    const [, payload = ""] = good.split(".");
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const none of ["none", "None", "NONE"]) {
      const unsigned = `${encode({ alg: none, kid: "one" })}.${payload}.`;
      expect((await login({ idToken: unsigned })).json["code"]).toBe("LoginRefused");
    }
    // The public key as the secret of an HMAC: everybody has it.
    const shared = new TextEncoder().encode(JSON.stringify(issuer.jwk));
    const confused = await issuer.sign({}, { alg: "HS256" }, shared);
    expect((await login({ idToken: confused })).json["code"]).toBe("LoginRefused");
    const { privateKey } = await generateKeyPair("ES256");
    const foreign = await issuer.sign({}, {}, privateKey);
    expect((await login({ idToken: foreign })).json["code"]).toBe("LoginRefused");
    const claims = JSON.parse(atob(payload)) as object;
    const bent = good.replace(payload, encode({ ...claims, groups: ["admins"] }));
    expect((await login({ idToken: bent })).json["code"]).toBe("LoginRefused");
    expect(tokensThere()).toBe(0);
  });

  test("[AU12] that is larger than any token is not read", async () => {
    const before = issuer.asked.length;
    const idToken = await issuer.sign({ padding: "x".repeat(64 * 1_024) });
    const { status, json } = await login({ idToken });
    expect([status, json["code"], issuer.asked.length]).toEqual([400, "BadRequest", before]);
  });

  test("[AU12] logs in once", async () => {
    const idToken = await issuer.sign();
    const all = await Promise.all(Array.from({ length: 20 }, () => login({ idToken })));
    expect(all.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(tokensThere()).toBe(1);
  });

  test("[AU12] names a key that is unknown, and the provider is asked for it once", async () => {
    await loginWith({});
    const before = issuer.asked.filter((path) => path === "/keys").length;
    for (let at = 0; at < 20; at += 1) await loginWith({}, { kid: `k${at}` });
    expect(issuer.asked.filter((path) => path === "/keys").length).toBeLessThanOrEqual(before + 1);
  });
});

describe("a JWT that a program carries", () => {
  const access = (claims: object = {}) => issuer.sign({ aud: settings.audience, ...claims });

  test("[AU13] opens what its role opens, under one name, until it is over", async () => {
    const token = await access({ groups: ["admins"] });
    const { status, json } = await ask("GET", "me", token);
    expect(status).toBe(200);
    expect(json).toMatchObject({ role: "owner", sessions: null });
    expect(String(json["id"])).toMatch(/^oidc_[\w-]{22}$/);
    expect((await ask("GET", "me", await access())).json["id"]).toBe(json["id"]);
    const seen = http.access.audit.tail(9).find(({ what }) => what === "oidc.bearer");
    expect(seen).toMatchObject({ who: json["id"], detail: { subject: "ada", role: "owner" } });
    const before = issuer.asked.length;
    expect((await ask("GET", "tokens", token)).status).toBe(200);
    expect(issuer.asked).toHaveLength(before);
    world.clock.jumpWall(306_000);
    expect((await ask("GET", "me", token)).status).toBe(401);
  });

  test("[AU13] is an access token: an ID token opens no route", async () => {
    for (const aud of ["hub", "hub-cli", "another"]) {
      expect([aud, (await ask("GET", "me", await issuer.sign({ aud }))).status]).toEqual([
        aud,
        401,
      ]);
    }
    expect((await ask("GET", "me", await access({ groups: [] }))).status).toBe(403);
    expect((await ask("GET", "me", "eyJhbGciOiJub25lIn0.e30.x")).status).toBe(401);
  });

  test("[AU13] is none at a hub that was told no audience", async () => {
    const oidc = new Oidc({ ...settings, audience: null }, world.clock, issuer.ask);
    http = hubHttp(world, undefined, undefined, undefined, null, undefined, oidc);
    expect((await ask("GET", "me", await access())).status).toBe(401);
    expect(issuer.asked).toEqual([]);
  });
});

describe("an identity provider that fails", () => {
  const answers: readonly (readonly [string, string, () => Response])[] = [
    ["is down", "/.well-known/openid-configuration", () => new Response("", { status: 500 })],
    ["says no JSON", "/.well-known/openid-configuration", () => new Response("<html>")],
    ["says an array", "/.well-known/openid-configuration", () => Response.json([])],
    [
      "calls itself another",
      "/.well-known/openid-configuration",
      () => Response.json({ ...issuer.metadata(), issuer: "https://evil.example" }),
    ],
    [
      "has a door without TLS",
      "/.well-known/openid-configuration",
      () => Response.json({ ...issuer.metadata(), token_endpoint: "http://login.example/token" }),
    ],
    ["says too much", "/.well-known/openid-configuration", () => new Response("x".repeat(300_000))],
    ["has no keys", "/keys", () => new Response("gone", { status: 404 })],
    ["has keys that are none", "/keys", () => Response.json({ keys: "none" })],
  ];

  test.for(answers)("[AU14] and %s is named, and nobody comes in", async ([, path, answer]) => {
    issuer.instead.set(path, answer);
    const { status, json } = await loginWith({});
    expect([status, json["code"]]).toEqual([503, "IssuerUnavailable"]);
    const bearer = await issuer.sign({ aud: settings.audience });
    expect((await ask("GET", "me", bearer)).json["code"]).toBe("IssuerUnavailable");
    expect(tokensThere()).toBe(0);
    // All others are let in as ever.
    expect((await ask("GET", "me", ADMIN_TOKEN)).status).toBe(200);
  });

  test("[AU14] and hangs is given up, and others who ask do not wait for it again", async () => {
    issuer.instead.set("/.well-known/openid-configuration", () => new Promise(() => undefined));
    const first = loginWith({});
    await until(() => issuer.asked.length === 1);
    await world.clock.advanceAsync(5_000);
    expect((await first).json).toMatchObject({ code: "IssuerUnavailable", status: 503 });
    expect((await ask("GET", "login", null)).json["code"]).toBe("IssuerUnavailable");
    expect(issuer.asked).toHaveLength(1);
    issuer.instead.clear();
    await world.clock.advanceAsync(3_000);
    expect((await ask("GET", "login", null)).json["oidc"]).toMatchObject({ issuer: ISSUER });
  });

  test("[AU14] and is asked by one address no more than sixty times a minute", async () => {
    const body = { idToken: "this is no token at all" };
    const answers = [];
    for (let at = 0; at < 61; at += 1) answers.push((await login(body)).json["code"]);
    expect(answers.slice(59)).toEqual(["LoginRefused", "RateLimited"]);
  });
});

test("[AU11] a hub without a provider says so, and logs nobody in", async () => {
  const bare = hubHttp(world);
  const headers = { host: "127.0.0.1:7070" };
  const ways = await bare.app.inject({ url: "/v1/login", headers });
  expect(ways.json()).toEqual({ oidc: null });
  const payload = { idToken: await issuer.sign() };
  const tried = await bare.app.inject({ method: "POST", url: "/v1/login", headers, payload });
  expect(tried.statusCode).toBe(404);
});
