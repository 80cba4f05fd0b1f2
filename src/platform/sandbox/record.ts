/**
 * What the platform knows of one sandbox, as `sandbox.json` keeps it. The file is written before
 * and after each transition, so a platform that was killed finds out what it was doing.
 */
import type { SandboxState, SandboxVolume } from "@daytona/api-client";
import { join } from "node:path";
import type { NetworkKind, RootKind, Tier } from "../isolation/tier.ts";
import type { DirectoryIdentity } from "../kernel/mounts.ts";
import type { ProcessIdentity } from "../kernel/process-table.ts";
import { readJsonFile, writeJsonFile } from "../json-file.ts";
import { firstOrganizationId } from "../organizations.ts";
import { PlatformStartError } from "../outcome.ts";

export type DesiredState = "started" | "stopped" | "paused" | "archived" | "destroyed";

export interface SandboxRecord {
  format: 1;
  id: string;
  organizationId: string;
  /** Unique in its organisation. */
  name: string;
  /** Its own number: uid and gid are 100000 + number where the platform runs as root. */
  number: number;
  state: SandboxState;
  desiredState: DesiredState;
  errorReason: string | null;
  snapshot: string;
  /** What the create brought to be built; null where it named a snapshot. */
  dockerfile: string | null;
  sandboxClass: "linux-vm" | "container";
  labels: Record<string, string>;
  env: Record<string, string>;
  isPublic: boolean;
  volumes: SandboxVolume[];
  network: NetworkKind;
  /** Whether what runs now was started with a way out, which can be shut and opened. */
  hasDoor: boolean;
  cpu: number;
  memoryGib: number;
  diskGib: number;
  autoStopMinutes: number;
  autoPauseMinutes: number;
  autoArchiveMinutes: number;
  /** Negative is off, 0 is at once on stop. */
  autoDeleteMinutes: number;
  destroyAt: string | null;
  createdAt: string;
  updatedAt: string;
  lastActivityAt: string;
  stoppedAt: string | null;
  previewToken: string;
  signingKey: string;
  tier: Tier;
  rootKind: RootKind;
  lower: string;
  merged: DirectoryIdentity | null;
  process: ProcessIdentity | null;
  /** The host process that holds the sandbox (bubblewrap, unshare); ends with it. */
  launchedPid: number | null;
}

const fileName = "sandbox.json";

export function saveRecord(dir: string, record: SandboxRecord): void {
  writeJsonFile(join(dir, fileName), record);
}

/** Undefined where a create was killed before it wrote anything. */
export function loadRecord(dir: string): SandboxRecord | undefined {
  const value = readJsonFile(join(dir, fileName));
  if (value === undefined) return undefined;
  const complete =
    value["format"] === 1 &&
    typeof value["id"] === "string" &&
    typeof value["name"] === "string" &&
    typeof value["number"] === "number" &&
    typeof value["state"] === "string";
  if (!complete) {
    throw new PlatformStartError(
      `${join(dir, fileName)} is not a sandbox record of this version. ` +
        `Nothing was changed: repair the file or move ${dir} away, then start again.`,
    );
  }
  // Written by a platform that knew one organisation only, and no volumes.
  value["organizationId"] ??= firstOrganizationId;
  value["volumes"] ??= [];
  value["dockerfile"] ??= null;
  value["hasDoor"] ??= value["network"] === "proxy";
  return value as unknown as SandboxRecord;
}
