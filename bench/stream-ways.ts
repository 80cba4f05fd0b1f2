/**
 * Three ways to a program behind a network, for the same work: Holdfast, a plain WebSocket proxy
 * (nginx before a small agent) and OpenSSH. A link is one connection; programs on it share it where
 * the way can do that. The other end of each way is another process, and `other` a second one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { rmdirSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { connectNode } from "../src/client/node.ts";
import { runProgram } from "../test/e2e/cli-kit.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { until } from "../test/support/until.ts";
import { freePort } from "./free-port.ts";
import { cpuMs } from "./process-reading.ts";

export interface Start {
  readonly argv: readonly string[];
  readonly pty?: boolean;
  readonly onBytes: (bytes: Uint8Array) => void;
}

export interface Program {
  write(bytes: Uint8Array): void;
  stop(): void;
}

export interface Link {
  start(start: Start): Promise<Program>;
  close(): Promise<void>;
}

export interface Way {
  readonly name: string;
  /** Where a line of the bench may stand in front. */
  readonly port: number;
  /** `port`: through that line. */
  link(place: "demo" | "other", port?: number): Promise<Link>;
  /** The processes that carry bytes, but for this one. */
  pids(): readonly number[];
  close(): Promise<void>;
}

export class HoldfastWay implements Way {
  readonly name = "holdfast";
  readonly hub: RealHub;
  readonly #platform: Awaited<ReturnType<typeof startPlatform>>;

  private constructor(platform: Awaited<ReturnType<typeof startPlatform>>) {
    this.#platform = platform;
    this.hub = new RealHub(platform);
  }

  static async open(): Promise<HoldfastWay> {
    const way = new HoldfastWay(await startPlatform(makeDataDir()));
    await way.hub.start();
    for (const name of ["demo", "other"]) {
      await way.hub.ask("POST", "/sessions?wait=60", { name });
    }
    return way;
  }

  get port(): number {
    return Number(new URL(this.hub.url).port);
  }

  async link(place: string, port = this.port): Promise<Link> {
    const url = `http://127.0.0.1:${port}`;
    const connection = await connectNode(() => ({ url, token: TOKEN }));
    const channel = await connection.attach(place);
    return {
      start: async ({ argv, pty = false, onBytes }) => {
        if (pty) {
          const terminal = channel.terminal({ argv, cols: 80, rows: 24, onData: onBytes });
          terminal.exit.catch(() => undefined);
          await terminal.opened;
          return { write: (bytes) => void terminal.write(bytes), stop: () => terminal.close() };
        }
        const exec = channel.exec({ argv, onStdout: onBytes });
        exec.exit.catch(() => undefined);
        await exec.opened;
        return { write: (bytes) => void exec.stdin.write(bytes), stop: () => exec.cancel() };
      },
      close: () => {
        connection.close();
        return Promise.resolve();
      },
    };
  }

  pids(): readonly number[] {
    const drivers = childrenOf(this.#platform.child.pid ?? 0).filter(({ words }) =>
      /driver[^/]*\.cjs/.test(words),
    );
    return [this.hub.pid, ...drivers.map(({ pid }) => pid)];
  }

  async close(): Promise<void> {
    for (const name of ["demo", "other"]) await this.hub.ask("DELETE", `/sessions/${name}?wait=20`);
    await this.hub.remove();
    await stopPlatform(this.#platform);
  }
}

/** nginx with one worker, as Debian sets it up, before two agents. */
export class ProxyWay implements Way {
  readonly name = "nginx";
  readonly port: number;
  readonly #here: string;
  readonly #agents: readonly ChildProcess[];
  readonly #nginx: ChildProcess;

  private constructor(
    port: number,
    here: string,
    agents: readonly ChildProcess[],
    nginx: ChildProcess,
  ) {
    this.port = port;
    this.#here = here;
    this.#agents = agents;
    this.#nginx = nginx;
  }

  /** Null, with a word to whoever looks, where there is no nginx. */
  static async open(say: (text: string) => void): Promise<ProxyWay | null> {
    if (!existsSync(NGINX)) {
      say(`no ${NGINX}: without that column (apt-get install --no-install-recommends nginx-light)`);
      return null;
    }
    const here = mkdtempSync(join(tmpdir(), "hfx-"));
    const agents = [1, 2].map(() =>
      spawn(process.execPath, [join(import.meta.dirname, "stream-agent.ts")], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
    const ports = await Promise.all(agents.map(firstLine));
    const port = await freePort();
    writeFileSync(join(here, "nginx.conf"), nginxConf(here, port, ports));
    const nginx = spawn(NGINX, ["-c", join(here, "nginx.conf"), "-p", here], { stdio: "inherit" });
    await until(() => existsSync(join(here, "pid")));
    return new ProxyWay(port, here, agents, nginx);
  }

  link(place: "demo" | "other", port = this.port): Promise<Link> {
    const open = new Set<WebSocket>();
    return Promise.resolve({
      start: async ({ argv, pty = false, onBytes }) => {
        const url = `ws://127.0.0.1:${port}/${place}`;
        const socket = new WebSocket(url, { perMessageDeflate: false });
        open.add(socket);
        socket.on("message", (bytes: Buffer) => onBytes(bytes));
        await once(socket, "open");
        socket.send(JSON.stringify({ argv, pty }));
        const stop = (): void => {
          open.delete(socket);
          socket.terminate();
        };
        return { write: (bytes) => socket.send(bytes), stop };
      },
      close: () => {
        for (const socket of open) socket.terminate();
        return Promise.resolve();
      },
    });
  }

  pids(): readonly number[] {
    const workers = childrenOf(this.#nginx.pid ?? 0).map(({ pid }) => pid);
    return [...workers, ...this.#agents.map(({ pid }) => pid ?? 0)];
  }

  async close(): Promise<void> {
    for (const child of [this.#nginx, ...this.#agents]) {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    rmSync(this.#here, { recursive: true, force: true });
  }
}

export const NGINX = "/usr/sbin/nginx";
const SSHD = "/usr/sbin/sshd";
/** Where sshd of Debian confines what it does before authentication; it must be there. */
const SSHD_ROOM = "/run/sshd";

function nginxConf(here: string, port: number, [demo = 0, other = 0]: readonly number[]): string {
  const place = (name: string, to: number): string => `location /${name} {
    proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_read_timeout 1h;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`;
  return `daemon off; worker_processes 1; pid ${here}/pid; error_log ${here}/error;
  events { worker_connections 1024; }
  http { access_log off; server { listen 127.0.0.1:${port};
    ${place("demo", demo)} ${place("other", other)} } }\n`;
}

/** One sshd of this run; a link is a ControlMaster, and each program a channel of it. */
export class SshWay implements Way {
  readonly name = "ssh";
  readonly port: number;
  readonly #here: string;
  readonly #sshd: ChildProcess;
  readonly #madeRoom: boolean;
  readonly #masters = new Set<ChildProcess>();

  private constructor(port: number, here: string, sshd: ChildProcess, madeRoom: boolean) {
    this.port = port;
    this.#here = here;
    this.#sshd = sshd;
    this.#madeRoom = madeRoom;
  }

  static async open(say: (text: string) => void): Promise<SshWay | null> {
    if (!existsSync(SSHD)) {
      say(
        `no ${SSHD}: without that column (apt-get install --no-install-recommends openssh-server)`,
      );
      return null;
    }
    const madeRoom = process.getuid?.() === 0 && !existsSync(SSHD_ROOM);
    if (madeRoom) mkdirSync(SSHD_ROOM, { mode: 0o755 });
    const here = mkdtempSync(join(tmpdir(), "hfs-"));
    const at = (name: string): string => join(here, name);
    for (const name of ["host", "user"]) {
      const made = ["-q", "-t", "ed25519", "-N", "", "-f", at(name)];
      await runProgram("ssh-keygen", made, { PATH: process.env["PATH"] ?? "" });
    }
    const port = await freePort();
    const settings = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("user.pub")}`,
      ...["PidFile none", "StrictModes no", "PermitRootLogin yes", "MaxSessions 100"],
    ];
    writeFileSync(at("sshd_config"), `${settings.join("\n")}\n`);
    const sshd = spawn(SSHD, ["-D", "-e", "-f", at("sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    sshd.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
    await until(() => {
      if (sshd.exitCode !== null) throw new Error(`sshd: ${said}`);
      return said.includes("listening");
    });
    return new SshWay(port, here, sshd, madeRoom);
  }

  async link(_place: "demo" | "other", port = this.port): Promise<Link> {
    const control = join(this.#here, `c${linkNumber++}`);
    const user = `${userInfo().username}@127.0.0.1`;
    const trust = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
    const key = ["-i", join(this.#here, "user"), "-o", "IdentitiesOnly=yes", "-p", String(port)];
    const words = ["-F", "none", "-q", "-S", control, ...trust, ...key];
    const cipher = ["-c", "aes128-gcm@openssh.com"];
    const master = spawn("ssh", ["-M", "-N", ...cipher, ...words, user], { stdio: "ignore" });
    this.#masters.add(master);
    await until(() => existsSync(control));
    const open = new Set<ChildProcess>();
    return {
      start: async ({ argv, pty = false, onBytes }) => {
        const command = `echo -n .; exec ${argv.map((word) => `'${word}'`).join(" ")}`;
        const child = spawn("ssh", [...words, pty ? "-tt" : "-T", user, command], {
          stdio: ["pipe", "pipe", "ignore"],
        });
        open.add(child);
        child.stdin.on("error", () => undefined);
        let begun = false;
        await new Promise<void>((resolve) => {
          child.stdout.on("data", (bytes: Buffer) => {
            if (begun) onBytes(bytes);
            else if (bytes.length > 1) onBytes(bytes.subarray(1));
            begun = true;
            resolve();
          });
        });
        return { write: (bytes) => void child.stdin.write(bytes), stop: () => child.kill() };
      },
      close: async () => {
        for (const child of open) child.kill();
        this.#masters.delete(master);
        master.kill();
        if (master.exitCode === null && master.signalCode === null) await once(master, "exit");
      },
    };
  }

  pids(): readonly number[] {
    const masters = [...this.#masters].map(({ pid }) => pid ?? 0);
    const clients = childrenOf(process.pid).filter(({ words }) => words.startsWith("ssh "));
    const served = childrenOf(this.#sshd.pid ?? 0).filter(({ words }) => words.startsWith("sshd"));
    return [...new Set([...masters, ...[...clients, ...served].map(({ pid }) => pid)])];
  }

  async close(): Promise<void> {
    this.#sshd.kill("SIGTERM");
    await once(this.#sshd, "exit");
    if (this.#madeRoom) rmdirSync(SSHD_ROOM);
    rmSync(this.#here, { recursive: true, force: true });
  }
}

let linkNumber = 0;

async function firstLine(child: ChildProcess): Promise<number> {
  if (child.stdout === null) throw new Error("no output");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return Number(line.toString());
}

/** Children and theirs, with their command lines. */
export function childrenOf(root: number): { readonly pid: number; readonly words: string }[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]));
    } catch {
      // It ended between the listing and the look.
    }
  }
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 0; at = parents.get(at)) {
      if (at === root) return true;
    }
    return false;
  };
  return [...parents.keys()].filter(isBelow).flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return [{ pid, words }];
    } catch {
      return [];
    }
  });
}

/** Seconds of processor of these processes and this one. */
export function cpuSeconds(pids: readonly number[]): number {
  return [process.pid, ...pids].reduce((sum, pid) => sum + cpuMs(pid) / 1_000, 0);
}
