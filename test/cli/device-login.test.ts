/** `holdfast login` as the identity provider meets it, and what it makes of each of its answers. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ProviderWays } from "../../src/client/api-login.ts";
import { deviceLogin, type DeviceCode } from "../../src/cli/device-login.ts";
import { forgetLogin, keepLogin, loginAt } from "../../src/cli/login-file.ts";

const ways: ProviderWays = {
  issuer: "https://login.example",
  clientId: "hub",
  cliClientId: "hub-cli",
  scopes: "openid email",
  authorizationEndpoint: "https://login.example/auth",
  tokenEndpoint: "https://login.example/token",
  deviceEndpoint: "https://login.example/device",
  responseMode: "fragment",
  redirectUri: "https://hub.example/login",
};
const code = {
  ...{ device_code: "d1", user_code: "WDJB-MJHT", expires_in: 600, interval: 5 },
  verification_uri: "https://login.example/activate",
};
const says = (error: string, status = 400) => Response.json({ error }, { status });

/** A provider that answers the one and then the other; time passes by waiting alone. */
function provider(begin: Response, ...polls: readonly (() => Response)[]) {
  const asked: { path: string; form: Record<string, string>; atMs: number }[] = [];
  const codes: DeviceCode[] = [];
  const troubles: string[] = [];
  let [atMs, poll] = [0, 0];
  const parts = {
    ask: (async (input, init) => {
      const path = new URL(input instanceof Request ? input.url : input).pathname;
      const body = typeof init?.body === "string" ? init.body : "";
      asked.push({ path, form: Object.fromEntries(new URLSearchParams(body)), atMs });
      if (path === "/device") return begin;
      return polls[Math.min(poll++, polls.length - 1)]?.() ?? says("invalid_request");
    }) as typeof fetch,
    mono: () => atMs,
    wait(waitMs: number) {
      atMs += waitMs;
      return Promise.resolve();
    },
    onCode: (one: DeviceCode) => void codes.push(one),
    onWait(_: number, trouble: string | null) {
      if (trouble !== null) troubles.push(trouble);
    },
  };
  return { asked, codes, troubles, parts };
}

const good = () => Response.json({ id_token: "eyJ.x.y", access_token: "a" });

test("[AU16] the code is shown, and the provider asked in the time that it names", async () => {
  const { asked, codes, parts } = provider(
    Response.json(code),
    () => says("authorization_pending"),
    () => says("slow_down"),
    () => says("authorization_pending"),
    good,
  );
  expect(await deviceLogin(ways, parts)).toBe("eyJ.x.y");
  expect(codes).toEqual([
    {
      ...{ userCode: "WDJB-MJHT", address: "https://login.example/activate", whole: null },
      expiresSeconds: 600,
    },
  ]);
  expect(asked.map(({ atMs }) => atMs)).toEqual([0, 5_000, 10_000, 20_000, 30_000]);
  expect(asked[0]?.form).toEqual({ client_id: "hub-cli", scope: "openid email" });
  expect(asked[1]?.form).toMatchObject({ device_code: "d1", client_id: "hub-cli" });
});

test("[AU16] a provider that is away for a while is asked less and less, and then again", async () => {
  const down = () => {
    throw new TypeError("fetch failed");
  };
  const broken = () => new Response("<html>", { status: 502 });
  const { asked, troubles, parts } = provider(Response.json(code), down, broken, good);
  expect(await deviceLogin(ways, parts)).toBe("eyJ.x.y");
  expect(asked.map(({ atMs }) => atMs)).toEqual([0, 5_000, 15_000, 35_000]);
  expect(troubles[0]).toBe("https://login.example does not answer");
});

test.each<[string, () => Response, RegExp]>([
  ["a refusal", () => says("access_denied"), /did not agree/],
  ["a code that is over", () => says("expired_token"), /before the code was over/],
  ["a client that may not", () => says("unauthorized_client"), /refuses: unauthorized_client/],
  ["nobody's name", () => Response.json({ access_token: "a" }), /no id_token/],
])("[AU16] %s ends it in words", async (_, answer, why) => {
  const { parts } = provider(Response.json(code), answer);
  await expect(deviceLogin(ways, parts)).rejects.toMatchObject({
    code: "LoginRefused",
    message: expect.stringMatching(why) as string,
  });
});

test("[AU16] nobody who never agrees is waited for beyond the code's time", async () => {
  const { asked, parts } = provider(Response.json({ ...code, expires_in: 12 }), () =>
    says("authorization_pending"),
  );
  await expect(deviceLogin(ways, parts)).rejects.toMatchObject({ code: "LoginRefused" });
  expect(asked.at(-1)?.atMs).toBe(12_000);
});

test.each<[string, object]>([
  ["an address without TLS", { verification_uri: "http://login.example/activate" }],
  ["an address that is a program", { verification_uri: "javascript:alert(1)" }],
  ["a file", { verification_uri_complete: "file:///etc/passwd" }],
  ["somebody's name in it", { verification_uri: "https://hub@evil.example/" }],
  ["a code that moves the cursor", { user_code: "\u001b[2JABCD" }],
  ["no code", { user_code: null }],
])("[AU16] %s is not shown, and nobody is asked to open it", async (_, bent) => {
  const { codes, parts } = provider(Response.json({ ...code, ...bent }), good);
  await expect(deviceLogin(ways, parts)).rejects.toMatchObject({ code: "IssuerUnavailable" });
  expect(codes).toEqual([]);
});

test("[AU16] a provider without the device flow is said to be one", async () => {
  const { parts, asked } = provider(Response.json(code));
  await expect(deviceLogin({ ...ways, deviceEndpoint: null }, parts)).rejects.toMatchObject({
    code: "LoginRefused",
  });
  expect(asked).toEqual([]);
  const strange = provider(says("invalid_client", 401));
  await expect(deviceLogin(ways, strange.parts)).rejects.toThrow("refuses: invalid_client");
});

test("[AU16] a login is kept for its hub alone, for its owner alone, and until it is over", () => {
  const home = mkdtempSync(join(tmpdir(), "hf-login-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const login = { name: "ada", role: "operator", token: "hft_a" };
  const [soon, over] = [60_000, -1].map((ms) => new Date(Date.now() + ms).toISOString());
  keepLogin(home, { ...login, url: "https://a.example", expiresAt: soon ?? "" });
  keepLogin(home, { ...login, url: "https://b.example", expiresAt: over ?? "" });
  expect(loginAt(home, "https://a.example")?.token).toBe("hft_a");
  expect(loginAt(home, "https://b.example")).toBeNull();
  expect(loginAt(home, "https://c.example")).toBeNull();
  expect(statSync(join(home, "logins.json")).mode & 0o777).toBe(0o600);
  forgetLogin(home, "https://a.example");
  expect(loginAt(home, "https://a.example")).toBeNull();
});
