/**
 * `node bench/proxies.ts [IDLE_SECONDS]`: nginx, Caddy and HAProxy with the files of ops/proxy in
 * front of one hub, each with TLS. Through each: a page, a command's bytes, events as they happen,
 * a preview with its WebSocket; and then all of that once more, on the same connections, after
 * IDLE_SECONDS (600) in which nothing was said. Prints JSON; ends with 1 when something broke.
 * Needs root, bwrap, openssl and the three programs, as Debian has them.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { openHub } from "../src/client/index.ts";
import { freePort } from "../test/e2e/cli-kit.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { exited, makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";

const root = join(import.meta.dirname, "..");
const idleMs = Number(process.argv[2] ?? 600) * 1_000;
/** Where certificate and files are; set in the process that trusts the certificate. */
const given = process.env["HOLDFAST_BENCH_PLACE"];
const place = given ?? mkdtempSync(join(tmpdir(), "hfp-"));
const APP_PORT = 8_000;

const proxies = {
  nginx: { file: "nginx.conf", argv: (path: string) => ["nginx", "-c", path, "-g", "daemon off;"] },
  caddy: {
    file: "Caddyfile",
    argv: (path: string) => ["caddy", "run", "--adapter", "caddyfile", "--config", path],
  },
  haproxy: { file: "haproxy.cfg", argv: (path: string) => ["haproxy", "-db", "-f", path] },
} as const;
type Name = keyof typeof proxies;

/** A certificate for this machine alone, which only these calls trust. */
function makeCertificate(): void {
  const [cert, key] = [join(place, "tls.pem"), join(place, "tls.key")];
  const names = `subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:${APP_PORT}-demo.localhost`;
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "1", "-subj", "/CN=holdfast", "-addext", names, "-keyout", key, "-out", cert],
  ]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`);
  writeFileSync(`${cert}.key`, readFileSync(key));
}

/** The shipped file, word for word but for the port, the hub and the certificate. */
function configure(name: Name, port: number, hubPort: number): string {
  const shipped = readFileSync(join(root, "ops/proxy", proxies[name].file), "utf8");
  const path = join(place, proxies[name].file);
  const text = shipped
    .replaceAll("/etc/holdfast/", `${place}/`)
    .replaceAll("127.0.0.1:7070", `127.0.0.1:${hubPort}`)
    .replace(/^:443 {/m, `https://:${port} {\n\tbind 127.0.0.1`)
    .replace(/(listen |bind ):?443/, `$1127.0.0.1:${port}`)
    .replace("/run/nginx.pid", join(place, "nginx.pid"))
    .replace("/var/log/nginx/error.log", join(place, "nginx.log"));
  writeFileSync(path, text);
  return path;
}

interface Through {
  readonly ask: (path: string, headers?: Record<string, string>) => Promise<IncomingMessage>;
  readonly url: string;
  readonly port: number;
}

function through(port: number, ca: string): Through {
  const ask: Through["ask"] = (path, headers = {}) =>
    new Promise((resolve, reject) => {
      const target = { host: "127.0.0.1", port, path, ca, agent: false, headers };
      request(target, resolve).on("error", reject).end();
    });
  return { ask, url: `https://127.0.0.1:${port}`, port };
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return text;
}

/** Of what lies open: it dials for ever, and holds this process with it. */
const closers: (() => unknown)[] = [];

/** What lies open through a proxy, and says whether it still carries something. */
type Probe = () => Promise<string>;

async function openAll({ ask, url, port }: Through, ca: string): Promise<Record<string, Probe>> {
  const auth = { authorization: `Bearer ${TOKEN}` };
  const page: Probe = async () => textOf(await ask("/livez"));
  // The client runtime dials with the global trust; the flag of this process adds the certificate.
  const open = openHub({ url, token: TOKEN });
  closers.push(() => open[Symbol.asyncDispose]());
  const channel = await open.attach("demo");
  let phases = 0;
  channel.onPhase(() => (phases += 1));
  let heard: (text: string) => void = () => undefined;
  const onStdout = (bytes: Uint8Array): void => heard(new TextDecoder().decode(bytes));
  const exec = channel.exec({ argv: ["cat"], onStdout });
  const bytes: Probe = async () => {
    const before = phases;
    const back = new Promise<string>((resolve) => (heard = resolve));
    await exec.stdin.write(new TextEncoder().encode("round trip"));
    const text = await back;
    return phases === before ? text : `${text}, after ${phases - before} new links`;
  };
  const events = await ask("/v1/events?session=demo", { ...auth, accept: "text/event-stream" });
  closers.push(() => events.destroy());
  let told = "";
  events.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const sse: Probe = async () => {
    const seen = told.length;
    await open.api.probe("demo");
    for (let n = 0; n < 50 && told.length === seen; n++) await pause(100);
    return events.readableEnded || events.destroyed
      ? "ended"
      : told.length > seen
        ? "told"
        : "silent";
  };
  const host = `${APP_PORT}-demo.localhost:${port}`;
  const headers = { host, "x-holdfast-token": TOKEN };
  const preview: Probe = async () => (await textOf(await ask("/", headers))).slice(15, 18 + 9);
  const socket = new WebSocket(`wss://127.0.0.1:${port}/socket`, { ca, headers });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  closers.push(() => socket.terminate());
  const upgrade: Probe = () =>
    new Promise((resolve) => {
      if (socket.readyState !== socket.OPEN) resolve("closed");
      socket.once("message", (data: Buffer) => resolve(data.toString()));
      socket.once("close", () => resolve("closed"));
      socket.send("hello");
    });
  return { page, bytes, sse, preview, upgrade };
}

const expected: Record<string, string> = {
  page: "ok\n",
  bytes: "round trip",
  sse: "told",
  preview: "<title>app</",
  upgrade: "echo of hello",
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function tryAll(probes: Record<string, Probe>): Promise<Record<string, string>> {
  const results = Object.entries(probes).map(async ([what, probe]) => {
    const late = pause(15_000).then(() => "nothing within 15 s");
    const got = await Promise.race([probe(), late]).catch((error: unknown) => String(error));
    return [
      what,
      got === expected[what] ? "ok" : `${got} instead of ${expected[what] ?? ""}`,
    ] as const;
  });
  return Object.fromEntries(await Promise.all(results));
}

async function main(): Promise<void> {
  const ca = readFileSync(join(place, "tls.pem"), "utf8");
  const platform = await startPlatform(makeDataDir());
  const hub = new RealHub(platform);
  const children: ChildProcess[] = [];
  try {
    await hub.start();
    await using open = openHub({ url: hub.url, token: TOKEN });
    await open.create({ name: "demo" });
    const app = readFileSync(join(root, "test/e2e/preview-app.cjs"), "utf8");
    const start = `setsid node app.cjs ${APP_PORT} </dev/null >/dev/null 2>&1 &`;
    const command = `cat >app.cjs <<'END OF APP'\n${app}\nEND OF APP\n${start}`;
    await open.api.exec("demo", { command: ["sh", "-c", command] });
    // Caddy keeps what it knows in a home.
    const env = { ...process.env, XDG_DATA_HOME: place, XDG_CONFIG_HOME: place };
    const opened: Record<string, Record<string, Probe>> = {};
    for (const name of Object.keys(proxies) as Name[]) {
      const port = await freePort();
      const path = configure(name, port, Number(new URL(hub.url).port));
      const [program = "", ...args] = proxies[name].argv(path);
      const child = spawn(program, args, { stdio: "ignore", env });
      children.push(child);
      const way = through(port, ca);
      for (let n = 0; n < 100; n++) {
        if (
          await way.ask("/livez").then(
            () => true,
            () => pause(100),
          )
        )
          break;
      }
      opened[name] = await openAll(way, ca);
    }
    const results: Record<string, object> = {};
    for (const [name, probes] of Object.entries(opened))
      results[name] = { at0s: await tryAll(probes) };
    await pause(idleMs);
    for (const [name, probes] of Object.entries(opened)) {
      results[name] = { ...results[name], [`after${idleMs / 1_000}s`]: await tryAll(probes) };
    }
    const isWell = !/instead of|nothing within/.test(JSON.stringify(results));
    process.stdout.write(`${JSON.stringify({ results, isWell }, null, 2)}\n`);
    process.exitCode = isWell ? 0 : 1;
  } finally {
    for (const close of closers) await close();
    for (const child of children) {
      // One that waits for its connections to end would wait for ours.
      child.kill("SIGTERM");
      await Promise.race([exited(child), pause(2_000)]);
      child.kill("SIGKILL");
    }
    await hub.remove();
    await stopPlatform(platform);
  }
}

if (given !== undefined) await main();
else {
  makeCertificate();
  const env = { ...process.env, HOLDFAST_BENCH_PLACE: place };
  const again = [...process.execArgv, ...process.argv.slice(1)];
  const trusting = { ...env, NODE_EXTRA_CA_CERTS: join(place, "tls.pem") };
  const child = spawn(process.execPath, again, { stdio: "inherit", env: trusting });
  await exited(child);
  rmSync(place, { recursive: true });
  process.exitCode = child.exitCode ?? 1;
}
