/**
 * Secrets that were put into a whole hub are looked for wherever it writes or tells something; and
 * nothing listens but what was asked for, also after the signal that opens Node's inspector.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWhere, needs } from "../support/needs.ts";
import { IssuerDoor } from "../support/issuer-door.ts";
import { makeCliHome, type CliHome } from "./cli-kit.ts";

const secrets: Record<string, string> = {
  "the metrics token": "canary-metrics-5d1f0c7e9a",
  "the webhook's secret": `whsec_${Buffer.from("canary-webhook-secret-0123456789").toString("base64")}`,
  "a variable of a session": "canary-env-value-77aa10",
  "a token that was wrong": "canary-wrong-token-31337",
  "the hub's secret at the identity provider": "canary-oidc-client-4f77aa",
  "the code of a login": "canary-oidc-code-00ab12",
  "the verifier of a login": `canary-oidc-verifier-${"v".repeat(30)}`,
  "the nonce of a login": "canary-oidc-nonce-55cd90",
};
/** Everything that was told, by where. */
const told = new Map<string, string>();

const AUDIENCE = "https://hub.example/api";

let hub: CliHome;
let door: IssuerDoor;
let url: string;
let token: string;
let pid: number;

async function ask(path: string, init: RequestInit = {}, as = token): Promise<string> {
  const type = init.body === undefined ? {} : { "content-type": "application/json" };
  const headers = { authorization: `Bearer ${as}`, ...type };
  const answer = await fetch(`${url}${path}`, { ...init, headers });
  return answer.text();
}

/** A day of a hub in a few seconds: each secret is used, rightly and wrongly. */
async function use(): Promise<void> {
  const value = secrets["a variable of a session"] ?? "";
  const wrong = secrets["a token that was wrong"] ?? "";
  const made = await hub.run(["new", "demo", "--env", `CANARY=${value}`]);
  expect(made.exitCode).toBe(0);
  told.set("new", made.stdout + made.stderr);
  await ask("/v1/sessions/demo/exec", { method: "POST", body: '{"command":"true"}' });
  const ticket = JSON.parse(await ask("/v1/tickets", { method: "POST" })) as { ticket: string };
  secrets["a ticket"] = ticket.ticket;
  const wish = JSON.stringify({ name: "canary", role: "viewer" });
  const api = JSON.parse(await ask("/v1/tokens", { method: "POST", body: wish })) as {
    token: string;
  };
  secrets["an API token"] = api.token;
  for (const [name, secret] of Object.entries(secrets)) {
    // What a caller says in a URL comes back in no answer.
    told.set(`an answer to ${name} in a URL`, await ask(`/v1/sessions?token=${secret}`));
    told.set(`an answer to ${name} as a path`, await ask(`/v1/me/x`, {}, secret));
    told.set(`a WebSocket to ${name}`, await ask(`/v1/client?ticket=${secret}`, {}, wrong));
  }
  const failing = { image: "no-such-image", env: { CANARY: value } };
  await ask("/v1/sessions?wait=5", { method: "POST", body: JSON.stringify(failing) });
  const bundle = await hub.run(["bundle", "demo", "--output", join(hub.home, "bundle.json")]);
  told.set("bundle", bundle.stdout + bundle.stderr);
}

/** Logins that end well and badly, and a program with a token of the provider. */
async function logIn(): Promise<void> {
  const { issuer, url: iss } = door;
  const [code, verifier, nonce] = ["code", "verifier", "nonce"].map(
    (word) => secrets[`the ${word} of a login`] ?? "",
  ) as [string, string, string];
  const login = (body: object) =>
    ask("/v1/login", { method: "POST", body: JSON.stringify(body) }, "");
  for (const told of [verifier, verifier.replace("v", "w")]) {
    await issuer.grant(code, verifier, `${url}/login`, { iss, nonce });
    const answer = JSON.parse(await login({ code, verifier: told, nonce })) as { token?: string };
    if (told === verifier) secrets["the token of a login"] = answer.token ?? "";
  }
  const idToken = await issuer.sign({ iss });
  secrets["an ID token"] = idToken;
  secrets["the token of a login by device"] = (
    JSON.parse(await login({ idToken })) as { token: string }
  ).token;
  // Used a second time, it is refused.
  told.set("a refused login", await login({ idToken }));
  const bearer = await issuer.sign({ iss, aud: AUDIENCE, sub: "program" });
  const foreign = await issuer.sign({ iss, aud: "another", sub: "program" });
  secrets["a token of a program"] = bearer;
  secrets["a refused token of a program"] = foreign;
  expect(JSON.parse(await ask("/v1/me", {}, bearer))).toMatchObject({ role: "operator" });
  told.set("a refused program", await ask("/v1/me", {}, foreign));
  told.set("the ways to log in", await ask("/v1/login", {}, ""));
}

/** What may hold secrets: each is for its owner alone, and tested to be. */
const VAULTS = ["token", "hub-secret.json", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"];

function files(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === "platform" ? [] : files(path);
    return entry.isFile() && !VAULTS.includes(entry.name) ? [path] : [];
  });
}

describeWhere([needs.linux], "canary secrets", () => {
  beforeAll(async () => {
    hub = await makeCliHome();
    door = await IssuerDoor.open();
    const env = {
      HOLDFAST_OIDC_ISSUER: door.url,
      HOLDFAST_OIDC_CLIENT_ID: "hub",
      HOLDFAST_OIDC_CLI_CLIENT_ID: "hub-cli",
      HOLDFAST_OIDC_CLIENT_SECRET: secrets["the hub's secret at the identity provider"] ?? "",
      HOLDFAST_OIDC_AUDIENCE: AUDIENCE,
      HOLDFAST_OIDC_ROLES: "devs=operator",
      HOLDFAST_METRICS_TOKEN: secrets["the metrics token"] ?? "",
      HOLDFAST_WEBHOOK_URL: "http://127.0.0.1:9/",
      HOLDFAST_WEBHOOK_SECRET: secrets["the webhook's secret"] ?? "",
      HOLDFAST_LOG_LEVEL: "trace",
    };
    const up = await hub.run(["up", "--detach"], { env });
    expect([up.exitCode, up.stderr.includes("problem")]).toEqual([0, false]);
    ({ url, pid } = JSON.parse(readFileSync(join(hub.home, "hub.json"), "utf8")) as {
      url: string;
      pid: number;
    });
    token = (await hub.run(["token"])).stdout.trim();
    secrets["the hub's own token"] = token;
    const platform = JSON.parse((await hub.run(["platform", "info", "--json"])).stdout) as {
      apiKey: string;
    };
    secrets["the platform's key"] = platform.apiKey;
    await logIn();
    await use();
  }, 120_000);
  afterAll(async () => {
    await hub.close();
    await door.close();
  });

  test("[AC13] are in no log, answer, metric, bundle, audit entry, page or process list", async () => {
    for (const path of files(hub.home)) told.set(path, readFileSync(path, "utf8"));
    for (const path of [
      "/metrics",
      "/",
      "/openapi.json",
      "/v1/platform",
      "/v1/tokens",
      "/v1/audit",
    ]) {
      told.set(path, await ask(path));
    }
    for (const path of ["", "/demo", "/demo/health", "/demo/timeline"]) {
      told.set(`sessions${path}`, await ask(`/v1/sessions${path}`));
    }
    for (const words of ["config show", "why demo", "doctor", "token list", "platform status"]) {
      const ran = await hub.run([...words.split(" "), "--json"]);
      told.set(words, ran.stdout + ran.stderr);
    }
    for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        told.set(`command line of ${id}`, readFileSync(`/proc/${id}/cmdline`, "utf8"));
      } catch {
        // It ended meanwhile.
      }
    }
    const hits = [...told].flatMap(([where, text]) =>
      Object.entries(secrets)
        .filter(([, secret]) => text.includes(secret))
        .map(([name]) => `${name} in ${where}`),
    );
    expect(hits).toEqual([]);
    expect(told.size).toBeGreaterThan(40);
    expect([...told.keys()].some((path) => path.endsWith("hub.log"))).toBe(true);
    expect(Object.values(secrets).every((secret) => secret.length >= 16)).toBe(true);
  });

  test("[AC22] what holds them is for its owner alone", () => {
    for (const name of [...VAULTS, "tokens.json", "audit.jsonl", "audit.head", "log/hub.log"]) {
      const found = statSync(join(hub.home, name), { throwIfNoEntry: false });
      if (found !== undefined) expect([name, found.mode & 0o077]).toEqual([name, 0]);
    }
  });

  test("[AC23] a hub listens where it was told to, and nowhere else after SIGUSR1", async () => {
    const port = Number(new URL(url).port);
    expect(listening(pid)).toEqual([port]);
    for (let n = 0; n < 20; n++) process.kill(pid, "SIGUSR1");
    // The next answer comes after the signals were handled.
    expect(await (await fetch(`${url}/livez`)).text()).toBe("ok\n");
    expect(listening(pid)).toEqual([port]);
  });
});

/** Ports on which a process listens, from the kernel's own tables. */
function listening(of: number): number[] {
  const own = readdirSync(`/proc/${of}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${of}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const rows = ["tcp", "tcp6"].flatMap((name) =>
    readFileSync(`/proc/${of}/net/${name}`, "utf8").trim().split("\n").slice(1),
  );
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
    return state === "0A" && own.includes(inode) ? [parseInt(local.split(":")[1] ?? "", 16)] : [];
  });
}
