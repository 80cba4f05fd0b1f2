/**
 * A platform in memory that keeps every promise, and subclasses that break one each and are named
 * by it. Time is the test's clock; what was asked of it is in `calls`.
 */
import type { Clock } from "../../src/base/clock.ts";
import { HubError } from "../../src/base/hub-error.ts";
import { classify } from "../../src/providers/daytona/classify.ts";
import type {
  Claim,
  ClaimState,
  ExecRequest,
  ExecResult,
  FileEntry,
  PlatformFacts,
  SandboxProvider,
  SandboxRequest,
  SnapshotClaim,
} from "../../src/providers/provider.ts";

export interface FakeSandbox {
  readonly id: string;
  readonly request: SandboxRequest;
  state: ClaimState;
  reason: string | null;
  readonly createdAt: number;
  readonly files: Map<string, Uint8Array>;
}

export class FakePlatform implements SandboxProvider {
  readonly platform = "fake";
  readonly clock: Clock;
  /** Every call in order: `create`, `claim`, `exec:nudge` … */
  readonly calls: string[] = [];
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly home = "/home/daytona";
  /** What the driver inside does when it is launched or nudged. */
  onLaunch: (sandbox: FakeSandbox) => void = () => undefined;
  onNudge: (sandbox: FakeSandbox) => "signalled" | "driver-dead" = () => "signalled";
  /** What the command prints that looks for the way out; empty: there is nothing to run it with. */
  wayOut = "";
  /** What the look for a living driver prints. */
  driverWord = "";
  #nextId = 1;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    return Promise.resolve(this.claimOf(this.make(request, "started")));
  }

  claim(idOrName: string): Promise<Claim | null> {
    this.calls.push("claim");
    const found = this.find(idOrName);
    return Promise.resolve(found === null ? null : this.claimOf(found));
  }

  snapshot(name: string): Promise<SnapshotClaim | null> {
    this.calls.push("snapshot");
    return Promise.resolve(this.snapshotOf(name, "active"));
  }

  activateSnapshot(name: string): Promise<SnapshotClaim> {
    this.calls.push("activate");
    return Promise.resolve(this.snapshotOf(name, "active"));
  }

  buildLog(): Promise<string | null> {
    this.calls.push("buildLog");
    return Promise.resolve(null);
  }

  list(labels: Readonly<Record<string, string>>) {
    this.calls.push("list");
    const worn = [...this.sandboxes.values()].filter(({ request }) =>
      Object.entries(labels).every(([key, value]) => request.labels[key] === value),
    );
    return Promise.resolve(
      worn.map((sandbox) => {
        const { id, request, createdAt } = sandbox;
        const { state } = this.claimOf(sandbox);
        return { sandboxId: id, name: request.name, labels: request.labels, createdAt, state };
      }),
    );
  }

  start(sandboxId: string): Promise<Claim> {
    this.calls.push("start");
    return Promise.resolve(this.#turn(sandboxId, "started"));
  }

  stop(sandboxId: string): Promise<Claim> {
    this.calls.push("stop");
    return Promise.resolve(this.#turn(sandboxId, "stopped"));
  }

  pause(sandboxId: string): Promise<Claim> {
    this.calls.push("pause");
    return Promise.resolve(this.#turn(sandboxId, "paused"));
  }

  destroy(idOrName: string): Promise<boolean> {
    this.calls.push("destroy");
    const found = this.find(idOrName);
    if (found !== null) this.sandboxes.delete(found.id);
    return Promise.resolve(true);
  }

  refreshActivity(sandboxId: string): Promise<void> {
    this.calls.push("refresh");
    this.need(sandboxId);
    return Promise.resolve();
  }

  exec(sandboxId: string, { command }: ExecRequest): Promise<ExecResult> {
    const sandbox = this.need(sandboxId);
    if (command.includes("nohup")) {
      this.onLaunch(sandbox);
      return this.#says("exec:launch", "launched by node\n");
    }
    if (command.includes("kill -USR1")) {
      const dead = this.onNudge(sandbox) === "driver-dead";
      return this.#says("exec:nudge", dead ? "no driver" : "signalled", dead ? 3 : 0);
    }
    if (command.includes("holdfast-seek:")) return this.#says("exec:seek", this.driverWord);
    if (command.includes("holdfast-egress:")) return this.#says("exec:egress", this.wayOut);
    return this.#says("exec:probe", printed(command) + left(sandbox, command));
  }

  #says(call: string, output: string, exitCode = 0): Promise<ExecResult> {
    this.calls.push(call);
    return Promise.resolve({ exitCode, output });
  }

  homeDir(sandboxId: string): Promise<string> {
    this.calls.push("home");
    this.need(sandboxId);
    return Promise.resolve(this.home);
  }

  listFiles(sandboxId: string, path: string): Promise<readonly FileEntry[]> {
    this.calls.push("files:list");
    const names = [...this.need(sandboxId).files.keys()].filter((file) => file.startsWith(path));
    return Promise.resolve(
      names.map((file) => ({ name: file.slice(path.length + 1), bytes: 1, directory: false })),
    );
  }

  readFile(sandboxId: string, path: string): Promise<Uint8Array> {
    this.calls.push("files:read");
    const bytes = this.need(sandboxId).files.get(path);
    return bytes === undefined
      ? Promise.reject(answered("read file", 404, "no such file"))
      : Promise.resolve(bytes);
  }

  writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    this.calls.push("files:write");
    this.need(sandboxId).files.set(path, bytes);
    return Promise.resolve();
  }

  moveFile(sandboxId: string, from: string, to: string): Promise<void> {
    this.calls.push("files:move");
    const { files } = this.need(sandboxId);
    const bytes = files.get(from);
    if (bytes === undefined) return Promise.reject(answered("move file", 404, "no such file"));
    files.delete(from);
    files.set(to, bytes);
    return Promise.resolve();
  }

  removeFile(sandboxId: string, path: string): Promise<void> {
    this.calls.push("files:remove");
    this.need(sandboxId).files.delete(path);
    return Promise.resolve();
  }

  facts(): Promise<PlatformFacts> {
    return Promise.resolve({
      apiUrl: "http://fake",
      reachable: true,
      auth: "ok",
      tier: null,
      root: null,
      pause: null,
      door: null,
      checkedAt: this.clock.now(),
      detail: null,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  make(request: SandboxRequest, state: ClaimState): FakeSandbox {
    if (this.find(request.name) !== null) {
      throw answered("create sandbox", 409, `Sandbox with name ${request.name} already exists`);
    }
    const id = `box-${this.#nextId++}`;
    const files = new Map<string, Uint8Array>();
    const createdAt = this.clock.now();
    const sandbox: FakeSandbox = { id, request, state, reason: null, createdAt, files };
    this.sandboxes.set(id, sandbox);
    return sandbox;
  }

  find(idOrName: string): FakeSandbox | null {
    const all = [...this.sandboxes.values()];
    return all.find(({ id, request }) => id === idOrName || request.name === idOrName) ?? null;
  }

  need(sandboxId: string): FakeSandbox {
    const found = this.find(sandboxId);
    if (found === null) throw answered("toolbox", 404, "sandbox container not found");
    return found;
  }

  snapshotOf(name: string, state: SnapshotClaim["state"]): SnapshotClaim {
    return { name, state, platformState: state, reason: null, at: this.clock.now() };
  }

  claimOf({ id, state, reason }: FakeSandbox): Claim {
    const at = this.clock.now();
    return { sandboxId: id, state, platformState: state, reason, updatedAt: null, at };
  }

  #turn(sandboxId: string, state: ClaimState): Claim {
    const sandbox = this.need(sandboxId);
    sandbox.state = state;
    return this.claimOf(sandbox);
  }
}

/** A failed call as the adapter would report it. */
export function answered(call: string, status: number, message: string): HubError {
  const toolbox = TOOLBOX[call];
  return classify({
    call,
    status,
    timedOut: false,
    message,
    idempotent: call.startsWith("read"),
    ...(toolbox === undefined ? {} : { toolbox }),
  });
}

/** The calls that go through a sandbox's toolbox; all others are the API's. */
const TOOLBOX: Readonly<Record<string, "exec" | "files">> = {
  exec: "exec",
  toolbox: "exec",
  "write file": "files",
  "read file": "files",
  "list files": "files",
  "move file": "files",
};

/** What the probe's command leaves for a driver to find, and what it says of that. */
function left({ files }: FakeSandbox, command: string): string {
  return [...command.matchAll(/printf %s (\S+) >'(\S+)\.new'/g)]
    .map(([, secret = "", file = ""], n) => {
      files.set(file, new TextEncoder().encode(secret));
      return ` marked:${n}`;
    })
    .join("");
}

/** What a shell would print for the probe's printf. */
function printed(command: string): string {
  const [, , ...words] = (command.split("\n")[0] ?? "").split(" ");
  return words.join("").replaceAll("'", "");
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** Says started, and neither exec nor files work: the seed incident. */
export class LyingPlatform extends FakePlatform {
  lies = true;
  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    if (!this.lies) return super.exec(sandboxId, request);
    this.calls.push("exec:500");
    return Promise.reject(answered("exec", 500, "internal error"));
  }
  override writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    if (!this.lies) return super.writeFile(sandboxId, path, bytes);
    this.calls.push("files:404");
    return Promise.reject(answered("write file", 404, "stat cow-merged: no such file"));
  }
}

/** Takes commands and never runs them. */
export class QueuedExecPlatform extends FakePlatform {
  queued = true;
  override exec(sandboxId: string, request: ExecRequest): Promise<ExecResult> {
    if (!this.queued) return super.exec(sandboxId, request);
    this.calls.push("exec:queued");
    return never();
  }
}

/** Accepts a create and never finishes it. */
export class StuckCreatingPlatform extends FakePlatform {
  override create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    this.make(request, "creating");
    return never();
  }
}

/** Creates the sandbox and loses the answer. */
export class LostAnswerPlatform extends FakePlatform {
  override create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    this.make(request, "started");
    return Promise.reject(
      classify({
        call: "create sandbox",
        status: null,
        timedOut: true,
        message: "",
        idempotent: false,
      }),
    );
  }
}

/** Knows no key: every call is refused in the same way. */
export class AuthRejectingPlatform extends FakePlatform {
  #refuse<T>(call: string): Promise<T> {
    this.calls.push(call);
    return Promise.reject(answered(call, 401, "Invalid credentials"));
  }
  override create(): Promise<Claim> {
    return this.#refuse("create");
  }
  override claim(): Promise<Claim | null> {
    return this.#refuse("claim");
  }
}

/** Had a sandbox once. */
export class GonePlatform extends FakePlatform {
  vanish(): void {
    this.sandboxes.clear();
  }
}

/** Has the snapshot, switched off. */
export class InactiveSnapshotPlatform extends FakePlatform {
  override snapshot(name: string): Promise<SnapshotClaim | null> {
    this.calls.push("snapshot");
    return Promise.resolve(this.snapshotOf(name, "inactive"));
  }
  override activateSnapshot(name: string): Promise<SnapshotClaim> {
    this.calls.push("activate");
    return Promise.reject(new HubError("SnapshotInactive", `${name} may not be activated`));
  }
  override create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    return Promise.reject(
      answered("create sandbox", 400, `Snapshot ${request.snapshot ?? ""} is inactive`),
    );
  }
}

/** Answers 409 to the first deletes, like a platform that is still changing the sandbox. */
export class BusyDeletePlatform extends FakePlatform {
  conflicts = 4;
  override destroy(idOrName: string): Promise<boolean> {
    if (this.conflicts === 0) return super.destroy(idOrName);
    this.conflicts -= 1;
    this.calls.push("destroy:409");
    return Promise.reject(answered("delete sandbox", 409, "state change in progress"));
  }
}

/** Creates when the test says so, long after anyone waited. */
export class LateCreatePlatform extends FakePlatform {
  #finish: (() => void) | null = null;
  override create(request: SandboxRequest): Promise<Claim> {
    this.calls.push("create");
    const sandbox = this.make(request, "creating");
    return new Promise((resolve) => {
      this.#finish = () => {
        sandbox.state = "started";
        resolve(this.claimOf(sandbox));
      };
    });
  }
  finishCreate(): void {
    this.#finish?.();
  }
}
