/**
 * The door to the platform as the rest of the hub sees it: the same port, and in front of each
 * call the breaker and the rate budget, behind it the ledger. Decides nothing about sessions.
 *
 * Only calls of the API move the breaker. What a sandbox's toolbox says is about one sandbox, and
 * so is a wait for one sandbox to start that takes too long.
 */
import type { Clock } from "../../base/clock.ts";
import { HubError, toHubError } from "../../base/hub-error.ts";
import type {
  Claim,
  ExecRequest,
  ExecResult,
  FileEntry,
  ListedSandbox,
  PlatformFacts,
  SandboxProvider,
  SandboxRequest,
  SnapshotClaim,
} from "../../providers/provider.ts";
import { PLATFORM_WIDE, type Breaker } from "./breaker.ts";
import type { CallLedger, CallName } from "./call-ledger.ts";
import type { RateBudget } from "./rate-budget.ts";

export interface Guards {
  readonly inner: SandboxProvider;
  readonly breaker: Breaker;
  readonly api: RateBudget;
  readonly toolbox: RateBudget;
  readonly ledger: CallLedger;
  readonly clock: Clock;
  readonly onFacts: (facts: PlatformFacts) => void;
}

/** Short enough for a probe, whose own deadline is five seconds. */
const PATIENCE_MS = 1_500;
/** Who waits for a sandbox to start can wait for its turn, too. */
const LONG_PATIENCE_MS = 10_000;
/** A call that had to wait for its turn still gets this long. */
const WAIT_MS_MIN = 1_000;

interface CallKind {
  readonly lane: "api" | "toolbox";
  readonly scopes: readonly string[];
  /** Requests on the wire: a change is a request and the reads that wait for it. */
  readonly cost: number;
  /** The call waits for a sandbox: that it was too slow says nothing about the platform. */
  readonly awaitsSandbox: boolean;
}

const read: CallKind = { lane: "api", scopes: ["authenticated"], cost: 1, awaitsSandbox: false };
const lifecycle: CallKind = {
  lane: "api",
  scopes: ["authenticated", "sandbox-lifecycle"],
  cost: 3,
  awaitsSandbox: true,
};
const create: CallKind = { ...lifecycle, scopes: ["authenticated", "sandbox-create"] };
const inside: CallKind = { lane: "toolbox", scopes: [], cost: 1, awaitsSandbox: true };

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly patienceMs?: number;
}

export class GuardedProvider implements SandboxProvider {
  readonly platform: string;
  readonly #guards: Guards;
  readonly #gated: boolean;
  readonly recover?: NonNullable<SandboxProvider["recover"]>;

  /** Ungated it is for whoever must look although nobody else may: it counts and asks no leave. */
  constructor(guards: Guards, gated: boolean) {
    this.platform = guards.inner.platform;
    this.#guards = guards;
    this.#gated = gated;
    // Offered by this door as by the one behind it, or not at all.
    if (guards.inner.recover !== undefined) this.recover = (...call) => this.#recover(...call);
  }

  create(request: SandboxRequest, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#long("create", create, waitMs, signal, (inner, leftMs) =>
      inner.create(request, leftMs, signal),
    );
  }

  claim(idOrName: string, signal?: AbortSignal): Promise<Claim | null> {
    return this.#run("claim", read, { signal }, (inner) => inner.claim(idOrName, signal));
  }

  snapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim | null> {
    return this.#run("snapshot", read, { signal }, (inner) => inner.snapshot(name, signal));
  }

  activateSnapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim> {
    const kind = { ...lifecycle, awaitsSandbox: false };
    return this.#run("activateSnapshot", kind, { signal }, (inner) =>
      inner.activateSnapshot(name, signal),
    );
  }

  buildLog(sandboxId: string, signal?: AbortSignal): Promise<string | null> {
    return this.#run("buildLog", read, { signal }, (inner) => inner.buildLog(sandboxId, signal));
  }

  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ListedSandbox[]> {
    return this.#run("list", read, { signal }, (inner) => inner.list(labels, signal));
  }

  start(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#long("start", lifecycle, waitMs, signal, (inner, leftMs) =>
      inner.start(sandboxId, leftMs, signal),
    );
  }

  stop(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#long("stop", lifecycle, waitMs, signal, (inner, leftMs) =>
      inner.stop(sandboxId, leftMs, signal),
    );
  }

  #recover(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#long("recover", lifecycle, waitMs, signal, async (inner, leftMs) => {
      if (inner.recover !== undefined) return inner.recover(sandboxId, leftMs, signal);
      throw new HubError("SandboxStartFailed", `${this.platform} mends no sandbox`);
    });
  }

  pause(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#long("pause", lifecycle, waitMs, signal, (inner, leftMs) =>
      inner.pause(sandboxId, leftMs, signal),
    );
  }

  destroy(idOrName: string, signal?: AbortSignal): Promise<boolean> {
    const kind = { ...lifecycle, awaitsSandbox: false };
    return this.#run("destroy", kind, { signal }, (inner) => inner.destroy(idOrName, signal));
  }

  refreshActivity(id: string, signal?: AbortSignal): Promise<void> {
    return this.#run("refreshActivity", read, { signal }, (inner) =>
      inner.refreshActivity(id, signal),
    );
  }

  exec(id: string, request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    return this.#run("exec", inside, { signal }, (inner) => inner.exec(id, request, signal));
  }

  homeDir(id: string, signal?: AbortSignal): Promise<string> {
    return this.#run("homeDir", inside, { signal }, (inner) => inner.homeDir(id, signal));
  }

  listFiles(id: string, path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    return this.#run("listFiles", inside, { signal }, (inner) => inner.listFiles(id, path, signal));
  }

  readFile(id: string, path: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#run("readFile", inside, { signal }, (inner) => inner.readFile(id, path, signal));
  }

  writeFile(id: string, path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#run("writeFile", inside, { signal }, (inner) =>
      inner.writeFile(id, path, bytes, signal),
    );
  }

  removeFile(id: string, path: string, signal?: AbortSignal): Promise<void> {
    return this.#run("removeFile", inside, { signal }, (inner) =>
      inner.removeFile(id, path, signal),
    );
  }

  moveFile(id: string, from: string, to: string, signal?: AbortSignal): Promise<void> {
    return this.#run("moveFile", inside, { signal }, (inner) =>
      inner.moveFile(id, from, to, signal),
    );
  }

  /** Not gated: it is how people see that a platform is back, and it comes at a slow pace. */
  async facts(signal?: AbortSignal): Promise<PlatformFacts> {
    const { inner, ledger, clock, onFacts } = this.#guards;
    const startedAt = clock.mono();
    const facts = await inner.facts(signal);
    ledger.answered("facts", clock.mono() - startedAt);
    onFacts(facts);
    return facts;
  }

  close(): Promise<void> {
    return this.#guards.inner.close();
  }

  #long<T>(
    call: CallName,
    kind: CallKind,
    waitMs: number,
    signal: AbortSignal | undefined,
    work: (inner: SandboxProvider, leftMs: number) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#guards;
    const startedAt = clock.mono();
    const patienceMs = Math.min(LONG_PATIENCE_MS, Math.max(0, waitMs - WAIT_MS_MIN));
    return this.#run(call, kind, { signal, patienceMs }, (inner) => {
      const leftMs = waitMs - Math.round(clock.mono() - startedAt);
      return work(inner, Math.max(Math.min(waitMs, WAIT_MS_MIN), leftMs));
    });
  }

  async #run<T>(
    call: CallName,
    kind: CallKind,
    waiting: Waiting,
    work: (inner: SandboxProvider) => Promise<T>,
  ): Promise<T> {
    const { inner, ledger, clock, breaker } = this.#guards;
    if (this.#gated) await this.#leave(call, kind, waiting);
    else this.#guards[kind.lane].spend(kind.cost);
    begin(call, waiting);
    const startedAt = clock.mono();
    try {
      const result = await work(inner);
      ledger.answered(call, clock.mono() - startedAt);
      if (kind.lane === "api") breaker.succeeded();
      return result;
    } catch (error) {
      const fault = toHubError(error);
      // A call that was called off failed for its caller's reason, not for the platform's.
      if (waiting.signal?.aborted !== true) {
        ledger.failed(call, fault, clock.now());
        this.#learn(kind, fault);
      }
      throw error;
    }
  }

  /** @throws HubError of the cause while it is open, PlatformRateLimited over the budget. */
  async #leave(call: CallName, kind: CallKind, waiting: Waiting): Promise<void> {
    const { ledger } = this.#guards;
    const { signal, patienceMs = PATIENCE_MS } = waiting;
    try {
      this.#mayAsk();
      const { scopes, cost } = kind;
      const turn = this.#guards[kind.lane].take({ scopes, cost, patienceMs, signal });
      if (turn === null) return;
      await turn;
      this.#mayAsk();
    } catch (error) {
      if (signal?.aborted !== true) ledger.refused(call);
      throw error;
    }
  }

  #mayAsk(): void {
    const refusal = this.#guards.breaker.refusal();
    if (refusal !== null) throw refusal;
  }

  #learn(kind: CallKind, fault: HubError): void {
    const { breaker } = this.#guards;
    if (fault.code === "PlatformRateLimited") {
      this.#guards[kind.lane].throttled(fault.retryAfter, kind.scopes);
    }
    if (kind.lane !== "api") return;
    const itsSandbox = kind.awaitsSandbox && fault.code === "PlatformTimeout";
    if (PLATFORM_WIDE.includes(fault.code) && !itsSandbox) breaker.failed(fault);
    else if (!itsSandbox) breaker.succeeded();
  }
}

/** Work that was called off, or whose fact was refused, begins nothing more at the platform. */
function begin(call: CallName, { signal }: Waiting): void {
  if (signal?.aborted !== true) return;
  throw new HubError("Interrupted", `${call}: it was called off before it began`);
}
