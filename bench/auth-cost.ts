/**
 * `node bench/auth-cost.ts`: what it costs to know who asks, in processor time, so that a busy
 * machine changes little. All that stands between a request and its route is run over and over by
 * itself, and is set against whole calls at a real hub. Prints JSON; ends with 1 when it is more
 * than a twentieth of a look at a session.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { Socket } from "node:net";
import { systemClock } from "../src/base/clock.ts";
import { admit } from "../src/hub/auth/guard.ts";
import { routeRightOf } from "../src/hub/auth/route-rights.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { ADMIN_TOKEN, hubHttp } from "../test/support/hub-http.ts";
import { HubWorld } from "../test/support/hub-world.ts";

const SHARE_MAX = 0.05;
const CHECKS = 200_000;
const CALLS = 20_000;
const AT_ONCE = 16;
const TOKENS = 100;
const ROUNDS = 5;
const TICKS_PER_SECOND = 100;

const round = (value: number): number => Math.round(value * 100) / 100;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/**
 * µs of processor time of all that a call passes before its route, on a connection on which its
 * caller is known already, or each time on a new one.
 */
function checkUs(token: string, http: ReturnType<typeof hubHttp>, isNew = false): number {
  const { access } = http;
  const url = "/v1/sessions/demo";
  const headers = { host: "127.0.0.1:7070", authorization: `Bearer ${token}` };
  const rawHeaders = [
    ...Object.entries(headers).flat(),
    ...["connection", "keep-alive", "accept", "*/*", "user-agent", "node"],
  ];
  const one = new Socket();
  const lookup = () => ({ id: "ses_demo", name: "demo" });
  const once = (): void => {
    // To make a real one would be measured instead.
    const asked = { headers, socket: isNew ? (Object.create(one) as Socket) : one };
    if (access.learn(asked) !== null) throw new Error("nobody is to be asked");
    access.checkHost(headers.host);
    access.checkHead(rawHeaders, url);
    access.checkOrigin(undefined, headers.host);
    const row = routeRightOf("GET", "/v1/sessions/:id");
    const principal = access.caller(asked);
    if (typeof row !== "object") throw new Error("the route has no right");
    admit(principal, row, "demo", lookup);
    const leave = access.calls.enter(principal);
    const release = access.admitted.hold(principal, () => undefined);
    leave();
    release();
  };
  for (let at = 0; at < CHECKS / 4; at += 1) once();
  const before = process.cpuUsage();
  for (let at = 0; at < CHECKS; at += 1) once();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CHECKS;
}

/** µs of processor time of the hub for one call, from its socket to its socket. */
async function callUs(hub: RealHub, path: string, token: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const { hostname, port } = new URL(hub.url);
  const headers = { authorization: `Bearer ${token}` };
  const call = (): Promise<void> =>
    new Promise((resolve, reject) => {
      request({ hostname, port, path, agent, headers }, (answer) => {
        if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`));
        answer.resume().once("end", resolve);
      })
        .once("error", reject)
        .end();
    });
  const run = async (total: number): Promise<void> => {
    let left = total;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await call();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  await run(CALLS / 4);
  const before = processorUs(hub.pid);
  await run(CALLS);
  const took = processorUs(hub.pid) - before;
  agent.destroy();
  return took / CALLS;
}

/** User and system time of all threads of a process. */
function processorUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
}

const platform = await startPlatform(makeDataDir());
const hub = new RealHub(platform);
try {
  const { platform: fake, sessions } = new HubWorld();
  const http = hubHttp({ clock: systemClock, platform: fake, sessions });
  const wish = {
    role: "operator",
    tenant: null,
    sessions: null,
    createdBy: "admin",
    forMs: 3_600_000,
  } as const;
  const made = Array.from({ length: TOKENS }, (_, at) =>
    http.access.tokens.create({ ...wish, name: `t${at}` }),
  );
  const own = (await made[TOKENS / 2])?.token ?? "";
  await hub.start();
  await hub.ask("POST", "/sessions", { name: "demo" });
  await hub.until("demo", ({ state }) => state === "connected");
  const api = await hub.ask<{ token: string }>("POST", "/tokens", { name: "t", role: "operator" });
  const seen = {
    admin: [] as number[],
    api: [] as number[],
    first: [] as number[],
    me: [] as number[],
    look: [] as number[],
  };
  for (let at = 0; at < ROUNDS; at += 1) {
    seen.admin.push(checkUs(ADMIN_TOKEN, http));
    seen.api.push(checkUs(own, http));
    seen.first.push(checkUs(own, http, true));
    seen.look.push(await callUs(hub, "/v1/sessions/demo", at % 2 === 0 ? api.token : TOKEN));
    seen.me.push(await callUs(hub, "/v1/me", at % 2 === 0 ? api.token : TOKEN));
  }
  const us = { admin: median(seen.admin), api: median(seen.api), first: median(seen.first) };
  const calls = { look: median(seen.look), me: median(seen.me) };
  const most = Math.max(us.admin, us.api);
  const share = { ofALook: most / calls.look, ofMe: most / calls.me };
  const isCheap = share.ofALook <= SHARE_MAX;
  const figures = {
    checkUs: { admin: round(us.admin), api: round(us.api), apiOnNewLine: round(us.first) },
    callUs: { look: round(calls.look), me: round(calls.me) },
    percent: { ofALook: round(share.ofALook * 100), ofMe: round(share.ofMe * 100) },
    isCheap,
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  process.exitCode = isCheap ? 0 : 1;
} finally {
  await hub.remove();
  await stopPlatform(platform);
}
// What stands in for a hub's own parts looks after itself for ever.
process.exit();
