import type { BuildInfo, Sandbox } from "@daytona/api-client";
import type { Wire } from "../api/wire.ts";
import type { SandboxRecord } from "./record.ts";

/** One region and one runner: this machine. */
export const region = "local";

/** Daytona's own shape; fields that it sends as null are sent as null here, too. */
export function sandboxDto(record: SandboxRecord, apiOrigin: string, version: string): Sandbox {
  const nullable = {
    networkAllowList: null,
    domainAllowList: null,
    errorReason: record.errorReason,
    autoDestroyAt: record.destroyAt,
    backupState: "None",
  } as unknown as Partial<Sandbox>;
  return {
    id: record.id,
    organizationId: record.organizationId,
    name: record.name,
    target: region,
    snapshot: record.snapshot,
    user: "daytona",
    env: record.env,
    cpu: record.cpu,
    gpu: 0,
    memory: record.memoryGib,
    disk: record.diskGib,
    public: record.isPublic,
    networkBlockAll: record.network === "none",
    labels: record.labels,
    volumes: record.volumes,
    state: record.state,
    desiredState: record.desiredState,
    recoverable: record.state === "error",
    autoStopInterval: record.autoStopMinutes,
    autoPauseInterval: record.autoPauseMinutes,
    autoArchiveInterval: record.autoArchiveMinutes,
    autoDeleteInterval: record.autoDeleteMinutes,
    sandboxClass: record.sandboxClass,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    lastActivityAt: record.lastActivityAt,
    daemonVersion: version,
    runnerId: region,
    toolboxProxyUrl: `${apiOrigin}/toolbox`,
    ...nullable,
    ...buildInfo(record),
  };
}

function buildInfo({ dockerfile, snapshot, createdAt }: SandboxRecord): Partial<Sandbox> {
  if (dockerfile === null) return {};
  const times = { createdAt, updatedAt: createdAt };
  const info: Wire<BuildInfo> = { dockerfileContent: dockerfile, snapshotRef: snapshot, ...times };
  // On the wire dates are texts; the generated type describes what no client of it makes of them.
  return { buildInfo: info as unknown as BuildInfo };
}
