/**
 * The simulated platform as one life of a hub sees it: every call goes there and back with latency,
 * through the platform's mood of that moment, under the caller's deadline.
 */
import type { FaultCode } from "../../base/faults.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type { Random } from "../../base/random.ts";
import type {
  Claim,
  ClaimState,
  ListedSandbox,
  SandboxProvider,
  SandboxRequest,
  SnapshotClaim,
} from "../../providers/provider.ts";
import { CalmAnswers } from "./calm-answers.ts";
import { EPOCH_MS, type SimKernel, type SimProcess } from "./kernel.ts";
import type { SimPlatform } from "./platform.ts";
import { busy, nonsense, refusal, said } from "./refusals.ts";
import { SIM_HOME, type ExecAnswer, type SimSandbox } from "./sandbox.ts";

/** Deadline of one plain call, as in the real adapter. */
const CALL_MS = 10_000;
const LATENCY_MS = 15;
/** A command that is queued for long enough runs when nobody waits for it. */
const EXEC_LATE_MS = 45_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An answer that gets lost on its way. */
const ignored = (): void => undefined;

export class SimProvider extends CalmAnswers implements SandboxProvider {
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
    const accept = (done: (value: Claim) => void, fail: (error: Error) => void): void => {
      try {
        this.#platform.accept(request, (sandbox) => {
          if (sandbox.state === "started") done(this.#claimOf(sandbox));
          else fail(new HubError(codeOf(sandbox), `failed to start: ${sandbox.reason ?? ""}`));
        });
      } catch (error) {
        fail(toHubError(error));
      }
    };
    const from = request.image === undefined ? "" : `image ${request.image}`;
    return this.#call("create", request.name, waitMs, false, accept, from);
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
      const wears = ({ labels: worn }: ListedSandbox): boolean =>
        wanted.every(([key, value]) => worn[key] === value);
      done(this.#platform.list().filter(wears));
    });
  }

  snapshot(name: string): Promise<SnapshotClaim | null> {
    return this.#call("snapshot", name, CALL_MS, true, (done) => {
      done(this.#platform.snapshots.claim(this.#hub.clock.now()));
    });
  }

  activateSnapshot(name: string): Promise<SnapshotClaim> {
    return this.#call("activateSnapshot", name, CALL_MS, true, (done, fail) => {
      const { snapshots } = this.#platform;
      try {
        snapshots.activate();
      } catch (error) {
        fail(toHubError(error));
        return;
      }
      const claim = snapshots.claim(this.#hub.clock.now());
      if (claim === null) fail(new HubError("SnapshotMissing", `Snapshot ${name} not found`));
      else done(claim);
    });
  }

  buildLog(sandboxId: string): Promise<string | null> {
    return this.#call("buildLog", sandboxId, CALL_MS, true, (done) => {
      done(this.#platform.known(sandboxId)?.isUnbuilt === true ? "step 3/7: exited with 1" : null);
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
      else fail(busy());
    });
  }

  stop(sandboxId: string, waitMs: number): Promise<Claim> {
    return this.#call("stop", sandboxId, waitMs, false, (done, fail) => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else if (sandbox.state === "creating" || sandbox.state === "destroying") {
        fail(busy());
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

  refreshActivity(sandboxId: string): Promise<void> {
    return this.#call("refreshActivity", sandboxId, CALL_MS, true, (done, fail) => {
      const sandbox = this.#existing(sandboxId);
      if (sandbox instanceof HubError) fail(sandbox);
      else {
        sandbox.use(this.#kernel.now);
        done();
      }
    });
  }

  destroy(idOrName: string): Promise<boolean> {
    return this.#call("destroy", idOrName, CALL_MS, true, (done, fail) => {
      const sandbox = this.#platform.find(idOrName);
      const { deletes } = this.#platform.mood;
      if (sandbox === null) done(true);
      else if (deletes === "ignored") done(true);
      else if (deletes === "conflict") fail(busy());
      else if (sandbox.state === "creating") {
        // A stuck create frees itself in the end; until then it cannot be deleted.
        this.#kernel.at(20_000, () => {
          if (sandbox.state === "creating") sandbox.state = "error";
        });
        fail(busy());
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
      if (sandbox.exec === "late") {
        // It runs when nobody waits for it any more.
        this.#kernel.at(EXEC_LATE_MS, () => {
          if (sandbox.state === "started") sandbox.run(command);
        });
        return;
      }
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
      encoder.encode(sandbox.files.get(path) ?? ""),
    );
  }

  writeFile(sandboxId: string, path: string, bytes: Uint8Array): Promise<void> {
    return this.#files("write", sandboxId, (sandbox) => {
      if (sandbox.filesystem === "read-only") throw said("read-only file system");
      if (sandbox.filesystem === "full") throw said("no space left on device");
      sandbox.files.set(path, decoder.decode(bytes));
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
      } else if (this.#platform.mood.hollow) fail(said("toolbox: connection refused"));
      else work(sandbox, done, fail);
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
    return new Promise<T>((resolve, reject) => {
      const { clock } = this.#hub;
      const late = clock.setTimeout(() => {
        reject(new HubError("PlatformTimeout", `${name}: no answer in time`, { outcomeUnknown }));
      }, waitMs);
      const back = (answer: () => void): void => {
        this.#kernel.at(this.#latencyMs(), () => {
          this.#hub.run(() => {
            clock.clearTimeout(late);
            answer();
          });
        });
      };
      const fail = (error: Error): void => back(() => reject(error));
      this.#kernel.at(this.#latencyMs(), () => {
        const { api } = this.#platform.mood;
        if (api === "hangs") return;
        if (api === "lost") work(ignored, ignored);
        else if (api === "junk") {
          const garble = (): void => fail(nonsense(outcomeUnknown));
          work(garble, garble);
        } else if (api !== null) fail(refusal(api, outcomeUnknown));
        else work((value) => back(() => resolve(value)), fail);
      });
    });
  }

  #latencyMs(): number {
    const usual = LATENCY_MS * (0.2 + 1.6 * this.#random.next());
    const { slowMs } = this.#platform.mood;
    return slowMs === 0 ? usual : usual + slowMs * this.#random.next();
  }

  #claimOf(sandbox: SimSandbox): Claim {
    const { odd } = sandbox;
    return {
      sandboxId: sandbox.id,
      state: odd === null ? (sandbox.state satisfies ClaimState) : "unknown",
      platformState: odd ?? sandbox.state,
      reason: sandbox.reason,
      ...(sandbox.isUnbuilt && { failure: codeOf(sandbox) }),
      // By the platform's clock, which nobody sets.
      updatedAt: new Date(EPOCH_MS + sandbox.changedAt).toISOString(),
      lastActivityAt: new Date(EPOCH_MS + sandbox.usedAt).toISOString(),
      at: this.#hub.clock.now(),
    };
  }
}

function codeOf({ isUnbuilt }: SimSandbox): FaultCode {
  return isUnbuilt ? "ImageBuildFailed" : "SandboxStartFailed";
}
