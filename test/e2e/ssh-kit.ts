/** A real hub with one session, and the OpenSSH of this machine set up for it by `config-ssh`. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { bin, runProgram, type CommandEnd } from "./cli-kit.ts";
import { RealHub, TOKEN } from "./hub-kit.ts";
import { makeDataDir, startPlatform, stopPlatform, type StartedPlatform } from "./platform-kit.ts";

export const HOST = "demo.holdfast";

export class SshRig {
  /** Files of this machine; it goes with the rig. */
  readonly here = mkdtempSync(join(tmpdir(), "hfs-"));
  readonly config = join(this.here, "config");
  readonly #children: ChildProcess[] = [];
  readonly platform: StartedPlatform;
  readonly hub: RealHub;
  /** Between ssh and the hub: a hub that is started again listens elsewhere. */
  readonly proxy: CuttingProxy;

  private constructor(platform: StartedPlatform) {
    this.platform = platform;
    this.hub = new RealHub(platform);
    this.proxy = new CuttingProxy(() => Number(new URL(this.hub.url).port), seededRandom("ssh"));
  }

  static async start(): Promise<SshRig> {
    const rig = new SshRig(await startPlatform(makeDataDir()));
    await rig.hub.start();
    await rig.proxy.listen();
    await rig.hub.ask("POST", "/sessions?wait=30", { name: "demo" });
    const made = await rig.holdfast("config-ssh", "--yes", ...rig.#hubFlags(), ...rig.configFlags);
    if (made.exitCode !== 0) throw new Error(`config-ssh failed: ${made.stderr}`);
    return rig;
  }

  get configFlags(): readonly string[] {
    return ["--ssh-config-file", this.config];
  }

  get env(): Record<string, string> {
    const PATH = process.env["PATH"] ?? "";
    const ssh = `ssh -F ${this.config}`;
    return {
      PATH,
      HOME: this.here,
      HOLDFAST_TOKEN: TOKEN,
      HOLDFAST_HOME: this.hub.home,
      GIT_SSH_COMMAND: ssh,
      RSYNC_RSH: ssh,
    };
  }

  #hubFlags(): readonly string[] {
    return ["--url", `http://127.0.0.1:${this.proxy.port}`];
  }

  /** The command of this project; a connection of it goes through the proxy, too. */
  holdfast(...words: readonly string[]): Promise<CommandEnd> {
    const url = `http://127.0.0.1:${this.proxy.port}`;
    const env = { ...this.env, HOLDFAST_URL: url };
    return runProgram(process.execPath, [bin, ...words], env);
  }

  /** Any program, with an environment in which ssh, git and rsync know the session. */
  run(words: readonly string[], input?: Uint8Array | string): Promise<CommandEnd> {
    const [program = "", ...args] = words;
    return runProgram(program, args, this.env, input);
  }

  /** `ssh -F CONFIG …`; the host is part of the words. */
  ssh(words: readonly string[], input?: Uint8Array | string): Promise<CommandEnd> {
    return this.run(["ssh", "-F", this.config, ...words], input);
  }

  /** Starts ssh and leaves it running. */
  start(words: readonly string[]): ChildProcess {
    const stdio = ["pipe", "pipe", "pipe"] as const;
    const child = spawn("ssh", ["-F", this.config, ...words], { env: this.env, stdio: [...stdio] });
    this.#children.push(child);
    return child;
  }

  /** A hub that is killed and started again knows its session from its store. */
  async killHub(): Promise<void> {
    await this.hub.kill("SIGKILL");
    await this.hub.start();
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGTERM");
    await this.proxy.close();
    await this.hub.ask("DELETE", "/sessions/demo?wait=20");
    await this.hub.remove();
    await stopPlatform(this.platform);
    rmSync(this.here, { recursive: true, force: true });
  }
}
