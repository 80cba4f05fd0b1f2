/**
 * The narrow door to any platform that runs sandboxes. The hub knows nothing else of it.
 *
 * Every call has its own deadline inside the adapter, throws only HubError, and marks an error
 * whose effect is not known (`outcomeUnknown`): such a call is looked up before it is repeated.
 * What a platform says about a sandbox is a Claim; no method returns proof of anything.
 */

import type { FaultCode } from "../base/faults.ts";

/** The states of all platforms, folded into the ones the hub acts on. */
export type ClaimState =
  | "creating"
  | "started"
  | "starting"
  | "pausing"
  | "paused"
  | "stopping"
  | "stopped"
  | "archived"
  | "error"
  | "destroying"
  | "unknown";

/** What can be done with a sandbox of this kind; a call may be refused all the same. */
export interface Capabilities {
  /** A pause keeps memory and processes. */
  readonly pause: boolean;
  readonly fork: boolean;
  readonly snapshot: boolean;
}

/** What the platform says of one sandbox. */
export interface Claim {
  readonly sandboxId: string;
  readonly state: ClaimState;
  /** The platform's own word, as it came. */
  readonly platformState: string;
  /** Why it is in error, in the platform's words. */
  readonly reason: string | null;
  /** When the platform last changed it, in its own words; equal means no progress. */
  readonly updatedAt: string | null;
  /** When the platform last saw it used, in its own words; absent when it does not say. */
  readonly lastActivityAt?: string;
  /** It builds, pulls or restores, which takes minutes and shows nothing meanwhile. */
  readonly building?: true;
  /** What an error state is, where the platform's words tell; absent is a failed start. */
  readonly failure?: FaultCode;
  /** Absent where the platform does not tell what kind of sandbox it is. */
  readonly capabilities?: Capabilities;
  /** When it was read, wall ms. */
  readonly at: number;
}

/** What the platform says of one snapshot. */
export interface SnapshotClaim {
  readonly name: string;
  readonly state: "active" | "activating" | "inactive" | "failed";
  readonly platformState: string;
  readonly reason: string | null;
  readonly at: number;
}

/** One sandbox of a listing. A listing may lag: it proves neither presence nor absence. */
export interface ListedSandbox {
  readonly sandboxId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Wall ms of the platform's own clock; null when it does not say. */
  readonly createdAt: number | null;
  /** As the listing tells it: it may be older than a claim. */
  readonly state: ClaimState;
}

export interface SandboxRequest {
  /** Unique among living sandboxes: the only way to find a create whose answer was lost. */
  readonly name: string;
  readonly image?: string;
  readonly snapshot?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ExecRequest {
  /** Shell text. */
  readonly command: string;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

export interface ExecResult {
  readonly exitCode: number;
  /** stdout and stderr as the platform merges them. */
  readonly output: string;
}

export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
  readonly directory: boolean;
}

/** A directory of this machine that every sandbox sees: sockets put there can be dialled inside. */
export interface HostDoor {
  readonly servicesDir: string;
  readonly mountedAt: string;
}

export interface PlatformFacts {
  readonly apiUrl: string;
  readonly reachable: boolean;
  readonly auth: "ok" | "rejected" | "unknown";
  /** Isolation in force, where the platform tells it. */
  readonly tier: string | null;
  readonly root: string | null;
  readonly pause: string | null;
  readonly door: HostDoor | null;
  readonly checkedAt: number;
  /** One sentence when something is wrong. */
  readonly detail: string | null;
}

export interface SandboxProvider {
  readonly platform: string;
  /**
   * Asks for a sandbox and returns once the platform calls it started, or says why not.
   * @throws HubError PlatformAnswerInvalid of unknown outcome when the answer is about another one.
   */
  create(request: SandboxRequest, waitMs: number, signal?: AbortSignal): Promise<Claim>;
  /** Reads one sandbox by id or name. Null only when the platform says that there is none. */
  claim(idOrName: string, signal?: AbortSignal): Promise<Claim | null>;
  /** Reads one snapshot by name. Null only when the platform says that there is none. */
  snapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim | null>;
  /**
   * Asks for an inactive snapshot to be made usable; how far it is, `snapshot` says.
   * @throws HubError SnapshotInactive when the platform refuses, with its words.
   */
  activateSnapshot(name: string, signal?: AbortSignal): Promise<SnapshotClaim>;
  /** The end of the log of the sandbox's image build; null where the platform keeps none. */
  buildLog(sandboxId: string, signal?: AbortSignal): Promise<string | null>;
  /** Every sandbox that carries these labels, as far as the platform tells. */
  list(
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<readonly ListedSandbox[]>;
  /** Starts a stopped sandbox or wakes a paused one. */
  start(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim>;
  /** Ends every process of the sandbox; its files stay. */
  stop(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim>;
  /** Mends a sandbox that the platform calls broken, where the platform offers that. */
  readonly recover?:
    ((sandboxId: string, waitMs: number, signal?: AbortSignal) => Promise<Claim>) | undefined;
  pause(sandboxId: string, waitMs: number, signal?: AbortSignal): Promise<Claim>;
  /** Deletes. True when it is gone, false when the platform is still at it. */
  destroy(idOrName: string, signal?: AbortSignal): Promise<boolean>;
  /** Tells the platform that the sandbox is used, so that its auto-stop time begins anew. */
  refreshActivity(sandboxId: string, signal?: AbortSignal): Promise<void>;
  exec(sandboxId: string, request: ExecRequest, signal?: AbortSignal): Promise<ExecResult>;
  homeDir(sandboxId: string, signal?: AbortSignal): Promise<string>;
  listFiles(sandboxId: string, path: string, signal?: AbortSignal): Promise<readonly FileEntry[]>;
  readFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<Uint8Array>;
  writeFile(
    sandboxId: string,
    path: string,
    bytes: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Renames within the sandbox. */
  moveFile(sandboxId: string, from: string, to: string, signal?: AbortSignal): Promise<void>;
  removeFile(sandboxId: string, path: string, signal?: AbortSignal): Promise<void>;
  /** Reads what is known of the platform itself; never throws, a failure is a fact. */
  facts(signal?: AbortSignal): Promise<PlatformFacts>;
  close(): Promise<void>;
}
