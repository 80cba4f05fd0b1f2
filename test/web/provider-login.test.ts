/** The dashboard's way to an identity provider and back, in a browser that is only its parts. */
import { createHash, webcrypto } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import type { ProviderWays } from "../../src/client/api-login.ts";
import { beginLogin, takeReturn, type LoginPlaces } from "../../src/web/provider-login.ts";
import { dropToken, keepToken, takeToken } from "../../src/web/sign-in.ts";

const ways: ProviderWays = {
  issuer: "https://login.example",
  clientId: "hub",
  cliClientId: "hub-cli",
  scopes: "openid email",
  authorizationEndpoint: "https://login.example/auth?tenant=x",
  tokenEndpoint: "https://login.example/token",
  deviceEndpoint: null,
  responseMode: "fragment",
  redirectUri: "https://hub.example/login",
};

class Tab implements LoginPlaces {
  readonly kept = new Map<string, string>();
  readonly left: string[] = [];
  readonly shown: string[] = [];
  crypto: LoginPlaces["crypto"] = webcrypto;
  location = {
    ...{ hash: "", search: "", pathname: "/", origin: "https://hub.example" },
    assign: (url: string | URL) => void this.left.push(String(url)),
  };
  readonly history = {
    replaceState: (_: unknown, __: string, url: string) => void this.shown.push(url),
  };
  readonly sessionStorage = {
    getItem: (key: string) => this.kept.get(key) ?? null,
    setItem: (key: string, value: string) => void this.kept.set(key, value),
    removeItem: (key: string) => void this.kept.delete(key),
  };

  comesBack(told: Record<string, string>, part: "hash" | "search" = "hash"): void {
    const text = `${part === "hash" ? "#" : "?"}${new URLSearchParams(told)}`;
    this.location = { ...this.location, pathname: "/login", hash: "", search: "", [part]: text };
  }
}

let tab: Tab;
beforeEach(() => {
  tab = new Tab();
});

async function begun(): Promise<URLSearchParams> {
  await beginLogin(ways, tab);
  return new URL(tab.left[0] ?? "").searchParams;
}

test("[AU15] a page asks with a digest of what it keeps, and redeems with what it kept", async () => {
  const asked = await begun();
  expect(Object.fromEntries(asked)).toMatchObject({
    ...{ tenant: "x", response_type: "code", response_mode: "fragment", client_id: "hub" },
    ...{ redirect_uri: ways.redirectUri, scope: "openid email", code_challenge_method: "S256" },
  });
  tab.comesBack({ code: "c1", state: asked.get("state") ?? "", iss: ways.issuer });
  const landed = takeReturn(tab);
  if (landed?.kind !== "code") throw new Error("no code came back");
  expect(landed).toMatchObject({ code: "c1", nonce: asked.get("nonce") });
  const challenge = createHash("sha256").update(landed.verifier).digest("base64url");
  expect(challenge).toBe(asked.get("code_challenge"));
  expect(tab.left[0]).not.toContain(landed.verifier);
  expect(tab.shown).toEqual(["/"]);
  expect(takeReturn(tab)).toMatchObject({ kind: "failed" });
});

test("[AU15] where the provider answers in the query, the address is cleaned, too", async () => {
  const asked = await begun();
  tab.comesBack({ code: "c1", state: asked.get("state") ?? "" }, "search");
  expect(takeReturn(tab)).toMatchObject({ kind: "code", code: "c1" });
  expect(tab.shown).toEqual(["/"]);
});

test.each<[string, Record<string, string>, RegExp]>([
  ["another state", { code: "c1", state: "another" }, /not begun in this tab/],
  ["another provider", { code: "c1", iss: "https://evil.example" }, /is of https:\/\/evil/],
  [
    "a refusal",
    { error: "access_denied", error_description: "no\u202e" },
    /access_denied\): no\\u/,
  ],
])("[AU15] a return with %s logs nobody in, and says so", async (_, told, why) => {
  const asked = await begun();
  tab.comesBack({ state: asked.get("state") ?? "", ...told });
  const landed = takeReturn(tab);
  if (landed?.kind !== "failed") throw new Error("it was taken");
  expect(landed.error.message).toMatch(why);
  expect(tab.kept.size).toBe(0);
});

test("[AU15] a return that this tab did not begin is none, and other addresses are not read", () => {
  tab.comesBack({ code: "c1", state: "s" });
  expect(takeReturn(tab)).toMatchObject({ kind: "failed" });
  tab.location = { ...tab.location, pathname: "/", hash: "#code=c1&state=s" };
  expect(takeReturn(tab)).toBeNull();
  tab.location = { ...tab.location, pathname: "/login", hash: "#token=hf_x" };
  expect(takeReturn(tab)).toBeNull();
});

test("[AU15] a page that could not come back does not leave, and says where to go", async () => {
  const elsewhere = { ...ways, redirectUri: "https://other.example/login" };
  await expect(beginLogin(elsewhere, tab)).rejects.toMatchObject({
    hint: "Log in at https://other.example.",
  });
  tab.crypto = { getRandomValues: (bytes) => bytes };
  await expect(beginLogin(ways, tab)).rejects.toMatchObject({ code: "LoginRefused" });
  expect(tab.left).toEqual([]);
});

test("[AU15] signing out gives back the token of a login, and of nothing else", () => {
  keepToken(tab, "hft_machine");
  expect(dropToken(tab)).toBeNull();
  keepToken(tab, "hft_login", true);
  expect(dropToken(tab)).toBe("hft_login");
  expect(takeToken(tab)).toBeNull();
  keepToken(tab, "hft_login", true);
  keepToken(tab, "hft_machine");
  expect(dropToken(tab)).toBeNull();
});
