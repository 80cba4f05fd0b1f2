/**
 * The adapter for Daytona, and the only caller of @daytonaio/sdk. Owns the SDK client (loaded on
 * first use: it costs 180 ms and 46 MB), the Sandbox objects in use, and the addresses of all
 * toolboxes. Does not decide anything: it answers with claims and throws faults.
 *
 * The SDK runs in polling mode because it is deterministic and opens no socket of its own.
 */
import type { Daytona } from "@daytonaio/sdk";
import { withDeadline } from "../../base/deadline.ts";
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
} from "../provider.ts";
import { ApiKey } from "./api-key.ts";
import {
  checkCreated,
  checkFound,
  checkSameOrganisation,
  claimOf,
  snapshotClaimOf,
  type SandboxAnswer,
} from "./answers.ts";
import { readApi } from "./api-read.ts";
import { readBuildLog } from "./build-log.ts";
import { KeptSandboxes, type Door } from "./kept-sandboxes.ts";
import { classify, sdkFailure } from "./classify.ts";
import { listSandboxes } from "./listing.ts";
import { readPlatformFacts } from "./platform-facts.ts";
import { Toolbox } from "./toolbox.ts";

export interface DaytonaOptions {
  /** How the hub names this platform: `daytona` or `local`. */
  readonly platform: string;
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The key as it is now, when this one is refused; null when there is no other. */
  readonly rereadKey?: () => string | null;
  readonly target: string;
  readonly clock: Clock;
  readonly ask?: typeof fetch;
  /** Deadline of one plain call. */
  readonly callMs: number;
  /** Sandboxes are stopped when nobody used them for this long; null is never. */
  readonly autoStopMs: number | null;
}

type SdkCall<T> = [
  call: string,
  waitMs: number,
  idempotent: boolean,
  signal: AbortSignal | undefined,
  work: (client: Client, until: AbortSignal) => Promise<T>,
  snapshot?: "read" | "activate",
];

type Client = Daytona;
type Sandbox = Awaited<ReturnType<Client["get"]>>;

/** Left to the SDK's own deadline so that its clearer error wins the race with ours. */
const DEADLINE_SLACK_MS = 250;

const MINUTE_MS = 60_000;

const READ = "read sandbox";

/** A listing is many pages; it gets the time of this many plain calls. */
const LIST_CALLS = 3;

export class DaytonaProvider implements SandboxProvider {
  readonly platform: string;
  readonly #options: DaytonaOptions;
  readonly #key: ApiKey;
  readonly #kept = new KeptSandboxes<Sandbox>();
  #client: Promise<Client> | null = null;
  #clientKey = "";

  constructor(options: DaytonaOptions) {
    this.platform = options.platform;
    this.#options = options;
    this.#key = new ApiKey(options.apiKey, options.rereadKey);
  }

  async create(request: SandboxRequest, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const { autoStopMs } = this.#options;
    const base = {
      name: request.name,
      envVars: { ...request.env },
      labels: { ...request.labels },
      // The driver's own socket is no activity to the platform: the hub tells it what is used.
      autoStopInterval: autoStopMs === null ? 0 : Math.ceil(autoStopMs / MINUTE_MS),
    };
    const params =
      request.image === undefined
        ? { ...base, ...(request.snapshot === undefined ? {} : { snapshot: request.snapshot }) }
        : { ...base, image: request.image };
    const sandbox = await this.#sdk("create sandbox", waitMs, false, signal, (client) =>
      client.create(params, { timeout: waitMs / 1000 }),
    ).catch((error: unknown) => {
      throw unsettled(toHubError(error));
    });
    checkCreated(sandbox, request);
    this.#kept.keep(sandbox);
    return this.#claimOf(sandbox);
  }

  async claim(idOrName: string, signal?: AbortSignal): Promise<Claim | null> {
    const { callMs } = this.#options;
    const path = `/sandbox/${encodeURIComponent(idOrName)}`;
    try {
      const found = await this.#sdk(READ, callMs, true, signal, (_, until) =>
        readApi(this.#address, READ, path, until),
      );
      return this.#claimOf(this.#checked(found, idOrName));
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== "SandboxGone") throw error;
      this.#kept.forget(idOrName);
      return null;
    }
  }

  async snapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim | null> {
    const { callMs, clock } = this.#options;
    try {
      const read = (client: Client) => client.snapshot.get(name);
      const found = await this.#sdk("read snapshot", callMs, true, signal, read, "read");
      return snapshotClaimOf(found, clock.now());
    } catch (error) {
      if (toHubError(error).code === "SnapshotMissing") return null;
      throw error;
    }
  }

  async activateSnapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim> {
    const { callMs, clock } = this.#options;
    const ask = (client: Client) => client.snapshot.activate(name);
    const asked = await this.#sdk("activate snapshot", callMs, true, signal, ask, "activate");
    return snapshotClaimOf(asked, clock.now());
  }

  buildLog(sandboxId: string, signal?: AbortSignal): Promise<string | null> {
    return readBuildLog(this.#address, sandboxId, signal);
  }

  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ListedSandbox[]> {
    const waitMs = this.#options.callMs * LIST_CALLS;
    return this.#sdk("list sandboxes", waitMs, true, signal, (_, until) =>
      listSandboxes(this.#address, labels, until),
    );
  }

  async start(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const sandbox = await this.#cached(sandboxId, signal);
    await this.#sdk("start sandbox", waitMs, false, signal, () => sandbox.start(waitMs / 1000));
    return this.#claimOf(sandbox);
  }

  async stop(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const sandbox = await this.#cached(sandboxId, signal);
    await this.#sdk("stop sandbox", waitMs, false, signal, () => sandbox.stop(waitMs / 1000));
    return this.#claimOf(sandbox);
  }

  async recover(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const sandbox = await this.#cached(sandboxId, signal);
    await this.#sdk("recover sandbox", waitMs, false, signal, () => sandbox.recover(waitMs / 1000));
    return this.#claimOf(sandbox);
  }

  async pause(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim> {
    const sandbox = await this.#cached(sandboxId, signal);
    await this.#sdk("pause sandbox", waitMs, false, signal, () => sandbox.pause(waitMs / 1000));
    return this.#claimOf(sandbox);
  }

  async destroy(idOrName: string, signal?: AbortSignal): Promise<boolean> {
    const claim = await this.claim(idOrName, signal);
    if (claim === null) return true;
    const sandbox = await this.#cached(claim.sandboxId, signal);
    const { callMs } = this.#options;
    await this.#sdk("delete sandbox", callMs, true, signal, () => sandbox.delete(callMs / 1000));
    const gone = (await this.claim(claim.sandboxId, signal)) === null;
    if (gone) this.#kept.forget(claim.sandboxId);
    return gone;
  }

  async refreshActivity(sandboxId: string, signal?: AbortSignal): Promise<void> {
    const sandbox = await this.#cached(sandboxId, signal);
    const { callMs } = this.#options;
    await this.#sdk("refresh activity", callMs, true, signal, () => sandbox.refreshActivity());
  }

  async exec(sandboxId: string, request: ExecRequest, signal?: AbortSignal): Promise<ExecResult> {
    return (await this.#toolbox(sandboxId, signal)).exec(request, signal);
  }

  async homeDir(sandboxId: string, signal?: AbortSignal): Promise<string> {
    return (await this.#toolbox(sandboxId, signal)).homeDir(signal);
  }

  async listFiles(id: string, path: string, signal?: AbortSignal): Promise<readonly FileEntry[]> {
    return (await this.#toolbox(id, signal)).listFiles(path, signal);
  }

  async readFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<Uint8Array> {
    return (await this.#toolbox(sandboxId, signal)).readFile(path, signal);
  }

  async writeFile(
    sandboxId: string,
    path: string,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    await (await this.#toolbox(sandboxId, signal)).writeFile(path, bytes, signal);
  }

  async moveFile(id: string, from: string, to: string, signal?: AbortSignal): Promise<void> {
    await (await this.#toolbox(id, signal)).moveFile(from, to, signal);
  }

  async removeFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<void> {
    await (await this.#toolbox(sandboxId, signal)).removeFile(path, signal);
  }

  async facts(signal?: AbortSignal): Promise<PlatformFacts> {
    // The first look at the platform is the moment to load the SDK: no user waits for it yet.
    const warm = this.#load().then(
      () => null,
      (error: unknown) => `the SDK cannot be loaded: ${String(error)}`,
    );
    const { apiKey } = this.#address;
    let facts = await readPlatformFacts(this.#address, signal);
    if (facts.auth === "rejected" && this.#renewed(apiKey)) {
      facts = await readPlatformFacts(this.#address, signal);
    }
    return { ...facts, detail: facts.detail ?? (await warm) };
  }

  async close(): Promise<void> {
    this.#kept.clear();
    if (this.#client !== null) await (await this.#client)[Symbol.asyncDispose]();
    this.#client = null;
  }

  #claimOf(sandbox: SandboxAnswer): Claim {
    return claimOf(sandbox, this.#options.clock.now());
  }

  /** What was asked for; its door is kept. @throws HubError PlatformAnswerInvalid */
  #checked(found: unknown, idOrName: string): SandboxAnswer {
    try {
      const answer = checkFound(found, idOrName);
      checkSameOrganisation(answer, this.#kept.door(idOrName)?.organizationId ?? null);
      this.#kept.keepDoor(answer);
      return answer;
    } catch (error) {
      // One of the two answers was wrong, and nobody knows which.
      this.#kept.forget(idOrName);
      throw error;
    }
  }

  /** The SDK's object of it, for what changes a sandbox. */
  async #cached(sandboxId: string, signal?: AbortSignal): Promise<Sandbox> {
    const kept = this.#kept.whole(sandboxId);
    if (kept !== undefined) return kept;
    const { callMs } = this.#options;
    const read = (client: Client) => client.get(sandboxId);
    const found = await this.#sdk(READ, callMs, true, signal, read);
    this.#checked(found, sandboxId);
    this.#kept.keep(found);
    return found;
  }

  async #toolbox(sandboxId: string, signal?: AbortSignal): Promise<Toolbox> {
    const door = await this.#door(sandboxId, signal);
    const baseUrl = `${door.toolboxProxyUrl.replace(/\/$/, "")}/${sandboxId}`;
    const { callMs, clock, ask } = this.#options;
    const address = { baseUrl, clock, apiKey: this.#key.current, ...(ask && { ask }) };
    return new Toolbox(address, callMs);
  }

  /** After a start none is known: a read tells it. Where it does not, the SDK asks for it. */
  async #door(sandboxId: string, signal?: AbortSignal): Promise<Door> {
    if (this.#kept.door(sandboxId) === undefined) await this.claim(sandboxId, signal);
    return this.#kept.door(sandboxId) ?? this.#cached(sandboxId, signal);
  }

  /** Where the platform is, with the key of now. */
  get #address(): DaytonaOptions {
    return { ...this.#options, apiKey: this.#key.current };
  }

  #load(): Promise<Client> {
    if (this.#client === null) this.#clientKey = this.#key.current;
    this.#client ??= import("@daytonaio/sdk").then(({ Daytona }) => {
      const { apiUrl, target, callMs } = this.#options;
      return new Daytona({
        apiKey: this.#clientKey,
        apiUrl,
        target,
        requestTimeoutMs: callMs,
        useDeprecatedPolling: true,
      });
    });
    return this.#client;
  }

  /** True when another key than the refused one is there; what carries the old one is dropped. */
  #renewed(refused: string): boolean {
    if (!this.#key.renew(refused)) return false;
    if (this.#clientKey === this.#key.current) return true;
    this.#client = null;
    this.#kept.forgetWhole();
    return true;
  }

  /** One SDK call, and another one when the key was replaced: what is refused was not begun. */
  async #sdk<T>(...call: SdkCall<T>): Promise<T> {
    const key = this.#key.current;
    try {
      return await this.#once(...call);
    } catch (error) {
      const rejected = error instanceof HubError && error.code === "PlatformAuthRejected";
      if (!rejected || !this.#renewed(key)) throw error;
      return await this.#once(...call);
    }
  }

  /** Under our own deadline; whatever it throws leaves here as a fault. */
  async #once<T>(...parts: SdkCall<T>): Promise<T> {
    const [call, waitMs, idempotent, signal, work, snapshot] = parts;
    try {
      return await withDeadline(
        this.#options.clock,
        waitMs + DEADLINE_SLACK_MS,
        async (until) => work(await this.#load(), until),
        () => classify({ call, status: null, timedOut: true, message: "", idempotent }),
        signal,
      );
    } catch (error) {
      if (error instanceof HubError) throw error;
      if (brokeOnAnswer(error)) {
        const options = { raw: String(error), cause: error, outcomeUnknown: !idempotent };
        throw new HubError("PlatformAnswerInvalid", `${call}: the answer is nonsense`, options);
      }
      const about = snapshot === undefined ? {} : { snapshot };
      const failure = sdkFailure(call, error, idempotent);
      throw classify({ ...failure, message: this.#key.hide(failure.message), ...about });
    }
  }
}

/**
 * A create of the SDK is a request and then reads until the sandbox is started. That there is no
 * such sandbox can only be said by one of the reads: the request itself may have been carried out.
 */
function unsettled(error: HubError): HubError {
  if (error.code !== "SandboxGone") return error;
  const raw = error.raw ?? error.message;
  return new HubError("PlatformAnswerInvalid", error.message, {
    cause: error,
    outcomeUnknown: true,
    raw,
  });
}

/** The SDK uses an answer without looking at it, and trips over what is not there. */
function brokeOnAnswer(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return error instanceof Error && /^Required parameter \S+ was null/.test(error.message);
}
