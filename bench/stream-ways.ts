/**
 * Ways to a program behind a network, for the same work: Holdfast and OpenSSH here, proxies of
 * WebSockets in proxy-ways.ts. A link is one connection; programs on it share it where the way can
 * do that. The other end of each way is another process, and `other` a second one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { connectNode } from "../src/client/node.ts";
import { runProgram } from "../test/e2e/cli-kit.ts";
import { RealHub, TOKEN } from "../test/e2e/hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform } from "../test/e2e/platform-kit.ts";
import { until } from "../test/support/until.ts";
import { freePort } from "./free-port.ts";
import { Inspector } from "./inspector.ts";
import { childrenOf, cpuMs } from "./process-reading.ts";

export interface Start {
  readonly argv: readonly string[];
  readonly pty?: boolean;
  readonly onBytes: (bytes: Uint8Array) => void;
}

export interface Program {
  write(bytes: Uint8Array): void;
  stop(): void;
  /** Its way says that it is over, and that no byte follows. */
  readonly ended: Promise<void>;
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

/** Over is over, whatever it came to. */
const SETTLED = [() => undefined, () => undefined] as const;

export class HoldfastWay implements Way {
  readonly name = "holdfast";
  readonly hub: RealHub;
  readonly #platform: Awaited<ReturnType<typeof startPlatform>>;
  readonly #inspectPort: number;

  private constructor(platform: Awaited<ReturnType<typeof startPlatform>>, inspectPort: number) {
    this.#platform = platform;
    this.#inspectPort = inspectPort;
    this.hub = new RealHub(platform);
  }

  static async open(): Promise<HoldfastWay> {
    const inspectPort = await freePort();
    const way = new HoldfastWay(await startPlatform(makeDataDir()), inspectPort);
    await Inspector.started(inspectPort, () => way.hub.start());
    for (const name of ["demo", "other"]) {
      await way.hub.ask("POST", "/sessions?wait=60", { name });
    }
    return way;
  }

  get port(): number {
    return Number(new URL(this.hub.url).port);
  }

  inspect(): Promise<Inspector> {
    return Inspector.attach(this.hub.pid, this.#inspectPort);
  }

  async link(place: string, port = this.port): Promise<Link> {
    const url = `http://127.0.0.1:${port}`;
    const connection = await connectNode(() => ({ url, token: TOKEN }));
    const channel = await connection.attach(place);
    return {
      start: async ({ argv, pty = false, onBytes }) => {
        if (pty) {
          const terminal = channel.terminal({ argv, cols: 80, rows: 24, onData: onBytes });
          const ended = terminal.exit.then(...SETTLED);
          await terminal.opened;
          return {
            write: (bytes) => void terminal.write(bytes),
            stop: () => terminal.close(),
            ended,
          };
        }
        const exec = channel.exec({ argv, onStdout: onBytes });
        const ended = exec.exit.then(...SETTLED);
        await exec.opened;
        return {
          write: (bytes) => void exec.stdin.write(bytes),
          stop: () => exec.cancel(),
          ended,
        };
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

const SSHD = "/usr/sbin/sshd";
/** Where sshd of Debian confines what it does before authentication; it must be there. */
const SSHD_ROOM = "/run/sshd";

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
      "Subsystem sftp internal-sftp",
    ];
    writeFileSync(at("sshd_config"), `${settings.join("\n")}\n`);
    writeFileSync(at("config"), clientConfig(port, at("user")));
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

  /** With these ssh and scp find the host `bench`. */
  get words(): readonly string[] {
    return ["-F", join(this.#here, "config")];
  }

  async link(_place: "demo" | "other", port = this.port): Promise<Link> {
    const control = join(this.#here, `c${linkNumber++}`);
    const words = [...this.words, "-S", control, "-p", String(port)];
    const master = spawn("ssh", [...words, "-M", "-N", SSH_HOST], { stdio: "ignore" });
    this.#masters.add(master);
    await until(() => existsSync(control));
    const open = new Set<ChildProcess>();
    return {
      start: async ({ argv, pty = false, onBytes }) => {
        const command = `echo -n .; exec ${argv.map((word) => `'${word}'`).join(" ")}`;
        const child = spawn("ssh", [...words, pty ? "-tt" : "-T", SSH_HOST, command], {
          stdio: ["pipe", "pipe", "ignore"],
        });
        open.add(child);
        const ended = once(child, "close").then(() => void open.delete(child));
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
        return {
          write: (bytes) => void child.stdin.write(bytes),
          stop: () => child.kill(),
          ended,
        };
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

export const SSH_HOST = "bench";

function clientConfig(port: number, key: string): string {
  return `Host ${SSH_HOST}
  HostName 127.0.0.1
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${key}
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel QUIET
  Ciphers aes128-gcm@openssh.com\n`;
}

/** Seconds of processor of these processes and this one. */
export function cpuSeconds(pids: readonly number[]): number {
  return [process.pid, ...pids].reduce((sum, pid) => sum + cpuMs(pid) / 1_000, 0);
}
