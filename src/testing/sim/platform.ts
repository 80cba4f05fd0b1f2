/**
 * A platform that keeps its API and breaks its promises: sandboxes with lifecycles, and windows of
 * time in which calls fail, hang, lose their answer or are refused. Each hub incarnation gets its
 * own provider; an answer to a dead hub goes nowhere.
 */
import { HubError, toHubError } from "../../base/hub-error.ts";
import { withDeadline } from "../../base/deadline.ts";
import type { Random } from "../../base/random.ts";
import type {
  Claim,
  ClaimState,
  ListedSandbox,
  SandboxProvider,
  SandboxRequest,
} from "../../providers/provider.ts";
import { CalmAnswers } from "./calm-answers.ts";
import type { SimKernel, SimProcess } from "./kernel.ts";
import { refusal, said, type ApiTrouble } from "./refusals.ts";
import { COPY_ENDING, SIM_HOME, SimSandbox, type ExecAnswer } from "./sandbox.ts";

/** One call of a hub at the platform's door. */
export interface PlatformCall {
  readonly name: string;
  /** Name or id of the sandbox that it is about; empty for a listing. */
  readonly target: string;
  /** The command of an exec. */
  readonly detail: string;
}

/** What the next create does. */
export type CreateTrouble = "stuck" | "fails" | "lost" | "late";

/** Deadline of one plain call, as in the real adapter. */
const CALL_MS = 10_000;
const LATENCY_MS = 15;

export class SimPlatform {
  readonly #kernel: SimKernel;
  readonly #random: Random;
  readonly #launch: ConstructorParameters<typeof SimSandbox>[0]["launch"];
  readonly #byId = new Map<string, SimSandbox>();
  /** Those that are gone, too. */
  readonly #known = new Map<string, SimSandbox>();
  readonly #createMs: number;
  trouble: ApiTrouble | null = null;
  createTrouble: CreateTrouble | null = null;
  /** Set by who watches: each call of a hub, before it has an effect. */
  onCall: (call: PlatformCall) => void = () => undefined;
  #births = 0;

  constructor(options: {
    kernel: SimKernel;
    random: Random;
    createMs: number;
    launch: ConstructorParameters<typeof SimSandbox>[0]["launch"];
  }) {
    this.#kernel = options.kernel;
    this.#random = options.random;
    this.#createMs = options.createMs;
    this.#launch = options.launch;
  }

  get all(): MapIterator<SimSandbox> {
    return this.#byId.values();
  }

  find(idOrName: string): SimSandbox | null {
    const byId = this.#byId.get(idOrName);
    if (byId !== undefined) return byId;
    for (const sandbox of this.#byId.values()) if (sandbox.name === idOrName) return sandbox;
    return null;
  }

  /** A sandbox by its id, also one that is gone. */
  known(id: string): SimSandbox | null {
    return this.#known.get(id) ?? null;
  }

  /** Deleted by somebody else, or at the end of a delete. */
  forget(sandbox: SimSandbox): void {
    sandbox.destroy();
    this.#byId.delete(sandbox.id);
  }

  /** Somebody made another one from it: it wears the same labels under a name of its own. */
  copy(sandbox: SimSandbox): void {
    const made = new SimSandbox({
      id: `sbx-${++this.#births}`,
      name: sandbox.name + COPY_ENDING,
      labels: sandbox.labels,
      bornAt: this.#kernel.now,
      launch: this.#launch,
    });
    made.state = "started";
    this.#byId.set(made.id, made);
  }

  provider(hub: SimProcess): SandboxProvider {
    return new SimProvider(this, hub, this.#kernel, this.#random);
  }

  /** A create that the platform has taken. */
  accept(request: SandboxRequest, started: (sandbox: SimSandbox) => void): void {
    if (this.find(request.name) !== null) {
      throw new HubError("StateConflict", `Sandbox with name ${request.name} already exists`);
    }
    const trouble = this.createTrouble;
    this.createTrouble = null;
    const sandbox = new SimSandbox({
      id: `sbx-${++this.#births}`,
      name: request.name,
      labels: request.labels,
      bornAt: this.#kernel.now,
      launch: this.#launch,
    });
    const appear = (): void => {
      if (this.find(request.name) !== null) return;
      this.#byId.set(sandbox.id, sandbox);
      this.#known.set(sandbox.id, sandbox);
      if (trouble === "stuck") return;
      this.#kernel.at(this.#createMs * (0.5 + this.#random.next()), () => {
        if (sandbox.state !== "creating") return;
        sandbox.state = trouble === "fails" ? "error" : "started";
        if (trouble === "fails") sandbox.reason = "timeout of 1200000ms exceeded";
        if (trouble !== "lost" && trouble !== "late") started(sandbox);
      });
    };
    // Accepted and not visible for a while: the answer is lost, the sandbox comes all the same.
    if (trouble === "late") this.#kernel.at(5_000 + this.#random.next() * 20_000, appear);
    else appear();
  }
}

class SimProvider extends CalmAnswers implements SandboxProvider {
  readonly platform = "sim";
  readonly #platform: SimPlatform;
  readonly #hub: SimProcess;
  readonly #kernel: SimKernel;
  readonly #random: Random;

  constructor(platform: SimPlatform, hub: SimProcess, kernel: SimKernel, random: Random) {
    super(hub.clock);
    this.#platform = platform;
    this.#hub = hub;
    this.#kernel = kernel;
    this.#random = random;
  }

  create(request: SandboxRequest, waitMs: number): Promise<Claim> {
    return this.#call("create", request.name, waitMs, false, (done, fail) => {
      try {
        this.#platform.accept(request, (sandbox) => {
          if (sandbox.state === "started") done(this.#claimOf(sandbox));
          else fail(new HubError("SandboxStartFailed", `failed to start: ${sandbox.reason ?? ""}`));
        });
      } catch (error) {
        fail(toHubError(error));
      }
    });
  }

  claim(idOrName: string): Promise<Claim | null> {
    return this.#call("claim", idOrName, CALL_MS, true, (done) => {
      const sandbox = this.#platform.find(idOrName);
      done(sandbox === null ? null : this.#claimOf(sandbox));
    });
  }

  list(labels: Readonly<Record<string, string>>) {
    return this.#call("list", "", CALL_MS, true, (done: (value: ListedSandbox[]) => void) => {
      const wanted = Object.entries(labels);
      done(
        [...this.#platform.all]
          .filter((sandbox) => wanted.every(([key, value]) => sandbox.labels[key] === value))
          .map(({ id, name, labels: worn, bornAt }) => {
            return { sandboxId: id, name, labels: worn, createdAt: bornAt };
          }),
      );
    });
  }

  start(sandboxId: string, waitMs: number): Promise<Claim> {
    return this.#call("start", sandboxId, waitMs, false, (done, fail) => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else if (sandbox.state === "paused" || sandbox.state === "stopped") {
        sandbox.thaw();
        done(this.#claimOf(sandbox));
      } else if (sandbox.state === "started") done(this.#claimOf(sandbox));
      else fail(new HubError("StateConflict", "Sandbox state change in progress"));
    });
  }

  stop(sandboxId: string, waitMs: number): Promise<Claim> {
    return this.#call("stop", sandboxId, waitMs, false, (done, fail) => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else if (sandbox.state === "creating" || sandbox.state === "destroying") {
        fail(new HubError("StateConflict", "Sandbox state change in progress"));
      } else {
        sandbox.stop();
        done(this.#claimOf(sandbox));
      }
    });
  }

  pause(sandboxId: string, waitMs: number): Promise<Claim> {
    return this.#call("pause", sandboxId, waitMs, false, (done, fail) => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else if (sandbox.state !== "started") {
        fail(new HubError("SandboxStopped", "Sandbox is not started"));
      } else {
        sandbox.freeze();
        done(this.#claimOf(sandbox));
      }
    });
  }

  destroy(idOrName: string): Promise<boolean> {
    return this.#call("destroy", idOrName, CALL_MS, true, (done, fail) => {
      const sandbox = this.#platform.find(idOrName);
      if (sandbox === null) done(true);
      else if (sandbox.state === "creating") {
        // A stuck create frees itself in the end; until then it cannot be deleted.
        this.#kernel.at(20_000, () => {
          if (sandbox.state === "creating") sandbox.state = "error";
        });
        fail(new HubError("StateConflict", "Sandbox state change in progress"));
      } else {
        sandbox.destroy();
        this.#kernel.at(50, () => this.#platform.forget(sandbox));
        done(false);
      }
    });
  }

  exec(sandboxId: string, request: { command: string; timeoutMs: number }): Promise<ExecAnswer> {
    const { command, timeoutMs } = request;
    const run = (
      sandbox: SimSandbox,
      done: (value: ExecAnswer) => void,
      fail: (error: Error) => void,
    ): void => {
      if (sandbox.exec === "queued") return;
      if (sandbox.exec === "broken") fail(new HubError("PlatformDown", "exec: answered 500"));
      else done(sandbox.run(command));
    };
    return this.#inside("exec", sandboxId, timeoutMs, run, command);
  }

  homeDir(sandboxId: string): Promise<string> {
    return this.#inside("homeDir", sandboxId, CALL_MS, (_, done) => done(SIM_HOME));
  }

  listFiles(sandboxId: string, path: string) {
    return this.#files("list", sandboxId, (sandbox) =>
      [...sandbox.files.keys()]
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => ({ name: file.slice(path.length + 1), bytes: 0, directory: false })),
    );
  }

  readFile(sandboxId: string, path: string): Promise<Uint8Array> {
    return this.#files("read", sandboxId, (sandbox) =>
      new TextEncoder().encode(sandbox.files.get(path) ?? ""),
    );
  }

  writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    return this.#files("write", sandboxId, (sandbox) => {
      if (sandbox.filesystem === "read-only") throw said("read-only file system");
      if (sandbox.filesystem === "full") throw said("no space left on device");
      sandbox.files.set(path, new TextDecoder().decode(bytes));
    });
  }

  moveFile(sandboxId: string, from: string, to: string): Promise<void> {
    return this.#files("move", sandboxId, (sandbox) => {
      if (sandbox.filesystem === "read-only") throw said("read-only file system");
      sandbox.files.set(to, sandbox.files.get(from) ?? "");
      sandbox.files.delete(from);
    });
  }

  removeFile(sandboxId: string, path: string): Promise<void> {
    return this.#files("remove", sandboxId, (sandbox) => {
      sandbox.files.delete(path);
    });
  }

  #existing(sandboxId: string): SimSandbox | HubError {
    return this.#platform.find(sandboxId) ?? new HubError("SandboxGone", "Sandbox not found");
  }

  #files<T>(name: string, sandboxId: string, work: (sandbox: SimSandbox) => T): Promise<T> {
    return this.#inside(name, sandboxId, CALL_MS, (sandbox, done, fail) => {
      if (sandbox.filesystem === "hung") return;
      if (sandbox.filesystem === "missing") {
        fail(said("cow-merged: no such file or directory"));
        return;
      }
      try {
        done(work(sandbox));
      } catch (error) {
        fail(toHubError(error));
      }
    });
  }

  /** A toolbox call: only a started sandbox answers. */
  #inside<T>(
    name: string,
    sandboxId: string,
    waitMs: number,
    work: (sandbox: SimSandbox, done: (value: T) => void, fail: (error: Error) => void) => void,
    detail = "",
  ): Promise<T> {
    const enter = (done: (value: T) => void, fail: (error: Error) => void): void => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else if (sandbox.state !== "started") {
        fail(new HubError("SandboxStopped", "no IP address found. Is the Sandbox started?"));
      } else work(sandbox, done, fail);
    };
    return this.#call(name, sandboxId, waitMs, name !== "exec", enter, detail);
  }

  /** One call: there and back with latency, the API's trouble, and our own deadline. */
  #call<T>(
    name: string,
    target: string,
    waitMs: number,
    idempotent: boolean,
    work: (done: (value: T) => void, fail: (error: Error) => void) => void,
    detail = "",
  ): Promise<T> {
    this.#platform.onCall({ name, target, detail });
    const outcomeUnknown = !idempotent;
    return withDeadline(
      this.#hub.clock,
      waitMs,
      () =>
        new Promise<T>((resolve, reject) => {
          const back = (answer: () => void): void => {
            this.#kernel.at(this.#latencyMs(), () => this.#hub.run(answer));
          };
          this.#kernel.at(this.#latencyMs(), () => {
            const trouble = this.#platform.trouble;
            if (trouble === "hangs") return;
            if (trouble !== null) {
              back(() => reject(refusal(trouble, outcomeUnknown)));
              return;
            }
            work(
              (value) => back(() => resolve(value)),
              (error) => back(() => reject(error)),
            );
          });
        }),
      () => new HubError("PlatformTimeout", `${name}: no answer in time`, { outcomeUnknown }),
    );
  }

  #latencyMs(): number {
    return LATENCY_MS * (0.2 + 1.6 * this.#random.next());
  }

  #claimOf(sandbox: SimSandbox): Claim {
    return {
      sandboxId: sandbox.id,
      state: sandbox.state satisfies ClaimState,
      platformState: sandbox.state,
      reason: sandbox.reason,
      updatedAt: null,
      at: this.#hub.clock.now(),
    };
  }
}
