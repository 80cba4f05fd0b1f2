/** A session behind a line that breaks, and the OpenSSH of this machine set up by `config-ssh`. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BreakageRig } from "./breakage-kit.ts";
import { bin, runProgram, type CommandEnd } from "./cli-kit.ts";

export const HOST = "demo.holdfast";

export class SshRig {
  readonly breakage: BreakageRig;
  /** Files of this machine; it goes with the rig. */
  readonly here = mkdtempSync(join(tmpdir(), "hfs-"));
  readonly config = join(this.here, "config");
  readonly #children: ChildProcess[] = [];

  private constructor(breakage: BreakageRig) {
    this.breakage = breakage;
  }

  static async open(seed: string): Promise<SshRig> {
    const rig = new SshRig(await BreakageRig.open(seed));
    const url = ["--url", `http://127.0.0.1:${rig.breakage.proxy.port}`];
    const made = await rig.holdfast("config-ssh", "--yes", ...url, "--ssh-config-file", rig.config);
    if (made.exitCode !== 0) throw new Error(`config-ssh failed: ${made.stderr}`);
    return rig;
  }

  get env(): Record<string, string> {
    return { ...this.breakage.env(), HOME: this.here };
  }

  /** The command of this project; a connection of it goes through the line, too. */
  holdfast(...words: readonly string[]): Promise<CommandEnd> {
    return runProgram(process.execPath, [bin, ...words], this.breakage.env());
  }

  /** Any program of this machine. */
  run(words: readonly string[], input?: Uint8Array | string): Promise<CommandEnd> {
    const [program = "", ...args] = words;
    return runProgram(program, args, this.env, input);
  }

  /** The host is part of the words. */
  ssh(words: readonly string[], input?: Uint8Array | string): Promise<CommandEnd> {
    return this.run(["ssh", "-F", this.config, ...words], input);
  }

  /** Starts ssh and leaves it running. */
  start(words: readonly string[]): ChildProcess {
    const args = ["-F", this.config, ...words];
    const child = spawn("ssh", args, { env: this.env, stdio: ["pipe", "pipe", "pipe"] });
    this.#children.push(child);
    return child;
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGTERM");
    await this.breakage.close();
    rmSync(this.here, { recursive: true, force: true });
  }
}
