/**
 * The adapter for a plain host that is reached over SSH. A sandbox is a directory there and the
 * processes that were started in it: files of others are as open to it as to the host's user, so it
 * is for work that is trusted. It cannot be paused, forked or made from an image or a snapshot, and
 * says so. Decides nothing: it answers with claims and throws faults.
 */
import type { Clock } from "../../base/clock.ts";
import { withDeadline } from "../../base/deadline.ts";
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type {
  Capabilities,
  Claim,
  ExecRequest,
  ExecResult,
  FileEntry,
  ListedSandbox,
  PlatformFacts,
  SandboxProvider,
  SandboxRequest,
  SnapshotClaim,
} from "../provider.ts";
import { HostScript, readTold, refusalOf, type Told } from "./host-script.ts";
import type { SshLine } from "./ssh-line.ts";

export interface SshProviderOptions {
  readonly line: SshLine;
  /** Directory on the host that holds all sandboxes. */
  readonly root: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Deadline of one plain call. */
  readonly callMs: number;
}

export const SSH_TIER = "host";

const able: Capabilities = { pause: false, fork: false, snapshot: false };
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
const VARIABLE = /^[A-Za-z_]\w*$/;
const ID_BYTES = 8;
const nothing = new Uint8Array();

interface Call {
  readonly name: string;
  readonly script: string;
  readonly input?: Uint8Array;
  readonly waitMs?: number;
  /** Asked twice it does the same, so an answer that was lost is no riddle. */
  readonly repeatable?: boolean;
  readonly leavesProcesses?: boolean;
  readonly signal: AbortSignal | undefined;
}

export class SshProvider implements SandboxProvider {
  readonly platform = "ssh";
  readonly #options: SshProviderOptions;
  readonly #host: HostScript;

  constructor(options: SshProviderOptions) {
    this.#options = options;
    this.#host = new HostScript(options.root);
  }

  async create(request: SandboxRequest, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const { name, image, snapshot, env, labels } = request;
    if (image !== undefined) throw new HubError("ImageMissing", `a plain host has no images`);
    if (snapshot !== undefined) throw noSnapshots(snapshot);
    if (!NAME.test(name)) throw new HubError("BadRequest", `${JSON.stringify(name)} is no name`);
    const odd = Object.keys(env).find((key) => !VARIABLE.test(key));
    if (odd !== undefined)
      throw new HubError("BadRequest", `${JSON.stringify(odd)} is no name of a variable`);
    const { clock, random } = this.#options;
    const id = `${name}.${Buffer.from(random.bytes(ID_BYTES)).toString("hex")}`;
    const record = { name, labels, createdAt: clock.now() };
    const script = this.#host.create(id, record, env);
    return this.#told({ name: "create sandbox", script, waitMs, signal });
  }

  async claim(idOrName: string, signal?: AbortSignal): Promise<Claim | null> {
    const script = this.#host.claim(idOrName);
    return nullWhenGone(this.#told({ name: "read sandbox", script, repeatable: true, signal }));
  }

  snapshot(): Promise<SnapshotClaim | null> {
    return Promise.resolve(null);
  }

  activateSnapshot(name: string): Promise<SnapshotClaim> {
    return Promise.reject(noSnapshots(name));
  }

  buildLog(): Promise<string | null> {
    return Promise.resolve(null);
  }

  async list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ListedSandbox[]> {
    const script = this.#host.list();
    const text = await this.#text({ name: "list sandboxes", script, repeatable: true, signal });
    const wanted = Object.entries(labels);
    return linesOf(text)
      .map(parsed)
      .filter(({ record }) => wanted.every(([key, value]) => record.labels[key] === value))
      .map(({ sandboxId, state, record }) => ({ sandboxId, state, ...record }));
  }

  start(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const script = this.#host.start(sandboxId);
    return this.#told({ name: "start sandbox", script, waitMs, signal });
  }

  stop(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const script = this.#host.stop(sandboxId);
    return this.#told({ name: "stop sandbox", script, waitMs, signal });
  }

  async pause(sandboxId: string, _waitMs: number, signal?: AbortSignal): Promise<Claim> {
    if ((await this.claim(sandboxId, signal)) === null) throw gone(sandboxId);
    throw new HubError("PauseUnsupported", "processes of a plain host cannot be paused");
  }

  async destroy(idOrName: string, signal?: AbortSignal): Promise<boolean> {
    const script = this.#host.destroy(idOrName);
    await nullWhenGone(this.#text({ name: "delete sandbox", script, repeatable: true, signal }));
    return true;
  }

  /** Nothing is stopped here because nobody used it. */
  refreshActivity(): Promise<void> {
    return Promise.resolve();
  }

  async exec(sandboxId: string, request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    const { command, cwd, timeoutMs } = request;
    // The host ends what this side has given up, a little later.
    const script = this.#host.exec(sandboxId, command, cwd, Math.ceil(timeoutMs / 1_000) + 1);
    const call = { name: "exec", script, waitMs: timeoutMs, leavesProcesses: true, signal };
    const { exitCode, stdout } = await this.#run(call);
    return { exitCode, output: stdout.toString("utf8") };
  }

  homeDir(sandboxId: string, signal?: AbortSignal): Promise<string> {
    const script = this.#host.home(sandboxId);
    return this.#text({ name: "read home", script, repeatable: true, signal });
  }

  async listFiles(id: string, path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    const script = this.#host.listFiles(id, path);
    const text = await this.#text({ name: "list files", script, repeatable: true, signal });
    const entries = text.split("\0").filter((entry) => entry !== "");
    return entries.map((entry) => {
      const [bytes = "", kind = "", ...name] = entry.split(" ");
      return { name: name.join(" "), bytes: Number(bytes), directory: kind === "d" };
    });
  }

  async readFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const script = this.#host.readFile(sandboxId, path);
    return (await this.#done({ name: "read file", script, repeatable: true, signal })).stdout;
  }

  async writeFile(
    sandboxId: string,
    path: string,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const script = this.#host.writeFile(sandboxId, path, bytes.length);
    await this.#done({ name: "write file", script, input: bytes, repeatable: true, signal });
  }

  async moveFile(id: string, from: string, to: string, signal?: AbortSignal): Promise<void> {
    await this.#done({ name: "move file", script: this.#host.moveFile(id, from, to), signal });
  }

  async removeFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<void> {
    const script = this.#host.removeFile(sandboxId, path);
    await this.#done({ name: "remove file", script, signal });
  }

  async facts(signal?: AbortSignal): Promise<PlatformFacts> {
    const { line, root, clock } = this.#options;
    const about = { apiUrl: line.address, root, pause: null, door: null, checkedAt: clock.now() };
    try {
      const script = this.#host.facts();
      const text = await this.#text({ name: "look", script, repeatable: true, signal });
      const [system = "", ...missing] = linesOf(text);
      const lacks = missing.length === 0 ? null : `the host lacks ${missing.join(", ")}`;
      const detail = system === "Linux" ? lacks : `the host runs ${system}, not Linux`;
      return { ...about, reachable: true, auth: "ok", tier: SSH_TIER, detail };
    } catch (error) {
      const { code, message } = toHubError(error);
      const isRejected = code === "PlatformAuthRejected";
      const auth = isRejected ? "rejected" : "unknown";
      return { ...about, reachable: isRejected, auth, tier: null, detail: message };
    }
  }

  close(): Promise<void> {
    return this.#options.line.close();
  }

  async #told(call: Call): Promise<Claim> {
    const { sandboxId, state, platformState, changedAt } = parsed(await this.#text(call));
    return {
      sandboxId,
      state,
      platformState,
      reason: null,
      updatedAt: changedAt === null ? null : new Date(changedAt).toISOString(),
      capabilities: able,
      at: this.#options.clock.now(),
    };
  }

  async #text(call: Call): Promise<string> {
    return (await this.#done(call)).stdout.toString("utf8");
  }

  async #done(call: Call) {
    const ended = await this.#run(call);
    if (ended.exitCode === 0) return ended;
    throw hostFault(call.name, ended.stderr.trim(), ended.exitCode);
  }

  async #run({ name, script, input = nothing, waitMs, signal, ...kind }: Call) {
    const { clock, line, callMs } = this.#options;
    const { repeatable = false, leavesProcesses = false } = kind;
    const forMs = waitMs ?? callMs;
    const late = (): HubError =>
      new HubError("PlatformTimeout", `${name}: no answer within ${forMs} ms`, {
        outcomeUnknown: !repeatable,
      });
    const run = (inner: AbortSignal) =>
      line.run({ text: script, input, leavesProcesses }, inner).catch((error: unknown) => {
        const fault = toHubError(error);
        if (!fault.outcomeUnknown || !repeatable) throw fault;
        throw new HubError(fault.code, fault.message, { cause: fault, raw: fault.raw ?? "" });
      });
    const ended = await withDeadline(clock, forMs, run, late, signal);
    const refusal = refusalOf(ended.stdout, ended.mark);
    if (refusal === null) return ended;
    throw refused[refusal](name);
  }
}

const refused = {
  gone,
  taken: (name: string) => new HubError("StateConflict", `${name}: there is one of this name`),
  stopped: (name: string) => new HubError("SandboxStopped", `${name}: the sandbox is stopped`),
  alive: (name: string) => new HubError("SandboxStopStalled", `${name}: a process does not end`),
  directory: (name: string) => new HubError("ExecBroken", `${name}: no such working directory`),
} satisfies Record<string, (name: string) => HubError>;

function gone(name: string): HubError {
  return new HubError("SandboxGone", `${name}: the host has no such sandbox`);
}

function noSnapshots(name: string): HubError {
  return new HubError("SnapshotMissing", `a plain host has no snapshots, so none named ${name}`);
}

/** What the host's own programs say, in the words of the C locale. */
const hostWords: readonly (readonly [RegExp, FaultCode])[] = [
  [/No space left on device|Disk quota exceeded/i, "DiskFull"],
  [/Read-only file system/i, "FilesystemReadOnly"],
  [/Resource temporarily unavailable|Cannot fork/i, "ProcessLimit"],
];

function hostFault(name: string, said: string, exitCode: number): HubError {
  const code = hostWords.find(([words]) => words.test(said))?.[1] ?? "FilesystemBroken";
  const why = said === "" ? `a script ended with ${exitCode}` : (said.split("\n").at(-1) ?? "");
  return new HubError(code, `${name}: ${why}`, { raw: said });
}

function parsed(line: string): Told {
  const told = readTold(line);
  if (told !== null) return told;
  throw new HubError("PlatformAnswerInvalid", "the host printed no line of ours", { raw: line });
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

async function nullWhenGone<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (toHubError(error).code === "SandboxGone") return null;
    throw error;
  }
}
