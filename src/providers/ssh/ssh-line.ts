/**
 * One way to a host: the `ssh` of this machine, so that its keys, its agent, its known hosts, its
 * jumps and its certificates are the operator's own and nothing of them is a setting here. One
 * connection is kept and shared by all calls; where the host takes no more channels on it, `ssh`
 * opens another by itself. Knows nothing of sandboxes: a script goes in, bytes and a code come out.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import { ENTRY, entryLine } from "./host-script.ts";

export interface SshLineOptions {
  /** `host` is a name as `ssh` knows it; `user` and `port` win over its file. */
  readonly host: string;
  readonly user: string | null;
  readonly port: number | null;
  /** File in place of the user's own `~/.ssh/config`. */
  readonly configFile: string | null;
  readonly random: Random;
}

export interface Script {
  readonly text: string;
  readonly input: Uint8Array;
  /** It may leave processes behind that keep the channel open: its end is its own last line. */
  readonly leavesProcesses: boolean;
}

export interface ScriptEnd {
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** Whole for a script that leaves no processes. */
  readonly stderr: string;
  /** What the script knows as $e, and nobody else. */
  readonly mark: string;
}

const CONNECT_SECONDS = 8;
/** Said on the shared connection once it stands. */
const UP = "holdfast up";
/** The end's line is shorter than this, so it is found in the last bytes. */
const END_BYTES_MAX = 64;
const MARK_BYTES = 12;

export class SshLine {
  readonly #options: SshLineOptions;
  #shared: Promise<Shared> | null = null;

  constructor(options: SshLineOptions) {
    this.#options = options;
  }

  get address(): string {
    const { host, user, port } = this.#options;
    return `ssh://${user === null ? "" : `${user}@`}${host}${port === null ? "" : `:${port}`}`;
  }

  /** @throws HubError with what `ssh` said, when the script's end was not heard */
  async run(script: Script, signal: AbortSignal): Promise<ScriptEnd> {
    const { socket } = await this.#connect();
    signal.throwIfAborted();
    const child = this.#spawn(["-S", socket, ENTRY]);
    const mark = Buffer.from(this.#options.random.bytes(MARK_BYTES)).toString("hex");
    child.stdin?.write(entryLine(mark, script.text));
    child.stdin?.end(script.input);
    try {
      return await endOf(child, mark, script.leavesProcesses, signal);
    } finally {
      child.kill("SIGKILL");
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    }
  }

  async close(): Promise<void> {
    // One that did not open has left nothing to close, and who asked for it was told.
    const shared = await this.#shared?.catch(() => null);
    this.#shared = null;
    await shared?.end();
  }

  /** One for all who ask meanwhile; the next call after its end opens another. */
  #connect(): Promise<Shared> {
    this.#shared ??= this.#open().catch((error: unknown) => {
      this.#shared = null;
      throw error;
    });
    return this.#shared;
  }

  /**
   * Held open by its own stdin: when this process ends, however it ends, the far `cat` reads an end
   * and the connection goes.
   */
  async #open(): Promise<Shared> {
    const directory = await mkdtemp(join(tmpdir(), "hfssh-"));
    const socket = join(directory, "line");
    const child = this.#spawn(["-M", "-S", socket, `echo '${UP}'; exec cat >/dev/null`]);
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const end = async (): Promise<void> => {
      child.stdin?.end();
      child.kill();
      await gone;
      await rm(directory, { recursive: true, force: true });
    };
    try {
      await saidUp(child);
    } catch (error) {
      await end();
      throw error;
    }
    void gone.then(async () => {
      this.#shared = null;
      await rm(directory, { recursive: true, force: true });
    });
    return { socket, end };
  }

  #spawn(last: readonly string[]): ChildProcess {
    const { host, user, port, configFile } = this.#options;
    const settings = ["BatchMode=yes", `ConnectTimeout=${CONNECT_SECONDS}`, "LogLevel=ERROR"];
    const alive = ["ServerAliveInterval=5", "ServerAliveCountMax=2", "ClearAllForwardings=yes"];
    const [command = "", ...flags] = last.toReversed();
    const args = [
      ...(configFile === null ? [] : ["-F", configFile]),
      ...[...settings, ...alive].flatMap((setting) => ["-o", setting]),
      ...(user === null ? [] : ["-l", user]),
      ...(port === null ? [] : ["-p", String(port)]),
      ...["-T", "-x", "-a"],
      ...flags.toReversed(),
      ...["--", host, command],
    ];
    const child = spawn("ssh", args, { stdio: ["pipe", "pipe", "pipe"] });
    // A far side that ends first closes the pipe; what it said on stderr tells why.
    child.stdin.on("error", () => undefined);
    return child;
  }
}

interface Shared {
  readonly socket: string;
  readonly end: () => Promise<void>;
}

function endOf(
  child: ChildProcess,
  mark: string,
  atOnce: boolean,
  signal: AbortSignal,
): Promise<ScriptEnd> {
  const end = new RegExp(`\\n${mark} (\\d+)\\n`);
  const chunks: Buffer[] = [];
  let stderr = "";
  let tail = Buffer.alloc(0);
  let exitCode: number | null = null;
  return new Promise((resolve, reject) => {
    const ended = (code: number): void => {
      const all = Buffer.concat(chunks);
      const stdout = all.subarray(0, all.lastIndexOf(`\n${mark} `));
      resolve({ exitCode: code, stdout, stderr, mark });
    };
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    child.once("error", (error) => reject(notStarted(error)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdout?.on("data", (bytes: Buffer) => {
      chunks.push(bytes);
      tail = Buffer.concat([tail.subarray(-END_BYTES_MAX), bytes]);
      const found = end.exec(tail.toString("latin1"));
      if (found === null) return;
      exitCode = Number(found[1]);
      if (atOnce) ended(exitCode);
    });
    child.once("close", (code) => {
      if (exitCode === null) reject(broken(stderr, code));
      else ended(exitCode);
    });
  });
}

function saidUp(child: ChildProcess): Promise<void> {
  let said = "";
  let stderr = "";
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(notStarted(error)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes(UP)) resolve();
    });
    child.once("close", (code) => reject(unreached(stderr, code)));
  });
}

/** Before the connection stood: nothing was asked, so nothing was done. */
function unreached(stderr: string, code: number | null): HubError {
  const raw = stderr.trim();
  const said = raw.split("\n").at(-1) ?? "";
  if (/Permission denied|Too many authentication failures|Host key verification/i.test(raw))
    return new HubError("PlatformAuthRejected", `ssh: ${said}`, {
      raw,
      hint: "Make `ssh` to that host work without a question for the user who runs the hub.",
    });
  return new HubError("PlatformDown", lastWords(said, code), { raw });
}

function lastWords(said: string, code: number | null): string {
  return said === "" ? `ssh ended with ${code ?? "a signal"}` : `ssh: ${said}`;
}

function broken(stderr: string, code: number | null): HubError {
  const raw = stderr.trim();
  const why = lastWords(raw.split("\n").at(-1) ?? "", code);
  const message = `the connection broke before the answer (${why})`;
  return new HubError("PlatformDown", message, { raw, outcomeUnknown: true });
}

function notStarted(error: Error): HubError {
  return new HubError("ConfigInvalid", `ssh cannot be started: ${error.message}`, {
    cause: error,
    hint: "Install the OpenSSH client on the hub's machine.",
  });
}
