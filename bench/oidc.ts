/**
 * `node bench/oidc.ts [FOLDER]`: people of a real identity provider (oidc-provider, of FOLDER, or
 * installed into a temporary one) at a really started hub, by the dashboard in a real browser and
 * by the real command. Prints a line for each case and JSON; ends with 1 when one was not right.
 * Needs chromium.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { createApi } from "../src/client/api.ts";
import { bin, freePort, makeCliHome, waitForText, type CliHome } from "../test/e2e/cli-kit.ts";
import { launch } from "../test/e2e/dashboard-kit.ts";
import { AUDIENCE, installProvider, RealIssuer } from "./oidc-issuer.ts";

const verdicts: Record<string, string> = {};
const WAIT_MS = 20_000;

async function check(name: string, run: () => Promise<string | null>): Promise<void> {
  const wrong = await run().catch((error: unknown) => String(error).slice(0, 400));
  verdicts[name] = wrong ?? "as it should be";
  process.stderr.write(`${wrong === null ? "ok  " : "BAD "} ${name}${wrong ? `: ${wrong}` : ""}\n`);
}

const isSame = (seen: unknown, right: unknown): string | null =>
  JSON.stringify(seen) === JSON.stringify(right)
    ? null
    : `${JSON.stringify(seen)}, not ${JSON.stringify(right)}`;

interface Hub {
  readonly url: string;
  readonly home: CliHome;
  readonly env: Record<string, string>;
  readonly token: string;
  close(): Promise<void>;
}

async function startHub(more: Record<string, string>): Promise<Hub> {
  const home = await makeCliHome();
  const env = { ...home.env, HOLDFAST_OIDC_ROLES: "admins=owner,devs=operator", ...more };
  const hub = spawn(process.execPath, [bin, "up"], { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = await waitForText(hub, "next ");
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? "";
  const token = /#token=(\S+)/.exec(said)?.[1] ?? "";
  const close = async (): Promise<void> => {
    const gone = new Promise((resolve) => hub.once("exit", resolve));
    hub.kill("SIGINT");
    await gone;
    await home.close();
  };
  return { url, home, env, token, close };
}

/** At the provider's own pages, until they lead away. */
async function agree(page: Page, name: string): Promise<void> {
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

const problem = (page: Page) => page.locator(".problem").first().innerText({ timeout: WAIT_MS });

async function throughTheDashboard(hub: Hub, context: BrowserContext): Promise<void> {
  const bodies: string[] = [];
  const tokens: string[] = [];
  const addresses: string[] = [];
  const page = await context.newPage();
  page.on("request", (asked) => {
    if (asked.url().endsWith("/v1/login") && asked.method() === "POST") {
      bodies.push(asked.postData() ?? "");
    }
    if (asked.url().startsWith(hub.url)) addresses.push(asked.url());
  });
  await check("dashboard: code and PKCE", async () => {
    await page.goto(`${hub.url}/login`);
    await page.locator("[data-action=provider]").click();
    await agree(page, "boss");
    await page.getByText("live", { exact: true }).waitFor({ timeout: WAIT_MS });
    tokens.push(await page.evaluate<string>(`sessionStorage.getItem("holdfast.token")`));
    const me = await createApi({ url: hub.url, token: tokens[0] ?? "", fetch }).me();
    return isSame([me.role, me.name, page.url()], ["owner", "boss@x.example", `${hub.url}/`]);
  });
  await check("dashboard: no code or token in an address that the hub was asked", () => {
    const bad = addresses.filter((url) => /code=|token=|state=/.test(url));
    return Promise.resolve(isSame([addresses.length > 3, bad], [true, []]));
  });
  await check("dashboard: the same code once more", async () => {
    const headers = { "content-type": "application/json" };
    const body = bodies[0] ?? "";
    const again = await fetch(`${hub.url}/v1/login`, { method: "POST", headers, body });
    const { code } = (await again.json()) as { code: string };
    return isSame([again.status, code], [401, "LoginRefused"]);
  });
  await check("dashboard: signing out ends the token", async () => {
    await page.getByRole("button", { name: "sign out" }).click();
    await page.locator("[data-action=provider]").waitFor({ timeout: WAIT_MS });
    await until(async () => (await meStatus(hub, tokens[0] ?? "")) === 401);
    return null;
  });
  await page.close();
  await check("dashboard: who is in no group stays outside, in words", async () => {
    await context.clearCookies();
    const other = await context.newPage();
    await other.goto(`${hub.url}/login`);
    await other.locator("[data-action=provider]").click();
    await agree(other, "stranger");
    const said = await problem(other);
    await other.close();
    return /Forbidden.*nothing in groups/s.test(said) ? null : said;
  });
  await check("dashboard: who does not agree is told so", async () => {
    await context.clearCookies();
    const other = await context.newPage();
    await other.goto(`${hub.url}/login`);
    await other.locator("[data-action=provider]").click();
    await other.getByText("[ Cancel ]").click();
    const said = await problem(other);
    await other.close();
    return /LoginRefused.*access_denied/s.test(said) ? null : said;
  });
}

interface Device {
  readonly child: ChildProcess;
  readonly address: string;
  readonly code: string;
  readonly end: Promise<{ exitCode: number | null; text: string }>;
}

async function startDevice(hub: Hub): Promise<Device> {
  const words = [bin, "login", "--device"];
  const child = spawn(process.execPath, words, { env: hub.env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const end = new Promise<{ exitCode: number | null; text: string }>((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode, text }));
  });
  await until(() => Promise.resolve(text.includes("agree to nothing") || child.exitCode !== null));
  const [, address = "", code = ""] = /open (\S+) in .* code (\S+)/.exec(text) ?? [];
  return { child, address, code, end };
}

async function type(context: BrowserContext, device: Device, confirm: boolean): Promise<Page> {
  await context.clearCookies();
  const page = await context.newPage();
  await page.goto(device.address);
  await page.locator("input[name=user_code]").fill(device.code);
  await page.locator("button[type=submit]").first().click();
  const button = confirm ? "Continue" : "[ Abort ]";
  await page.getByRole("button", { name: button }).click();
  return page;
}

async function onTheCommandLine(hub: Hub, context: BrowserContext, issuer: RealIssuer) {
  await check("command: device flow, then commands as that person", async () => {
    const device = await startDevice(hub);
    const page = await type(context, device, true);
    await agree(page, "boss");
    const { exitCode, text } = await device.end;
    await page.close();
    const list = await hub.home.run(["token", "list", "--json"]);
    const own = (JSON.parse(list.stdout) as { name: string; lastUsedAt: string | null }[]).find(
      ({ name, lastUsedAt }) => name === "boss@x.example" && lastUsedAt !== null,
    );
    const said = text.includes("logged in as boss@x.example, owner");
    return isSame([exitCode, said, own !== undefined], [0, true, true]);
  });
  await check("command: logged out, and what was kept opens nothing", async () => {
    const out = await hub.home.run(["logout"]);
    const again = await hub.home.run(["logout"]);
    return isSame([out.exitCode, again.exitCode], [0, 2]);
  });
  await check("command: refused in the browser", async () => {
    const device = await startDevice(hub);
    const page = await type(context, device, false);
    const { exitCode, text } = await device.end;
    await page.close();
    return isSame([exitCode, text.includes("did not agree")], [4, true]);
  });
  await check("command: nobody agrees in time", async () => {
    issuer.deviceSeconds = 7;
    const { exitCode, text } = await (await startDevice(hub)).end;
    issuer.deviceSeconds = 120;
    return isSame([exitCode, text.includes("before the code was over")], [4, true]);
  });
  await check("command: ^C gives up", async () => {
    const device = await startDevice(hub);
    device.child.kill("SIGINT");
    return isSame((await device.end).exitCode, 130);
  });
}

async function byItsOwnToken(hub: Hub, issuer: RealIssuer): Promise<void> {
  await check("program: a JWT for this audience, until it is over", async () => {
    issuer.accessSeconds = 4;
    const token = await issuer.programToken(AUDIENCE);
    const first = await meStatus(hub, token);
    await until(async () => (await meStatus(hub, token)) === 401);
    return isSame(first, 200);
  });
  await check("program: a JWT for another audience", async () => {
    const token = await issuer.programToken("https://another.example/api");
    return isSame(await meStatus(hub, token), 401);
  });
}

async function withoutProvider(hub: Hub, context: BrowserContext, issuer: RealIssuer) {
  const kept = await startDevice(hub);
  const page = await type(context, kept, true);
  await agree(page, "dev-ada");
  await kept.end;
  await page.close();
  await issuer.stop();
  await check(
    "provider gone: logins that there are go on, and so does the hub's token",
    async () => {
      const ls = await hub.home.run(["ls"]);
      return isSame([ls.exitCode, await meStatus(hub, hub.token)], [0, 200]);
    },
  );
  await check("provider gone: the command says so", async () => {
    const { exitCode, text } = await (await startDevice(hub)).end;
    return isSame([exitCode, text.includes("IssuerUnavailable")], [4, true]);
  });
  await check("provider gone: a login is refused as that, within its time", async () => {
    const beganMs = performance.now();
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ code: "x", verifier: "v".repeat(43), nonce: "n".repeat(32) });
    const answer = await fetch(`${hub.url}/v1/login`, { method: "POST", headers, body });
    const { code } = (await answer.json()) as { code: string };
    const isSoon = performance.now() - beganMs < 6_000;
    return isSame([answer.status, code, isSoon], [503, "IssuerUnavailable", true]);
  });
  await issuer.start();
  await check("provider back, with other keys: one logs in again", async () => {
    const device = await startDevice(hub);
    const other = await type(context, device, true);
    await agree(other, "dev-ada");
    const { exitCode, text } = await device.end;
    await other.close();
    return isSame([exitCode, text.includes("dev-ada@x.example, operator")], [0, true]);
  });
}

async function meStatus(hub: Hub, token: string): Promise<number> {
  return (await fetch(`${hub.url}/v1/me`, { headers: { authorization: `Bearer ${token}` } }))
    .status;
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!(await is())) {
    if (performance.now() > endMs) throw new Error("it did not come to that in time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const folder = installProvider(process.argv[2]);
const hubPort = await freePort();
const issuer = new RealIssuer(folder, await freePort(), `http://127.0.0.1:${hubPort}/login`);
await issuer.start();
const settings = {
  HOLDFAST_LISTEN: `127.0.0.1:${hubPort}`,
  HOLDFAST_OIDC_ISSUER: issuer.url,
  HOLDFAST_OIDC_CLIENT_ID: "hub",
  HOLDFAST_OIDC_CLI_CLIENT_ID: "hub-cli",
  HOLDFAST_OIDC_AUDIENCE: AUDIENCE,
};
const browser = await chromium.launch(launch);
try {
  const context = await browser.newContext();
  // The provider's pages ask for a font of another machine.
  await context.route(
    (url) => url.hostname !== "127.0.0.1",
    (route) => route.abort(),
  );
  const hub = await startHub(settings);
  try {
    await throughTheDashboard(hub, context);
    await onTheCommandLine(hub, context, issuer);
    await byItsOwnToken(hub, issuer);
    await withoutProvider(hub, context, issuer);
  } finally {
    await hub.close();
  }
  const names = { HOLDFAST_OIDC_CLIENT_ID: "nobody", HOLDFAST_OIDC_CLI_CLIENT_ID: "nobody" };
  const stranger = await startHub({ ...settings, ...names });
  try {
    await check("a client that the provider does not know", async () => {
      const { exitCode, text } = await (await startDevice(stranger)).end;
      return isSame([exitCode, text.includes("refuses: invalid_client")], [4, true]);
    });
  } finally {
    await stranger.close();
  }
} finally {
  await browser.close();
  await issuer.stop();
  if (process.argv[2] === undefined) rmSync(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(verdicts, null, 2));
process.exitCode = Object.values(verdicts).every((one) => one === "as it should be") ? 0 : 1;
