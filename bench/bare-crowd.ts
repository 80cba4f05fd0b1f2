/**
 * As many WebSockets as a crowd of sessions has, with nothing of Holdfast in it: to the bare
 * server of bare-ws.ts, straight or through nginx. Tells how fast they come and what one keeps.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../test/support/until.ts";
import { freePort } from "./free-port.ts";
import { childrenOf, rssBytes } from "./process-reading.ts";
import { firstLine, NGINX, node } from "./proxy-ways.ts";

/** Each proxied connection is two files of the worker, which may have 20,000. */
const PROXIED_MAX = 9_000;
/** Pay for what a process allocates once. */
const WARM = 200;

export interface BareCrowd {
  readonly perSecond: number;
  readonly bytesEach: number;
}

export async function bareCrowd(count: number): Promise<BareCrowd> {
  const server = node("bare-ws.ts");
  try {
    const url = `ws://127.0.0.1:${await firstLine(server)}`;
    return await crowdAt(url, server.pid ?? 0, count);
  } finally {
    await end(server);
  }
}

/** Plain node:http, asked by whoever asks the hub. */
export async function bareHealth(ask: (url: string) => Promise<number>): Promise<number> {
  const server = node("bare-ws.ts");
  try {
    return await ask(`http://127.0.0.1:${await firstLine(server)}/`);
  } finally {
    await end(server);
  }
}

/** Null where there is no nginx. */
export async function proxiedCrowd(count: number): Promise<BareCrowd | null> {
  if (!existsSync(NGINX)) return null;
  const server = node("bare-ws.ts");
  const here = mkdtempSync(join(tmpdir(), "hfn-"));
  const port = await freePort();
  writeFileSync(join(here, "nginx.conf"), conf(here, port, await firstLine(server)));
  const nginx = spawn(NGINX, ["-c", join(here, "nginx.conf"), "-p", here], { stdio: "inherit" });
  try {
    await until(() => existsSync(join(here, "pid")));
    const [worker] = childrenOf(nginx.pid ?? 0);
    return await crowdAt(`ws://127.0.0.1:${port}`, worker?.pid ?? 0, Math.min(count, PROXIED_MAX));
  } finally {
    await end(nginx);
    await end(server);
    rmSync(here, { recursive: true, force: true });
  }
}

async function crowdAt(url: string, pid: number, count: number): Promise<BareCrowd> {
  const warm = node("dial-many.ts", url, String(WARM));
  await firstLine(warm);
  const before = rssBytes(pid);
  const dialler = node("dial-many.ts", url, String(count));
  const tookMs = await firstLine(dialler);
  const bytesEach = (rssBytes(pid) - before) / count;
  await end(dialler);
  await end(warm);
  return { perSecond: (1_000 * count) / tookMs, bytesEach };
}

function conf(here: string, port: number, to: number): string {
  return `daemon off; worker_processes 1; worker_rlimit_nofile 20000;
  pid ${here}/pid; error_log ${here}/error;
  events { worker_connections 19900; }
  http { access_log off; server { listen 127.0.0.1:${port} backlog=4096; location / {
    proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_read_timeout 1h;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }\n`;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
