/**
 * What else carries WebSockets, as ways to a program: nginx and HAProxy as Debian sets them up, the
 * least relay that Node can be, and nothing at all between the two ends. Behind each are the same
 * two agents, which start programs and know of no resume, credit or check of what they carry.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { until } from "../test/support/until.ts";
import { freePort } from "./free-port.ts";
import { childrenOf } from "./process-reading.ts";
import type { Link, Way } from "./stream-ways.ts";

export type Front = "nginx" | "haproxy" | "ws relay" | "direct ws";

export const NGINX = "/usr/sbin/nginx";
const HAPROXY = "/usr/sbin/haproxy";

/** Where both agents are reached: through a process in front of them, or straight. */
interface Place {
  readonly front: ChildProcess | null;
  readonly demo: number;
  readonly other: number;
}

export class ProxyWay implements Way {
  readonly name: Front;
  readonly #here: string;
  readonly #agents: readonly ChildProcess[];
  readonly #place: Place;

  private constructor(name: Front, here: string, agents: readonly ChildProcess[], place: Place) {
    this.name = name;
    this.#here = here;
    this.#agents = agents;
    this.#place = place;
  }

  /** Null, with a word to whoever looks, where the program is not installed. */
  static async open(front: Front, say: (text: string) => void): Promise<ProxyWay | null> {
    const program = { nginx: NGINX, haproxy: HAPROXY, "ws relay": null, "direct ws": null }[front];
    if (program !== null && !existsSync(program)) {
      say(`no ${program}: without that column`);
      return null;
    }
    const here = mkdtempSync(join(tmpdir(), "hfx-"));
    const agents = [1, 2].map(() => node("stream-agent.ts"));
    const [demo = 0, other = 0] = await Promise.all(agents.map(firstLine));
    const place = await placeOf(front, here, { front: null, demo, other });
    return new ProxyWay(front, here, agents, place);
  }

  get port(): number {
    return this.#place.demo;
  }

  link(place: "demo" | "other", port = this.#place[place]): Promise<Link> {
    const open = new Set<WebSocket>();
    return Promise.resolve({
      start: async ({ argv, pty = false, onBytes }) => {
        const url = `ws://127.0.0.1:${port}/${place}`;
        const socket = new WebSocket(url, { perMessageDeflate: false });
        open.add(socket);
        socket.on("message", (bytes: Buffer) => onBytes(bytes));
        await once(socket, "open");
        socket.send(JSON.stringify({ argv, pty }));
        const ended = once(socket, "close").then(() => void open.delete(socket));
        return {
          write: (bytes) => socket.send(bytes),
          stop: () => socket.terminate(),
          ended,
        };
      },
      close: () => {
        for (const socket of open) socket.terminate();
        return Promise.resolve();
      },
    });
  }

  pids(): readonly number[] {
    const { front } = this.#place;
    // nginx works in a child of what was started.
    const between = front === null ? [] : [front.pid ?? 0, ...workersOf(front)];
    return [...between, ...this.#agents.map(({ pid }) => pid ?? 0)];
  }

  async close(): Promise<void> {
    const { front } = this.#place;
    for (const child of [...(front === null ? [] : [front]), ...this.#agents]) {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    rmSync(this.#here, { recursive: true, force: true });
  }
}

async function placeOf(front: Front, here: string, straight: Place): Promise<Place> {
  if (front === "direct ws") return straight;
  const { demo, other } = straight;
  if (front === "ws relay") {
    const relay = node("ws-relay.ts", String(demo), String(other));
    const port = await firstLine(relay);
    return { front: relay, demo: port, other: port };
  }
  const port = await freePort();
  const file = join(here, "conf");
  const [conf, words] =
    front === "nginx"
      ? [nginxConf(here, port, straight), [NGINX, "-c", file, "-p", here]]
      : [haproxyConf(port, straight), [HAPROXY, "-db", "-q", "-f", file]];
  writeFileSync(file, conf);
  const [program = "", ...args] = words;
  const child = spawn(program, args, { stdio: "inherit" });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    return answers(port);
  });
  return { front: child, demo: port, other: port };
}

function nginxConf(here: string, port: number, { demo, other }: Place): string {
  const place = (name: string, to: number): string => `location /${name} {
    proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_read_timeout 1h;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
  return `daemon off; worker_processes 1; pid ${here}/pid; error_log ${here}/error;
  events { worker_connections 1024; }
  http { access_log off; server { listen 127.0.0.1:${port};
    ${place("demo", demo)} ${place("other", other)} } }\n`;
}

function haproxyConf(port: number, { demo, other }: Place): string {
  const backend = (name: string, to: number): string =>
    `backend ${name}\n  server agent 127.0.0.1:${to}\n`;
  return `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend near
  bind 127.0.0.1:${port}
  use_backend other if { path_beg /other }
  default_backend demo
${backend("demo", demo)}${backend("other", other)}`;
}

function workersOf({ pid }: ChildProcess): readonly number[] {
  return childrenOf(pid ?? 0).map((child) => child.pid);
}

function answers(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** Another file of this folder, as a process. */
export function node(file: string, ...words: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, file), ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Such a process says a number first: its port, or what it has measured. */
export async function firstLine({ stdout }: ChildProcess): Promise<number> {
  if (stdout === null) throw new Error("no output");
  const [line] = (await once(stdout, "data")) as [Buffer];
  return Number(line.toString());
}
