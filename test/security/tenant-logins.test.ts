/** Whose somebody is: told by the identity provider, by the file of tokens, and by another hub. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Oidc } from "../../src/hub/auth/oidc/oidc.ts";
import { ADMIN, type Principal } from "../../src/hub/auth/principal.ts";
import { tokenFile } from "../../src/hub/auth/token-file.ts";
import { asHeader, principalIn } from "../../src/hub/cluster/peer-door.ts";
import { oidcMistakes } from "../../src/base/oidc-config.ts";
import { resolveConfig } from "../../src/base/config.ts";
import { hubHttp } from "../support/hub-http.ts";
import { HubWorld } from "../support/hub-world.ts";
import { settings, SmallIssuer } from "../support/small-issuer.ts";

async function loginOf(claims: object) {
  const world = new HubWorld();
  const issuer = await new SmallIssuer(() => world.clock.now()).start();
  const own = { ...settings, tenantClaim: "org", ownTenant: "us" };
  const oidc = new Oidc(own, world.clock, issuer.ask);
  const http = hubHttp(world, undefined, undefined, undefined, null, undefined, oidc);
  const headers = { host: "127.0.0.1:7070" };
  const login = await http.app.inject({
    method: "POST",
    url: "/v1/login",
    headers,
    payload: { idToken: await issuer.sign({ ...claims }) },
  });
  const bearer = await issuer.sign({ ...claims, aud: settings.audience });
  const me = await http.app.inject({
    url: "/v1/me",
    headers: { ...headers, authorization: `Bearer ${bearer}` },
  });
  const told = login.json<Record<string, unknown>>();
  return {
    login: [login.statusCode, told["tenant"] ?? told["code"]],
    bearer: [me.statusCode, me.json<Record<string, unknown>>()["tenant"]],
    noted: http.access.audit.tail(9),
  };
}

describe("a login", () => {
  test("[AU20] is of the tenant that its claim names, by code and by JWT", async () => {
    const { login, bearer, noted } = await loginOf({ org: "acme" });
    expect([login, bearer]).toEqual([
      [201, "acme"],
      [200, "acme"],
    ]);
    const note = noted.find(({ what }) => what === "POST /v1/login");
    expect(note?.detail).toMatchObject({ tenant: "acme" });
    const list = await loginOf({ org: ["acme"] });
    expect(list.login).toEqual([201, "acme"]);
  });

  test("[AU20] is of the hub's own people only by the value that was set for them", async () => {
    const { login, bearer } = await loginOf({ org: "us" });
    expect([login, bearer]).toEqual([
      [201, undefined],
      [200, null],
    ]);
  });

  test.for([
    ["no claim", {}],
    ["an empty claim", { org: "" }],
    ["several tenants", { org: ["acme", "beta"] }],
    ["the hub's own and another", { org: ["us", "acme"] }],
    ["a slash", { org: "acme/x" }],
    ["a capital", { org: "Acme" }],
    ["no word", { org: 7 }],
    ["an object", { org: { name: "acme" } }],
  ] as const)("[AU20] with %s stays outside", async ([, claims]) => {
    const { login, bearer } = await loginOf(claims);
    expect(login).toEqual([403, "Forbidden"]);
    expect(bearer[0]).toBe(403);
  });

  test("[AU20] needs a claim where the hub's own people have a value of it", () => {
    const env = {
      HOLDFAST_OIDC_ISSUER: "https://login.example",
      HOLDFAST_OIDC_CLIENT_ID: "hub",
      HOLDFAST_OIDC_ROLES: "*=viewer",
      HOLDFAST_OIDC_OWN_TENANT: "us",
    };
    const nothing = {
      file: null,
      readSecret: () => ({ text: "" }),
      resolvePath: (path: string) => path,
    };
    const resolved = resolveConfig({ env, flags: {}, ...nothing });
    expect(oidcMistakes(resolved).map(({ key }) => key)).toEqual(["oidcOwnTenant"]);
  });
});

describe("a hub that knows of no tenants", () => {
  const token = {
    ...{ id: `tok_${"0".repeat(20)}`, name: "t", role: "owner" as const, sessions: null },
    ...{ hash: "h".repeat(43), createdAt: 1, createdBy: "admin", expiresAt: 2, lastUsedAt: null },
  };

  test("[AU20] refuses a book of tokens with tenants in it, and reads one without", async () => {
    const home = mkdtempSync(join(tmpdir(), "holdfast-tenants-"));
    try {
      const path = join(home, "tokens.json");
      const file = tokenFile(path);
      await file.change(() => [{ ...token, tenant: null }]);
      const before = JSON.parse(readFileSync(path, "utf8")) as {
        version: number;
        tokens: object[];
      };
      expect(before).toEqual({ version: 1, tokens: [token] });
      const both = [
        { ...token, tenant: null },
        { ...token, tenant: "acme" },
      ];
      await file.change(() => both);
      expect(tokenFile(path).all).toEqual(both);
      // What an older one looks at first.
      expect((JSON.parse(readFileSync(path, "utf8")) as { version: number }).version).toBe(2);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  test("[AU20] finds no role in what another hub says of somebody of a tenant", () => {
    const person: Principal = { ...ADMIN, id: "tok_x", tenant: "acme" };
    const sent = Buffer.from(asHeader(person), "base64url").toString();
    expect(principalIn(sent)).toEqual(person);
    expect(JSON.parse(sent)).not.toHaveProperty("role");
    const own = Buffer.from(asHeader(ADMIN), "base64url").toString();
    expect(principalIn(own)).toEqual(ADMIN);
    // As a hub wrote it that knows of none.
    expect(principalIn(JSON.stringify({ id: "a", role: "viewer", sessions: null }))).toEqual({
      ...{ id: "a", role: "viewer", sessions: null },
      tenant: null,
    });
  });
});
