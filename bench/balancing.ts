/**
 * `node bench/balancing.ts`: HAProxy and nginx with the files of ops/proxy for several hubs, before
 * three that say no more than who they are. How many sessions have their client, their driver and
 * their calls at one hub, how even they are shared, and what moves when a hub ends. Prints JSON;
 * ends with 1 when a session is torn apart. Needs the two programs, as Debian has them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../test/e2e/cli-kit.ts";

const SESSIONS = 300;
/** Until a balancer has had its looks at a hub that ended. */
const NOTICE_MS = 4_000;
const place = mkdtempSync(join(tmpdir(), "hfb-"));
const names = Array.from({ length: SESSIONS }, (_, n) => (n % 2 === 0 ? `s${n}` : `acme%2Fs${n}`));

const balancers = {
  "haproxy-hubs.cfg": (file: string) => ["haproxy", "-db", "-f", file],
  "nginx-hubs.conf": (file: string) => ["nginx", "-c", file, "-g", "daemon off;"],
} as const;

async function openHub(name: string, port: number): Promise<Server> {
  const hub = createServer((_, answer) => answer.end(name));
  hub.listen(port, "127.0.0.1");
  await once(hub, "listening");
  return hub;
}

/** The shipped file, word for word but for ports, hubs and TLS. */
function configure(name: string, port: number, hubPorts: readonly number[]): string {
  let text = readFileSync(join(import.meta.dirname, "../ops/proxy", name), "utf8")
    .replace(/bind :443 .*/, `bind 127.0.0.1:${port}`)
    .replace("listen 443 ssl", `listen 127.0.0.1:${port}`)
    .replace(/^ *ssl_.*\n/gm, "")
    .replace("/run/nginx.pid", join(place, "nginx.pid"))
    .replace("/var/log/nginx/error.log", join(place, "nginx.log"));
  hubPorts.forEach((hub, at) => {
    text = text.replace(`10.0.0.${at + 1}:7070`, `127.0.0.1:${hub}`);
  });
  const file = join(place, name);
  writeFileSync(file, text);
  return file;
}

async function ask(port: number, path: string, more: RequestInit = {}): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, more);
  return `${answer.status} ${await answer.text()}`;
}

/** Each session's hub as its client, its driver and a call for it meet it. */
async function meet(port: number) {
  const hubs = new Map<string, string>();
  let torn = 0;
  for (const name of names) {
    const driver = `/v1/driver?session=${name}`;
    const client = `/v1/client?session=${name}`;
    const paths = [driver, client, `/v1/sessions/${name}`, `/v1/sessions/${name}/health?x=1`];
    const met = await Promise.all(paths.map((path) => ask(port, path)));
    if (new Set(met).size !== 1) torn += 1;
    hubs.set(name, met[0] ?? "");
  }
  return { hubs, torn };
}

async function begunWhereItsDriverComes(port: number, hubs: ReadonlyMap<string, string>) {
  let same = 0;
  for (const name of names) {
    const body = JSON.stringify({ name: decodeURIComponent(name) });
    const headers = { "content-type": "application/json" };
    const met = await ask(port, "/v1/sessions", { method: "POST", body, headers });
    if (met === hubs.get(name)) same += 1;
  }
  return same;
}

async function measure(name: keyof typeof balancers) {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const [port = 0, ...hubPorts] = ports;
  const hubs = await Promise.all(hubPorts.map((at, n) => openHub("abc".charAt(n), at)));
  const [program = "", ...argv] = balancers[name](configure(name, port, hubPorts));
  const child = spawn(program, argv, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit");
  try {
    await sleep(NOTICE_MS);
    const before = await meet(port);
    const begun = await begunWhereItsDriverComes(port, before.hubs);
    const own = { headers: { authorization: "Bearer hft_one" } };
    const owned = await Promise.all(names.map((one) => ask(port, `/v1/sessions/${one}`, own)));
    hubs[1]?.close();
    hubs[1]?.closeAllConnections();
    await sleep(NOTICE_MS);
    const after = await meet(port);
    const each = [...before.hubs.values()];
    const ofOthers = names.filter((one) => before.hubs.get(one) !== "200 b");
    return {
      sessions: SESSIONS,
      torn: before.torn,
      each: ["a", "b", "c"].map((hub) => each.filter((met) => met === `200 ${hub}`).length),
      "begun where the driver comes": begun,
      "met with an API token where the driver comes": names.filter(
        (one, at) => owned[at] === before.hubs.get(one),
      ).length,
      "torn after a hub ended": after.torn,
      "moved without need": ofOthers.filter((one) => after.hubs.get(one) !== before.hubs.get(one))
        .length,
    };
  } finally {
    child.kill();
    await ended;
    for (const hub of hubs) {
      hub.close();
      hub.closeAllConnections();
    }
  }
}

const figures: Record<string, Awaited<ReturnType<typeof measure>>> = {};
try {
  for (const name of ["haproxy-hubs.cfg", "nginx-hubs.conf"] as const)
    figures[name] = await measure(name);
} finally {
  rmSync(place, { recursive: true });
}
console.log(JSON.stringify(figures, null, 2));
const broken = Object.values(figures).filter((one) => one.torn + one["torn after a hub ended"] > 0);
process.exitCode = broken.length === 0 ? 0 : 1;
