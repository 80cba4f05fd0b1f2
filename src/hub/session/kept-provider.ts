/**
 * The platform as one session may use it: what changes something there waits until the facts that
 * it rests on are kept, so that a hub that dies never asked for what nobody knows of. A session
 * that stood still meanwhile does not ask at all: whoever goes on from its facts does. What is only
 * read waits for nothing. Where facts are kept at once, no call is a turn later. What ends a
 * sandbox waits for calls of a former owner, too.
 */
import { HubError } from "../../base/hub-error.ts";
import type { FormerOwner } from "./former-owner.ts";
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

export class KeptProvider implements SandboxProvider {
  readonly #inner: SandboxProvider;
  readonly #settled: () => Promise<void> | null;
  readonly #isHalted: () => boolean;
  readonly #former: FormerOwner | null;

  /** `settled` is null when all facts of the session are kept. */
  constructor(
    inner: SandboxProvider,
    settled: () => Promise<void> | null,
    isHalted: () => boolean,
    former: FormerOwner | null = null,
  ) {
    this.#inner = inner;
    this.#settled = settled;
    this.#isHalted = isHalted;
    this.#former = former;
  }

  get platform(): string {
    return this.#inner.platform;
  }

  create(request: SandboxRequest, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#after(signal, () => this.#inner.create(request, waitMs, signal));
  }

  activateSnapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim> {
    return this.#after(signal, () => this.#inner.activateSnapshot(name, signal));
  }

  start(id: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#after(signal, () => this.#inner.start(id, waitMs, signal));
  }

  stop(id: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#last(signal, () => this.#inner.stop(id, waitMs, signal));
  }

  /** Only where the platform offers it. */
  get recover(): SandboxProvider["recover"] {
    const recover = this.#inner.recover?.bind(this.#inner);
    return recover === undefined
      ? undefined
      : (id, waitMs, signal) => this.#last(signal, () => recover(id, waitMs, signal));
  }

  pause(id: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    return this.#last(signal, () => this.#inner.pause(id, waitMs, signal));
  }

  destroy(idOrName: string, signal?: AbortSignal): Promise<boolean> {
    return this.#last(signal, () => this.#inner.destroy(idOrName, signal));
  }

  refreshActivity(id: string, signal?: AbortSignal): Promise<void> {
    return this.#after(signal, () => this.#inner.refreshActivity(id, signal));
  }

  exec(id: string, request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    return this.#after(signal, () => this.#inner.exec(id, request, signal));
  }

  writeFile(id: string, path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#after(signal, () => this.#inner.writeFile(id, path, bytes, signal));
  }

  moveFile(id: string, from: string, to: string, signal?: AbortSignal): Promise<void> {
    return this.#after(signal, () => this.#inner.moveFile(id, from, to, signal));
  }

  removeFile(id: string, path: string, signal?: AbortSignal): Promise<void> {
    return this.#after(signal, () => this.#inner.removeFile(id, path, signal));
  }

  claim(idOrName: string, signal?: AbortSignal): Promise<Claim | null> {
    return this.#inner.claim(idOrName, signal);
  }

  snapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim | null> {
    return this.#inner.snapshot(name, signal);
  }

  buildLog(id: string, signal?: AbortSignal): Promise<string | null> {
    return this.#inner.buildLog(id, signal);
  }

  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ListedSandbox[]> {
    return this.#inner.list(labels, signal);
  }

  homeDir(id: string, signal?: AbortSignal): Promise<string> {
    return this.#inner.homeDir(id, signal);
  }

  listFiles(id: string, path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    return this.#inner.listFiles(id, path, signal);
  }

  readFile(id: string, path: string, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#inner.readFile(id, path, signal);
  }

  facts(signal?: AbortSignal): Promise<PlatformFacts> {
    return this.#inner.facts(signal);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #after<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const settled = this.#settled();
    return settled === null ? call() : this.#keptThen(settled, signal, call);
  }

  /** Nothing that another hub asked for may arrive behind it. */
  #last<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const quiet = this.#former?.quiet(signal) ?? null;
    const ask = (): Promise<T> => this.#after(signal, call);
    return quiet === null ? ask() : this.#keptThen(quiet, signal, ask);
  }

  /** Whoever gave up in the meantime has not asked. */
  async #keptThen<T>(
    settled: Promise<void>,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    await settled;
    signal?.throwIfAborted();
    if (!this.#isHalted()) return call();
    throw new HubError("StoreRefuses", "the session stood still before this was asked");
  }
}
